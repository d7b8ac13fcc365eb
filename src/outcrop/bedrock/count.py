"""The CountTokens dialect: a Messages request in either of two envelopes, a number back.

Both halves side by side. The asker wraps the body of InvokeModel (`input.invokeModel.body`, base64)
or those fields of a Converse body that have a price (`input.converse`); the answerer unwraps them.

Rules: what can't change the count stays out of a Converse envelope, which has no member for it; an
InvokeModel body must be whole, so that `max_tokens` is put in where the caller counts without it.
Source: botocore `bedrock-runtime/2023-09-30/service-2.json` (`CountTokensRequest`); Amazon Bedrock
User Guide, "Monitor your token usage by counting tokens before running inference".
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, cast

import msgspec
import orjson

from outcrop.bedrock import converse, invoke
from outcrop.catalog import aliases, ids, models
from outcrop.catalog.models import LATEST
from outcrop.errors import APIResponseValidationError, RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outcrop.catalog.models import Model
    from outcrop.wire.http import Headers

Document = dict[str, Any]

#: Whose request is counted.
Api = Literal["invoke", "converse"]

#: Every model that CountTokens takes has this `anthropic_version`.
API_VERSION: Final = "bedrock-2023-05-31"
#: botocore: `ConverseTokensRequest`.
CONVERSE_MEMBERS: Final = ("messages", "system", "toolConfig", "additionalModelRequestFields")

# Who counts ──────────────────────────────────────────────────────────────────────────────────────


class Counter(NamedTuple):
    """Who counts for a model.

    Attributes:
        model_id: The model's name there.
        messages_route: Whether it is the Messages route (`outcrop.bedrock.messages_count`) that
            counts, rather than CountTokens.
        regions: Where it is known to count; empty where that isn't known, or it isn't known to.
    """

    model_id: str
    messages_route: bool
    regions: tuple[str, ...] = ()


@lru_cache(maxsize=1)
def _by_name() -> dict[str, tuple[Model, ...]]:
    return aliases.index(models.models())


def find_model(spelling: str) -> Model | None:
    """The model that an ID, a profile, an ARN or a name means; None if it's no certain one."""
    if model := models.find(ids.parse(spelling).base_id):
        return model
    _, name = aliases.split_prefix(spelling)
    named = _by_name().get(aliases.normalize(name), ())
    return named[0] if len(named) == 1 else None


@lru_cache(maxsize=512)
def count_route(model_id: str) -> Counter:
    """Who counts for a model, however it is spelt: as ID, profile, ARN or name.

    Neither counter takes an inference profile, though most models are called by one. CountTokens
    counts for the models that the catalog says it does; the Messages route for those that it has,
    and for what is newer than the catalog. A model that neither is known to count for is asked of
    the one that its generation would be on: AWS has the last word.

    Raises:
        RequestError: The spelling hides which model it is.
    """
    model = find_model(model_id)
    if model is None:
        base_id = ids.parse(model_id).base_id
        if base_id is None:
            raise RequestError(
                f"model={model_id!r} doesn't say which model it is, and Bedrock counts by model.",
                mend="Give the ID of the model behind it, such as 'anthropic.claude-opus-4-8'.",
            )
        return Counter(base_id, messages_route=True)
    if model.count_tokens:
        return Counter(model.id, messages_route=False)
    if model.messages_regions:
        name = model.messages_id or model.id
        return Counter(name, messages_route=True, regions=tuple(model.messages_regions))
    return Counter(model.id, messages_route=LATEST in model.api_versions)


# Asking half ─────────────────────────────────────────────────────────────────────────────────────


def write_ask(document: Mapping[str, Any], *, api: Api) -> bytes:
    """The body of a CountTokens call, from a Messages request.

    Args:
        document: The request, as for a reply; `max_tokens` may be left out.
        api: Whose request it would be: the two may differ in price, for a PDF say.

    Raises:
        RequestError: For a value that JSON can't hold, or that Converse has no counterpart for.
    """
    whole = {"max_tokens": room(document), **document}
    if api == "invoke":
        body = invoke.write_ask(whole, api_version=API_VERSION)
        return orjson.dumps({"input": {"invokeModel": {"body": b64encode(body).decode("ascii")}}})
    fields = converse.write_fields(whole)
    counted = {name: fields[name] for name in CONVERSE_MEMBERS if name in fields}
    return invoke.dump({"input": {"converse": counted}})


def room(document: Mapping[str, Any]) -> int:
    """The least `max_tokens` that a request is taken with: thinking needs more than its budget."""
    thinking = document.get("thinking")
    if hasattr(thinking, "get"):
        budget = cast("Mapping[str, Any]", thinking).get("budget_tokens")
        if isinstance(budget, int):
            return budget + 1
    return 1


def read_reply(body: bytes) -> int:
    """The number of input tokens.

    Raises:
        APIResponseValidationError: The body isn't a reply of CountTokens.
    """
    try:
        return msgspec.json.decode(body, type=_Reply).input_tokens
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise APIResponseValidationError(
            f"The reply has no 'inputTokens': {body[:200]!r}.",
            mend="Check base_url: does it name a Bedrock runtime endpoint?",
        ) from error


class _Reply(msgspec.Struct, frozen=True):
    input_tokens: int = msgspec.field(name="inputTokens")


# Answering half ──────────────────────────────────────────────────────────────────────────────────


def read_ask(given: Document) -> tuple[Api, Document]:
    """Whose request is to be counted, and that request: a Messages one, or the fields of Converse.

    Args:
        given: Its members, whose shapes are as botocore has them.

    Raises:
        ValidationException: The body of InvokeModel isn't a JSON object.
    """
    wanted: Document = given["input"]
    if "converse" in wanted:
        return "converse", wanted["converse"]
    try:
        body = b64decode(wanted["invokeModel"]["body"], validate=True)
    except (Base64Error, ValueError):
        body = b""
    return "invoke", invoke.read_ask(body)


def write_reply(count: int) -> tuple[Headers, bytes]:
    """Headers and body of a reply."""
    return [("Content-Type", "application/json")], orjson.dumps({"inputTokens": count})
