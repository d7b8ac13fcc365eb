"""What of a request a model is known to refuse, told before the call with what to do about it.

Rules: only what the catalog knows for certain (a column that says `try`, or a flag that it lacks,
passes); the request is looked at, never used up: iterators pass unseen; what is taken out is a
field whose absence leaves the request sound, never a message.

Sources: the catalog's columns; `outcrop.bedrock.checks`, which has the service's own words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from msgspec import Struct

from outcrop.catalog import models
from outcrop.catalog.models import LATEST
from outcrop.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from outcrop.catalog.models import Model

Document = dict[str, Any]

#: Keywords of the Messages API that Bedrock doesn't take, and what to do instead.
NOT_ON_BEDROCK: Final = {
    "container": "Bedrock runs no code: leave it out.",
    "diagnostics": "Leave it out.",
    "inference_geo": "Choose the endpoint instead: endpoint=… or stay_in=….",
    "mcp_servers": "Bedrock calls no MCP servers: call them yourself, as tools.",
    "service_tier": "Send the header X-Amzn-Bedrock-Service-Tier in extra_headers.",
    "speed": "Leave it out.",
}


class Finding(Struct, frozen=True):
    """Something that the model won't take.

    Attributes:
        path: Where it stands, such as `output_config.effort`.
        why: What the model makes of it.
        mend: What to do.
        drop: Where it can be taken out: a field, the field in it, or the item of a list; None where
            the request would mean something else without it.
    """

    path: str
    why: str
    mend: str
    drop: tuple[str, ...] | None = None

    def __str__(self) -> str:
        return f"{self.path}: {self.why} {self.mend}"


def findings(document: Mapping[str, Any], *, model: Model, api: str) -> Iterator[Finding]:
    """What a model refuses of a request.

    Args:
        document: A Messages request, as its caller gave it.
        model: The catalog's row.
        api: `invoke` or `converse`.
    """
    for name, mend in NOT_ON_BEDROCK.items():
        if document.get(name) is not None:
            yield Finding(name, "Bedrock doesn't take it.", mend, (name,))
    if document.get("cache_control") is not None and not model.automatic_caching:
        mend = "Put it on the last block to be cached instead."
        yield Finding(
            "cache_control", f"{model.name} caches by blocks only.", mend, ("cache_control",)
        )
    most = document.get("max_tokens")
    if isinstance(most, int) and most > model.max_output:
        why = f"{model.name} answers with {model.max_output} tokens at most."
        yield Finding("max_tokens", why, f"Give {model.max_output} or less.")
    yield from _sampling(
        document, model, latest=api == "invoke" and model.api_versions[0] == LATEST
    )
    yield from _thinking(document, model)
    yield from _output(document, model)
    yield from _betas(document, api)
    if not model.prefill and _ends_with_claude(document):
        yield Finding(
            "messages",
            f"{model.name} doesn't go on from a message of its own.",
            "End with a user message; ask for a format by output_config or in words.",
        )


#: Fields that every model takes, whatever they say.
_ALWAYS_TAKEN: Final = frozenset(
    {"max_tokens", "messages", "metadata", "model", "stop_sequences", "system", "tools"}
)


def _is_plain(document: Mapping[str, Any], model: Model) -> bool:
    """Whether a request has only what every model takes; most have, so that it's asked first."""
    most = document.get("max_tokens")
    return (
        document.keys() <= _ALWAYS_TAKEN
        and isinstance(most, int)
        and most <= model.max_output
        and (model.prefill or not _ends_with_claude(document))
    )


def _sampling(document: Mapping[str, Any], model: Model, *, latest: bool) -> Iterator[Finding]:
    temperature, top_p = document.get("temperature"), document.get("top_p")
    if model.sampling:
        if model.one_of_temperature_and_top_p and temperature is not None and top_p is not None:
            why = f"{model.name} takes temperature or top_p, not both."
            yield Finding("top_p", why, "Leave one of them out.", ("top_p",))
        return
    defaults = {"temperature": temperature == 1, "top_p": _is_near_one(top_p), "top_k": False}
    for name, default in defaults.items():
        if document.get(name) is not None and (latest or not default):
            why = f"{model.name} takes no sampling parameters."
            yield Finding(name, why, "Leave it out; steer in words.", (name,))


