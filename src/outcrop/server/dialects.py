"""What InvokeModel and Converse do each in their own way: read a request, write an answer.

Rules: all else is shared, in `outcrop.server.runtime`; the bytes are those of
`outcrop.bedrock.invoke` and `.converse`, here stand only what a server adds (defaults, IDs, times,
padding) and who is speaking: through Converse, what the model itself refuses is told as such, what
Bedrock refuses isn't.

Sources: recorded traffic of both operations (IDs of tools, padding, headers; a Converse reply has
none of InvokeModel's `X-Amzn-Bedrock-*`); refusals as publicly reported; botocore
`bedrock-runtime/2023-09-30/service-2.json`.
"""

from __future__ import annotations

import random
import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Protocol

from outcrop.bedrock import (
    attachments,
    blocks,
    checks,
    converse,
    converse_checks,
    converse_reply,
    invoke,
    invoke_stream,
    pdfs,
)
from outcrop.bedrock.converse_stream import EventWriter
from outcrop.errors import ValidationException
from outcrop.server import shapes, signatures, text_mode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from outcrop.catalog.models import Model
    from outcrop.wire.http import Headers

Document = dict[str, Any]

BASE32: Final = "abcdefghijklmnopqrstuvwxyz234567"
BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_dice = random.Random()  # noqa: S311 - for IDs and padding, which guard nothing

NO_GUARDRAIL: Final = "The guardrail identifier or version provided in the request does not exist."
TOO_MANY_WANTED: Final = (
    "The maximum tokens you requested exceeds the model limit of {limit}. "
    "Try again with a maximum tokens value that is lower than {limit}."
)
#: What Converse puts before the model's own words.
THE_MODEL_SAYS: Final = "The model returned the following errors: "
#: What Converse calls `bytes`, as in "messages.0.content.2.image.source.bytes: image exceeds …".
_IMAGE_PLACE: Final = re.compile(r"(?<=\.image\.source\.)base64(?:\.data)?(?=:)")
#: The `anthropic_version` that Converse speaks to every model.
CONVERSE_VERSION: Final = "bedrock-2023-05-31"

#: Request headers that come back with the reply: member and values (botocore: `InvokeModel`).
_ECHOED: Final = {
    "x-amzn-bedrock-performanceconfig-latency": (
        "performanceConfigLatency",
        ("standard", "optimized"),
    ),
    "x-amzn-bedrock-service-tier": ("serviceTier", ("priority", "default", "flex", "reserved")),
}


class Framer(Protocol):
    """Writes events as the frames of a stream; the last ones tell how long it took."""

    def write(self, events: Iterable[Document], *, now: float) -> bytes:
        """The frames of some events.

        Args:
            events: In order, `message_stop` last of all.
            now: The same clock as that of the request's beginning.
        """
        ...


class Dialect(Protocol):
    """One request's way of being read and answered."""

    def read(self, body: bytes, *, model: Model) -> tuple[Document, int]:
        """The Messages request in a body, and its input tokens, estimated.

        Raises:
            ValidationException: Bedrock or the model refuses it.
        """
        ...

    def tool_id(self) -> str:
        """The ID of a new tool call."""
        ...

    def write_reply(self, message: Document, *, latency: int) -> tuple[Headers, bytes]:
        """Headers and body of a whole reply; `latency` in milliseconds."""
        ...

    def stream_headers(self) -> Headers:
        """The headers of a streamed reply."""
        ...

    def framer(self, began: float) -> Framer:
        """What writes the frames of a streamed reply.

        Args:
            began: When the request came, on a steady clock, in seconds.
        """
        ...


# InvokeModel ─────────────────────────────────────────────────────────────────────────────────────


class InvokeModel:
    """InvokeModel and InvokeModelWithResponseStream.

    Args:
        header: Looks up a header of the request, by its name in lower case.

    Raises:
        ValidationException: A header asks for what doesn't exist.
    """

    def __init__(self, header: Callable[[str], str | None]) -> None:
        if header("x-amzn-bedrock-guardrailidentifier"):
            raise ValidationException(NO_GUARDRAIL)
        self._echo: Headers = []
        for name, (member, allowed) in _ECHOED.items():
            value = header(name)
            if value and value not in allowed:
                raise ValidationException(
                    f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy "
                    f"constraint: Member must satisfy enum value set: [{', '.join(allowed)}]"
                )
            if value:
                self._echo.append((name, value))

    def read(self, body: bytes, *, model: Model) -> tuple[Document, int]:
        """See Dialect."""
        document = invoke.read_ask(body)
        return document, check_invoke(document, model=model)

    def tool_id(self) -> str:
        """See Dialect."""
        return f"toolu_bdrk_01{letters(BASE58, 22)}"

    def write_reply(self, message: Document, *, latency: int) -> tuple[Headers, bytes]:
        """See Dialect."""
        headers, body = invoke.write_reply(message, latency=latency)
        return [*headers, *self._echo], body

    def stream_headers(self) -> Headers:
        """See Dialect."""
        return [*invoke_stream.stream_headers(), *self._echo]

    def framer(self, began: float) -> Framer:
        """See Dialect."""
        return InvokeFramer(began)


