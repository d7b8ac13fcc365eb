"""An actor's pieces made into the stream events of one Anthropic message: assembly's counterpart.

Rules: however a text comes in pieces, the message is the same (text, stop reason, usage); what
has been handed out is never taken back, so the possible beginning of a stop sequence is held until
it is decided; nothing is made up here, neither IDs nor times, and signatures are given in.

Sources: Anthropic, "Streaming messages" (order and shapes of the events, the empty first
`input_json_delta`), "Thinking" (`signature_delta`, omitted text), "Messages" (`stop_sequences`,
`max_tokens`, `stop_reason`), and captures of InvokeModelWithResponseStream (key order of
`message_start`, citations before the text that they are for).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from outcrop.messages.tokens import Generation, Meter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Event = dict[str, Any]

_JSON_PIECE: Final = 16  # characters of tool input in an event


class Composer:
    """Makes the events of one message, from `message_start` to `message_stop`.

    Call `start`, then `text`, `thinking`, `tool_use` and so on as the actor goes, then `finish`;
    each gives the events to send now. Once `done` is true, further pieces change nothing and the
    actor can be stopped.

    - Text: after the part that fits into `max_tokens`, nothing more is sent. The cut is the last
      character that still fits, wherever that is, because only then it doesn't depend on pieces.
    - Stop sequences are looked for in the part that fits, within one text block. The one that is
      complete first wins; of two that end together, the longer. It and what follows isn't sent.
    - Thinking is cut at `max_tokens` like a text, and costs the same whether it is shown, omitted
      or redacted. Stop sequences aren't looked for in it.
    - Tool use: an input that doesn't fit is cut like a text, so that its JSON is broken: clients
      get that from Claude too ("Handling stop reasons", `max_tokens`).

    Args:
        message_id: Its ID.
        model: First-party name of the model.
        input_tokens: What the request costs.
        max_tokens: The most that the message may cost.
        generation: Of the tokenizer that counts.
        stop_sequences: Texts that end the message; empty ones don't.
        sign: Gives the signature of a block's thinking; without it blocks carry none.
        omit_thinking: Whether thinking is sent without its text: its signature stands for it.
        cached: What replaces `input_tokens` and the zeros for the cache in `usage`.

    Attributes:
        done: Whether the end of the message is known.
        stop_reason: Why it ended; None until that is known.
        stop_sequence: The stop sequence that matched, if one did.
    """

    def __init__(
        self,
        *,
        message_id: str,
        model: str,
        input_tokens: int,
        max_tokens: int,
        generation: Generation,
        stop_sequences: Sequence[str] = (),
        sign: Callable[[str], str] | None = None,
        omit_thinking: bool = False,
        cached: Mapping[str, Any] | None = None,
    ) -> None:
        self.done = False
        self.stop_reason: str | None = None
        self.stop_sequence: str | None = None
        self._message_id = message_id
        self._model = model
        self._input_tokens = input_tokens
        self._max_tokens = max_tokens
        self._generation: Generation = generation
        self._sequences = [_Sequence(text) for text in stop_sequences if text]
        self._index = -1  # of the content block last begun
        self._open: str | None = None  # the type of the block that is open
        self._held = ""  # text that may turn out to begin a stop sequence
        self._count_anew()
        self._before = 0  # tokens of the blocks before this one
        self._sign = sign
        self._omit_thinking = omit_thinking
        self._cached = cached or {}
        self._thought: list[str] = []  # the thinking of the block that is open
        self._citations: Sequence[Mapping[str, Any]] | None = None  # of the text block to begin
        self._cut = False
        self._called = False

    @property
    def output_tokens(self) -> int:
        """Tokens of what has been sent, estimated; `max_tokens` if the message was cut there.

        An empty message counts as one token, its end.
        """
        if self._cut:
            return self._max_tokens
        return max(1, self._before + self._sent.total)

    def start(self) -> list[Event]:
        """`message_start`; its `usage` has the input tokens and the first output token."""
        usage = {
            "input_tokens": self._input_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            **self._cached,
            "output_tokens": 1,
        }
        message: Event = {
            "model": self._model,
            "id": self._message_id,
            "type": "message",
            "role": "assistant",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage,
        }
        return [{"type": "message_start", "message": message}]

    def text(self, piece: str) -> list[Event]:
        """Some text; a text block begins if none is open."""
        if self.done or not piece:
            return []
        if self._open == "thinking":
            return [*self._close(), *self.text(piece)]
        fits = piece[: self._read.take(piece, limit=self._max_tokens - self._before)]
        if not self._sequences:
            if len(fits) < len(piece):
                self._end("max_tokens", cut=True)
            return self._send(fits)
        ends = [sequence.find(fits) for sequence in self._sequences]
        if found := [
            (end, -len(sequence.text), sequence.text)
            for end, sequence in zip(ends, self._sequences, strict=True)
            if end is not None
        ]:
            end, length, self.stop_sequence = min(found)
            self._end("stop_sequence")
            kept = (self._held + fits)[: len(self._held) + end + length]
            self._held = ""
            return self._send(kept)
        known = self._held + fits
        if len(fits) < len(piece):
            self._end("max_tokens", cut=True)
            self._held = ""
            return self._send(known)
        hold = max(sequence.matched for sequence in self._sequences)
        self._held = known[len(known) - hold :]
        return self._send(known[: len(known) - hold])

    def cited_text(self, text: str, citations: Sequence[Mapping[str, Any]]) -> list[Event]:
        """A whole text, as a block of its own, behind what it is founded on.

        Args:
            text: Like any text, it is cut at `max_tokens` and at stop sequences.
            citations: As Anthropic's API writes them; each is a `citations_delta`.
        """
        if self.done or not text:
            return []
        events = self._close()
        self._citations = citations
        events += [*self.text(text), *self._close()]
        self._citations = None
        return events

    def thinking(self, piece: str) -> list[Event]:
        """Some thinking; a thinking block begins if none is open, and ends with its signature."""
        if self.done or not piece:
            return []
        events = [] if self._open == "thinking" else self._close()
        fits = piece[: self._sent.take(piece, limit=self._max_tokens - self._before)]
        if fits and self._open is None:
            events += self._begin({"type": "thinking", "thinking": "", "signature": ""})
        self._thought.append(fits)
        if fits and not self._omit_thinking:
            events.append(self._delta("thinking_delta", "thinking", fits))
        if len(fits) < len(piece):
            self._end("max_tokens", cut=True)
        return events

    def redacted_thinking(self, data: str, *, hidden: str = "") -> list[Event]:
        """Thinking that the reader can't read, as a block of its own.

        Args:
            data: What the reader gets.
            hidden: The thinking in it, which is paid for; if it doesn't fit, no block is sent.
        """
        if self.done:
            return []
        events = self._close()
        if self._sent.take(hidden, limit=self._max_tokens - self._before) < len(hidden):
            self._count_anew()
            self._end("max_tokens", cut=True)
            return events
        return [*events, *self._begin({"type": "redacted_thinking", "data": data}), *self._close()]

    def tool_use(self, id: str, name: str, input: Mapping[str, Any]) -> list[Event]:  # noqa: A002 - the block's own field names
        """A whole tool call, as a block of its own.

        Raises:
            TypeError: The input holds something that JSON can't.
            ValueError: The input holds a NaN, an infinity or itself.
        """
        if self.done:
            return []
        written = json.dumps(input, ensure_ascii=False, allow_nan=False)
        events = self._close()
        left = self._max_tokens - self._before - self._sent.add(name)
        if left < 0:
            self._count_anew()
            self._end("max_tokens", cut=True)
            return events
        self._before += self._sent.total
        self._count_anew()
        fits = written[: self._sent.take(written, limit=left)]
        self._called = True
        events += self._begin({"type": "tool_use", "id": id, "name": name, "input": {}})
        pieces = ["", *(fits[at : at + _JSON_PIECE] for at in range(0, len(fits), _JSON_PIECE))]
        events += [self._delta("input_json_delta", "partial_json", piece) for piece in pieces]
        if len(fits) < len(written):
            self._end("max_tokens", cut=True)
        return events + self._close()

    def stop(self, reason: str, sequence: str | None = None) -> list[Event]:
        """The end for a reason of the actor's; what was held is sent. Without effect once done."""
        if self.done:
            return []
        self._end(reason)
        self.stop_sequence = sequence
        return self._release()

    def finish(self) -> list[Event]:
        """The last events; unless it ended otherwise, the reason is `tool_use` or `end_turn`."""
        events = self._close()
        if not self.done:
            self._end("tool_use" if self._called else "end_turn")
        delta = {"stop_reason": self.stop_reason, "stop_sequence": self.stop_sequence}
        usage = {"output_tokens": self.output_tokens}
        return [
            *events,
            {"type": "message_delta", "delta": delta, "usage": usage},
            {"type": "message_stop"},
        ]

    def _end(self, reason: str, *, cut: bool = False) -> None:
        self.done = True
        self.stop_reason = reason
        self._cut = cut

    def _send(self, text: str) -> list[Event]:
        if not text:
            return []
        if self._sent is not self._read:
            self._sent.put(text)
        events = [] if self._open == "text" else self._begin_text()
        events.append(self._delta("text_delta", "text", text))
        return events

    def _release(self) -> list[Event]:
        held, self._held = self._held, ""
        return self._send(held)

    def _begin_text(self) -> list[Event]:
        if self._citations is None:
            return self._begin({"type": "text", "text": ""})
        events = self._begin({"type": "text", "text": "", "citations": []})
        deltas = [self._delta("citations_delta", "citation", one) for one in self._citations]
        return events + deltas

    def _begin(self, block: dict[str, Any]) -> list[Event]:
        self._index += 1
        self._open = str(block["type"])
        return [{"type": "content_block_start", "index": self._index, "content_block": block}]

    def _delta(self, kind: str, key: str, value: str | Mapping[str, Any]) -> Event:
        delta = {"type": kind, key: value}
        return {"type": "content_block_delta", "index": self._index, "delta": delta}

    def _count_anew(self) -> None:
        """Nothing of a block is counted yet."""
        #: Its text without what is held.
        self._sent = Meter(generation=self._generation)
        #: Its text; the same where nothing is ever held.
        self._read = Meter(generation=self._generation) if self._sequences else self._sent

    def _close(self) -> list[Event]:
        """End the open block, if there is one; stop sequences don't reach across blocks."""
        events = self._release()
        self._before += self._sent.total
        self._count_anew()
        for sequence in self._sequences:
            sequence.matched = 0
        thought, self._thought = "".join(self._thought), []
        if self._open is None:
            return events
        if self._open == "thinking" and self._sign is not None:
            events.append(self._delta("signature_delta", "signature", self._sign(thought)))
        self._open = None
        return [*events, {"type": "content_block_stop", "index": self._index}]


class _Sequence:
    """One stop sequence, looked for in a text that comes in pieces, in linear time.

    Knuth, Morris and Pratt, "Fast pattern matching in strings" (1977).

    Attributes:
        text: The sequence.
        matched: How much of it the text so far ends with.
    """

    __slots__ = ("_fallbacks", "matched", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.matched = 0
        self._fallbacks = [0]  # for each length matched: the next shorter beginning that fits too
        for char in text[1:]:
            self._fallbacks.append(self._step(self._fallbacks[-1], char))

    def _step(self, matched: int, char: str) -> int:
        while matched and self.text[matched] != char:
            matched = self._fallbacks[matched - 1]
        return matched + (self.text[matched] == char)

    def find(self, piece: str) -> int | None:
        """Where in the piece the sequence is complete for the first time, counted to its end."""
        at = 0
        while at < len(piece):
            if not self.matched:
                at = piece.find(self.text[0], at)
                if at < 0:
                    return None
            self.matched = self._step(self.matched, piece[at])
            at += 1
            if self.matched == len(self.text):
                return at
        return None
