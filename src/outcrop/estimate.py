"""What a text or a request costs, about, without asking anybody.

Rules: an estimate says that it is one, and how far off it may be; it counts what would be sent,
with the same code as the local Bedrock, so that the two agree; nothing is sent, and there is no
vocabulary to load. The method and its error: `outcrop.messages.tokens`; how they were measured:
`bench/tokens` in the repository.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

import msgspec

from outcrop.bedrock import converse, invoke
from outcrop.bedrock.count import find_model
from outcrop.errors import RequestError
from outcrop.messages import prompt_tokens, tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from outcrop.bedrock.count import Api
    from outcrop.messages.params import MessageUnionParam, TextBlockParam
    from outcrop.messages.tools import BetaToolUnionParam, ToolUnionParam

#: What is taken where nothing says which model it is: the tokenizer that counts more.
LATEST: tokens.Generation = "4.7"


@dataclass(frozen=True, slots=True)
class Estimate:
    """About how many input tokens something costs.

    Attributes:
        tokens: The estimate; `int(estimate)` is the same.
        error: How far off it may be, as a part of the true count: of kinds of text that the
            estimator wasn't fitted on, nine in ten were within it.
        generation: Whose tokenizer: "4.6" for Claude models up to 4.6, "4.7" for 4.7 and later.
    """

    tokens: int
    error: float
    generation: tokens.Generation

    @property
    def low(self) -> int:
        """The true count if the estimate is too high by all of its error."""
        return int(self.tokens / (1 + self.error))

    @property
    def high(self) -> int:
        """The true count if the estimate is too low by all of its error: what to plan with."""
        return ceil(self.tokens / (1 - self.error))

    def __int__(self) -> int:
        return self.tokens

    def __str__(self) -> str:
        return f"about {self.tokens:,} tokens"

    def __repr__(self) -> str:
        whose = "from 4.7" if self.generation == "4.7" else "up to 4.6"
        return (
            f"<Estimate: about {self.tokens:,} tokens ({self.low:,} to {self.high:,}), "
            f"Claude {whose}>"
        )


def estimate_tokens(
    text_or_messages: str | Iterable[MessageUnionParam],
    *,
    model: str | None = None,
    system: str | Iterable[TextBlockParam] | None = None,
    tools: Iterable[ToolUnionParam | BetaToolUnionParam] | None = None,
    tool_choice: Mapping[str, Any] | None = None,
    api: Api = "invoke",
) -> Estimate:
    """About how many input tokens a text or a request costs; offline, in about a millisecond.

    For the true number ask `client.messages.count_tokens`, where Bedrock counts for the model.

    Args:
        text_or_messages: A string is a text by itself. A list of messages is a whole request, with
            what Claude reads around them.
        model: In any spelling; without it, and for one that the catalog doesn't know, the latest
            tokenizer counts, which counts more than the one before.
        system: The system prompt of the request.
        tools: The tools of the request.
        tool_choice: Forced tools have a system prompt of another length.
        api: Whose request it would be: InvokeModel's ("invoke") or Converse's ("converse").

    Raises:
        RequestError: For what couldn't be sent.
    """
    generation = _generation(model)
    more = {"system": system, "tools": tools, "tool_choice": tool_choice}
    given = {name: value for name, value in more.items() if value is not None}
    if isinstance(text_or_messages, str):
        if given:
            raise RequestError(
                f"{', '.join(given)} can't go with a bare text.",
                mend="Give messages: [{'role': 'user', 'content': '…'}].",
            )
        count = tokens.estimate(text_or_messages, generation=generation)
    else:
        document = {"messages": text_or_messages, **given}
        if api == "converse":
            fields = converse.write_fields({"max_tokens": 1, **document})
            document, _ = converse.read_ask(msgspec.json.decode(invoke.dump(fields)))
        else:
            document = msgspec.json.decode(invoke.dump(document))
        count = prompt_tokens.count_request(document, generation=generation)
    return Estimate(count, tokens.ERRORS[generation], generation)


def _generation(model_id: str | None) -> tokens.Generation:
    if model_id is None:
        return LATEST
    model = find_model(model_id)
    return model.tokenizer if model else LATEST