class InvokeFramer:
    """The chunks of InvokeModelWithResponseStream, with the metrics in the last one.

    Args:
        began: When the request came, on a steady clock, in seconds.
    """

    def __init__(self, began: float) -> None:
        self._began = began
        self._first: int | None = None
        self._usage: Document = {}

    def write(self, events: Iterable[Document], *, now: float) -> bytes:
        """See Framer."""
        if self._first is None:
            self._first = _milliseconds(self._began, now)
        frames: list[bytes] = []
        for event in events:
            shown = event
            match event["type"]:
                case "content_block_delta":
                    pass
                case "message_start":
                    self._usage |= event["message"]["usage"]
                case "message_delta":
                    self._usage |= event["usage"]
                case "message_stop":
                    latency = _milliseconds(self._began, now)
                    metrics = invoke_stream.metrics(
                        self._usage, latency=latency, first_byte=self._first
                    )
                    shown = {**event, "amazon-bedrock-invocationMetrics": metrics}
                case _:
                    pass
            frames.append(invoke_stream.write_event(shown, padding=_padding()))
        return frames[0] if len(frames) == 1 else b"".join(frames)


# Converse ────────────────────────────────────────────────────────────────────────────────────────


class Converse:
    """Converse and ConverseStream."""

    def __init__(self) -> None:
        self._extras = converse.Extras()

    def read(self, body: bytes, *, model: Model) -> tuple[Document, int]:
        """See Dialect; a request that names no `max_tokens` may have the model's most."""
        document, self._extras = read_converse(read_json(body, "Converse"))
        if self._extras.guardrail_config is not None:
            raise ValidationException(NO_GUARDRAIL)
        wanted = document.setdefault("max_tokens", model.max_output)
        if isinstance(wanted, int) and wanted > model.max_output:
            raise ValidationException(TOO_MANY_WANTED.format(limit=model.max_output))
        return document, check_converse(document, model=model)

    def tool_id(self) -> str:
        """See Dialect."""
        return f"tooluse_{letters(BASE62, 22)}"

    def write_reply(self, message: Document, *, latency: int) -> tuple[Headers, bytes]:
        """See Dialect."""
        return converse_reply.write_reply(message, latency=latency, extras=self._extras)

    def stream_headers(self) -> Headers:
        """See Dialect."""
        return [("Content-Type", "application/vnd.amazon.eventstream")]

    def framer(self, began: float) -> Framer:
        """See Dialect."""
        return ConverseFramer(began, self._extras)


class ConverseFramer:
    """The frames of ConverseStream, `metadata` last.

    Args:
        began: When the request came, on a steady clock, in seconds.
        extras: What the request asked of Bedrock.
    """

    def __init__(self, began: float, extras: converse.Extras) -> None:
        self._began = began
        self._writer = EventWriter(extras)

    def write(self, events: Iterable[Document], *, now: float) -> bytes:
        """See Framer."""
        frames: list[bytes] = []
        for event in events:
            frames.append(self._writer.write(event, padding=_padding()))
            if event["type"] == "message_stop":
                latency = _milliseconds(self._began, now)
                frames.append(self._writer.finish(latency=latency, padding=_padding()))
        return b"".join(frames)


def check_invoke(document: Document, *, model: Model) -> int:
    """The estimated input tokens of a request that came through InvokeModel, if it is taken.

    Args:
        document: The Messages request.
        model: Which model it is for.

    Raises:
        ValidationException: Bedrock or the model would refuse it.
    """
    used = checks.check(document, model=model)
    signatures.check(document)
    return used


def read_json(body: bytes, operation: str) -> Document:
    """The members of a request whose shapes are as AWS's service model has them.

    Raises:
        ValidationException: They aren't.
    """
    given = converse.parse(body)
    shapes.check("bedrock-runtime", operation, given)
    return given


def read_converse(given: Document) -> tuple[Document, converse.Extras]:
    """The Messages request that Bedrock makes of Converse's, and what is asked of Bedrock.

    There are no guardrails here, so that what is marked for them is as if it weren't. Documents
    without citations have become text: that takes a while.

    Raises:
        ValidationException: Converse refuses it.
    """
    converse_checks.check(given)
    document, extras = converse.read_ask(given)
    for holder, name in (
        *((message, "content") for message in document.get("messages", ())),
        *(((document, "system"),) if "system" in document else ()),
    ):
        holder[name] = [blocks.unguarded(block) for block in holder[name]]
    if not any(attachments.blocks(document, "document")):
        return document, extras
    try:
        pdfs.check(document, most=None, place=pdfs.CONVERSE)
        return text_mode.inline(document), extras
    except ValidationException as error:
        raise ValidationException(THE_MODEL_SAYS + error.message) from None


def check_converse(document: Document, *, model: Model) -> int:
    """The estimated input tokens of a request that came through Converse, if the model takes it.

    Args:
        document: The Messages request that Bedrock makes of it.
        model: Which model it is for.

    Raises:
        ValidationException: The model would refuse it, in its words behind Converse's prefix.
    """
    asked = {"anthropic_version": CONVERSE_VERSION, "max_tokens": model.max_output, **document}
    try:
        return check_invoke(asked, model=model)
    except ValidationException as error:
        words = _IMAGE_PLACE.sub("bytes", error.message)
        raise ValidationException(THE_MODEL_SAYS + words) from None


def letters(alphabet: str, count: int) -> str:
    """Letters drawn at random, not quite evenly: for IDs, which guard nothing."""
    return _dice.randbytes(count).translate(_table(alphabet)).decode()


@cache
def _table(alphabet: str) -> bytes:
    """A letter of an alphabet for each byte."""
    return bytes([ord(alphabet[code % len(alphabet)]) for code in range(256)])


def _padding() -> int:
    return 2 + int(_dice.random() * 61)


def _milliseconds(began: float, now: float) -> int:
    return round((now - began) * 1000)
