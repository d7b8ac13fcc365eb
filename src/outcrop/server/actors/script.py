r"""The actor `script:FILE`: answers by the rules of a YAML file, the first that matches.

Rules: the file is checked whole when it is loaded, and each complaint names the file, the line,
the rule, the field, what it holds and what it may hold; a request that no rule matches is refused,
never guessed at. A FILE that ends in `.py` is Python: see `outcrop.server.actors.function`.

A file is a list of rules. All conditions of a rule have to hold; a rule without conditions always
matches:

    - when: {prompt: "weather"}         # part of the prompt, as written
      reply: "Sunny."                   # sent word by word
    - when: {regex: "(?i)^hi\\b"}       # searched in the prompt
      reply: ["Hel", {wait: 0.5}, {text: "lo"}]
    - when: {turn: 2, system: "pirate"} # user messages so far; part of the system prompt
      reply: [{tool_use: {name: now, input: {zone: UTC}}}]
    - when: {tool_result: true}         # the last message has tool results
      reply: "It is noon."
    - when: {tool_result: "rain"}       # part of the text of the tool results
      reply: "Take an umbrella."
    - when: {tools: [get_weather]}      # offered, maybe among others; [] is no tools at all
      reply: [{tool_use: {name: get_weather, input: {city: Paris}}}]
    - when: {thinking: true}            # the request turns thinking on
      reply:
        - thinking: "Twice two, then."  # a block of its own, and so are the next two
        - redacted_thinking: "Hm."      # shown encrypted
        - text: "Grass is green."
          citations:                    # as Anthropic's API writes them
            - {type: char_location, cited_text: "Grass is green. ", document_index: 0,
               document_title: Grass, start_char_index: 0, end_char_index: 16}
    - when: {model: "claude-opus-*"}    # the name, or the ID or ARN as called
      error: {name: ThrottlingException, message: "Too many requests", after: 3}
      reply: "Four words come through"  # with an error: so many pieces of it come before
      delay: 0.2                        # seconds before all else
      times: 1                          # matches so often, then no more
    - when: {operation: "Converse*"}    # AWS's name: InvokeModel, ConverseStream, …
      error: {name: ServiceUnavailableException, retry_after: 2}
    - when: {prompt: "bomb"}
      reply: "No."
      stop_reason: refusal
    - when: {prompt_is: "Hi", system_is: ""}  # the whole of each; there's tool_result_is too
      reply: "Hello."
    - else: "Whatever else is asked."   # the last rule; the same as a reply without conditions

The prompt is the text of the last user message, "" if that holds tool results only. Of it a regular
expression sees the first 10,000 characters. It is run as it is: one that takes long on some text
(nested repetitions) takes long here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from outcrop.errors import ConfigurationError, ValidationException
from outcrop.server.actors import Piece, Refuse, Stop, Wait
from outcrop.server.actors.reading import read
from outcrop.server.actors.script_file import read_rules
from outcrop.server.actors.script_rules import summary

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from outcrop.server.actors import Ask
    from outcrop.server.actors.script_rules import Rule

#: Bytes of a file.
LARGEST: Final = 4 << 20


class Script:
    """Answers by rules from a file; see the module.

    Args:
        rules: The rules, in order.
        name: What refusals call the script.
    """

    def __init__(self, rules: list[Rule], *, name: str = "script") -> None:
        self.rules = rules
        self.name = name

    @classmethod
    def load(cls, path: Path) -> Script:
        """The script in a YAML file.

        Raises:
            ConfigurationError: The file can't be read, or isn't a script.
        """
        try:
            with path.open("rb") as file:
                data = file.read(LARGEST + 1)
            text = data.decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it isn't UTF-8"
            raise ConfigurationError(f"The script {path} can't be read: {reason}.") from error
        if len(data) > LARGEST:
            raise ConfigurationError(f"The script {path} is larger than {LARGEST:,} bytes.")
        return cls.parse(text, name=path.name)

    @classmethod
    def parse(cls, text: str, *, name: str = "script") -> Script:
        """The script in a YAML text.

        Raises:
            ConfigurationError: The text isn't a script.
        """
        return cls(read_rules(text, name), name=name)

    async def start(self) -> None:
        """Nothing to make ready."""

    async def answer(self, ask: Ask) -> AsyncGenerator[Piece, None]:
        """The answer of the first rule that matches."""
        reading = read(ask.document)
        rule = next(
            (rule for rule in self.rules if rule.left and rule.when.holds(ask, reading)), None
        )
        if rule is None:
            yield Refuse(
                ValidationException(
                    f"No rule of {self.name} matches {summary(ask, reading)}.",
                    mend="Add a rule, or `- else: …` at the end.",
                )
            )
            return
        rule.left -= 1
        if rule.delay:
            yield Wait(rule.delay)
        sent = rule.pieces if ask.streamed else rule.joined
        if rule.failure is not None:
            sent = rule.pieces[: rule.failure.after]
        for piece in sent:
            yield piece
        if rule.failure is not None:
            yield Refuse(rule.failure.error())
        elif rule.stop_reason is not None:
            stops: Any = ask.document.get("stop_sequences")
            which = next(iter(stops or ()), None) if rule.stop_reason == "stop_sequence" else None
            yield Stop(rule.stop_reason, which)

    async def close(self) -> None:
        """Nothing to release."""