def _is_near_one(value: object) -> bool:
    return isinstance(value, int | float) and value >= 0.99


def _thinking(document: Mapping[str, Any], model: Model) -> Iterator[Finding]:
    kind = _fields(document.get("thinking")).get("type")
    choice = _fields(document.get("tool_choice")).get("type")
    forced = choice in ("any", "tool")
    if isinstance(kind, str) and kind not in model.thinking:
        if model.thinking or kind != "disabled":
            kinds = ", ".join(map(repr, model.thinking)) or "none"
            why = f"{model.name} doesn't take the kind {kind!r}."
            yield Finding("thinking", why, f"It takes {kinds}.", ("thinking",))
    elif kind in ("adaptive", "enabled") and forced:
        why = f"A forced tool ({choice!r}) and thinking exclude each other."
        yield Finding("tool_choice", why, "Use {'type': 'auto'}, or leave thinking out.")
    if forced and not model.forced_tools:
        why = f"{model.name} can't be forced to call a tool."
        mend = "Use {'type': 'auto'} and ask for the tool in words."
        yield Finding("tool_choice", why, mend, ("tool_choice",))


def _output(document: Mapping[str, Any], model: Model) -> Iterator[Finding]:
    config = _fields(document.get("output_config"))
    effort = config.get("effort")
    if effort is not None and effort not in model.effort:
        levels = ", ".join(map(repr, model.effort)) or "none"
        why = f"{model.name} doesn't take the effort {effort!r}."
        mend = f"It takes {levels}."
        yield Finding("output_config.effort", why, mend, ("output_config", "effort"))
    if config.get("format") is not None and model.structured_outputs == "no":
        why = f"{model.name} on Bedrock takes no output format."
        yield Finding("output_config.format", why, "Use a tool with that schema instead.")


def _betas(document: Mapping[str, Any], api: str) -> Iterator[Finding]:
    refused = models.refused_betas("converse" if api == "converse" else "invoke")
    for name in ("betas", "anthropic_beta"):
        given = document.get(name)
        for flag in cast("list[object]", given) if isinstance(given, list | tuple) else ():
            if flag in refused:
                operation = "Converse" if api == "converse" else "InvokeModel"
                mend = "Leave it out: the feature isn't there, or needs no flag any more."
                yield Finding(
                    name, f"{operation} refuses the flag {flag!r}.", mend, (name, str(flag))
                )


def _ends_with_claude(document: Mapping[str, Any]) -> bool:
    messages = document.get("messages")
    if not isinstance(messages, list | tuple) or not messages:
        return False
    last = cast("object", messages[-1])
    return isinstance(last, dict) and cast("Document", last).get("role") == "assistant"


def _fields(value: object) -> Document:
    return cast("Document", value) if isinstance(value, dict) else {}


def apply(
    document: Document, *, model: Model, api: str, on_unsupported: str
) -> tuple[Document, list[Finding]]:
    """The request to send, and what was taken out of it.

    Args:
        document: A Messages request; it isn't changed.
        model: The catalog's row.
        api: `invoke` or `converse`.
        on_unsupported: `raise`, `drop` (what can be, the rest raises) or `send`.

    Raises:
        RequestError: Names everything that the model won't take, and what to do.
    """
    if on_unsupported == "send" or _is_plain(document, model):
        return document, []
    found = list(findings(document, model=model, api=api))
    if not found:
        return document, []
    stuck = [one for one in found if on_unsupported == "raise" or one.drop is None]
    if stuck:
        droppable = on_unsupported == "raise" and all(one.drop for one in stuck)
        other = (
            "on_unsupported='drop' leaves it out, 'send'" if droppable else "on_unsupported='send'"
        )
        raise RequestError(" ".join(map(str, stuck)), mend=f"({other} sends it all the same.)")
    document = dict(document)
    for one in found:
        _drop(document, one.drop or ())
    return document, found


def _drop(document: Document, place: tuple[str, ...]) -> None:
    name, *inner = place
    value = document.get(name)
    if not inner:
        document.pop(name, None)
    elif isinstance(value, dict):
        left = {key: item for key, item in cast("Document", value).items() if key != inner[0]}
        document[name] = left
        if not left:
            del document[name]
    elif isinstance(value, list | tuple):
        document[name] = [item for item in cast("list[object]", value) if item != inner[0]]
