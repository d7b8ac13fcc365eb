"""Replies as values of a type: `messages.parse`, and the format that asks for them.

Rules: the schema that is sent is made of the type, and what Claude can't be held to stands in its
descriptions; the value is checked against the whole type all the same; a reply without a value is
an error that carries the reply.

Source: Anthropic, "Structured outputs"; the names are those of anthropic 2.12.0 (`messages.parse`,
`parsed_output`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import msgspec

from outcrop.bedrock.output_schema import restrict
from outcrop.client import annotations
from outcrop.errors import ConfigurationError, OutputError, RequestError
from outcrop.messages.view import view_of
from outcrop.messages.views import Message

if TYPE_CHECKING:
    from outcrop.messages.params import JSONOutputFormatParam

T = TypeVar("T")

Document = dict[str, Any]


class ParsedMessage(Message, Generic[T]):
    """A whole reply, and the value in it; made by `messages.parse`."""

    @property
    def parsed_output(self) -> T:
        """The value.

        Raises:
            OutputError: There's none yet: Claude stopped for a tool.
        """
        parsed = self._beside(-1)  # behind what every message has there
        if parsed is None:
            raise OutputError(
                f"The reply holds no value: stop_reason is {self.stop_reason!r}.",
                reply=self,
                mend="Answer its calls (run_tools does, with output_config=…) and ask again.",
            )
        return parsed[0]


def output_format(output_type: Any) -> JSONOutputFormatParam:
    """What `output_config={"format": …}` takes, for values of a type.

    Raises:
        ConfigurationError: The type has no JSON Schema, or none that Claude can be held to.
    """
    if isinstance(output_type, Mapping):
        raise ConfigurationError(
            "output_format is a dict, not a type.",
            mend="Give a schema as output_config={'format': {'type': 'json_schema', 'schema': …}}.",
        )
    name = getattr(output_type, "__name__", str(output_type))
    schema = annotations.describe(output_type, what=f"output_format={name}")
    try:
        return {"type": "json_schema", "schema": restrict(schema)}
    except RequestError as error:
        raise ConfigurationError(
            f"output_format={name}: {error.message}", mend=error.mend
        ) from error


def ask(params: Mapping[str, Any], output_type: Any) -> Document:
    """The arguments of `messages.create` that ask for a value of a type.

    Raises:
        ConfigurationError: The type can't be asked for, or another format is asked for too.
    """
    config: Mapping[str, Any] = params.get("output_config") or {}
    if config.get("format") is not None:
        raise ConfigurationError(
            "output_format and output_config['format'] both say what to answer with.",
            mend="Leave one of them out.",
        )
    return {**params, "output_config": {**config, "format": output_format(output_type)}}


def parse(reply: Message, output_type: type[T]) -> ParsedMessage[T]:
    """The reply with the value in it.

    Raises:
        OutputError: It holds no such value.
    """
    aside = tuple(reply._aside)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - a copy of the view
    made = cast("type[ParsedMessage[T]]", ParsedMessage)
    if reply.stop_reason in ("tool_use", "pause_turn"):
        return view_of(made, reply.whole(), (*aside, None))
    value = _read(reply, output_type)
    return view_of(made, reply.whole(), (*aside, (value,)))


def _read(reply: Message, output_type: Any) -> Any:
    match reply.stop_reason:
        case "refusal":
            details = reply.stop_details
            said = f": {details.explanation}" if details and details.explanation else ""
            raise OutputError(
                f"Claude refused to answer{said}.",
                reply=reply,
                mend="Ask otherwise; the same request is likely to be refused again.",
            )
        case "max_tokens" | "model_context_window_exceeded":
            raise OutputError(
                f"The JSON is cut: stop_reason is {reply.stop_reason!r} after "
                f"{reply.usage.output_tokens} tokens.",
                reply=reply,
                mend="Raise max_tokens, or ask for less.",
            )
        case _:
            pass
    text = "".join(block.text for block in reply.content if block.type == "text")
    try:
        return annotations.read_json(text, output_type)
    except msgspec.ValidationError as error:
        raise OutputError(
            f"The reply isn't a {getattr(output_type, '__name__', output_type)}: {error}.",
            reply=reply,
            mend="What the schema can't demand, such as ranges, Claude may miss: ask again.",
        ) from error
    except msgspec.DecodeError as error:
        shown = text if len(text) <= 80 else f"{text[:80]}…"
        raise OutputError(
            f"The reply isn't JSON ({error}): {shown!r}.",
            reply=reply,
            mend="Stop sequences can cut it; models without structured outputs don't hold to it.",
        ) from error
