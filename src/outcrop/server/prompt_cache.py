"""Prompt caching: which part of a request has been read before, and what that makes of its usage.

Rules: a prefix is known by its hash, which covers all that the model reads up to its end and all
that would have changed how it reads it; it is written where a request has a `cache_control`, and
nowhere else, and found from there or up to 19 blocks before; nothing of a prompt is kept but
hashes; the clock is given. Read, written and the rest add up to what the request costs without a
cache, by the same estimate.

Sources: Anthropic, "Prompt caching" ("How automatic prefix checking works", "What invalidates the
cache", "Mixing different TTLs"; https://platform.claude.com/docs); Amazon Bedrock User Guide,
"Prompt caching for faster model inference".
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from outcrop.bedrock.cache_points import is_cacheable, points
from outcrop.messages import prompt_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from outcrop.catalog.models import Model

Document = dict[str, Any]

#: "The system checks at most 20 positions per breakpoint, counting the breakpoint itself".
LOOK_BACK: Final = 20
#: Seconds that a prefix is kept after it was written or last read.
LIVES: Final = {"5m": 300.0, "1h": 3600.0}
#: Prefixes that are kept at most, of everybody together; the one that was used longest ago goes.
MOST_PREFIXES: Final = 10_000


class Scope(NamedTuple):
    """What a prefix is shared within.

    Attributes:
        account: Whose request it is: twelve digits.
        region: Whose endpoint is called.
        model: Base ID.
    """

    account: str
    region: str
    model: str


@dataclass(frozen=True, slots=True)
class Usage:
    """The input tokens of a request, by what the cache had to do with them.

    Attributes:
        input_tokens: After the last prefix that was read or written.
        cache_read: Read.
        written_5m: Written, to be kept for five minutes.
        written_1h: Written, to be kept for an hour.
    """

    input_tokens: int
    cache_read: int = 0
    written_5m: int = 0
    written_1h: int = 0

    def fields(self) -> Document:
        """The same as the `usage` of a message has it."""
        return {
            "input_tokens": self.input_tokens,
            "cache_creation_input_tokens": self.written_5m + self.written_1h,
            "cache_read_input_tokens": self.cache_read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": self.written_5m,
                "ephemeral_1h_input_tokens": self.written_1h,
            },
        }


class Prefix(NamedTuple):
    """A request up to the end of one of its blocks.

    Attributes:
        digest: Its hash.
        tokens: What it costs.
        nested: Whether the block stands in a tool result; such a one isn't counted in looking back.
        life: Seconds that the request wants it kept; None if it doesn't ask for that.
    """

    digest: bytes
    tokens: int
    nested: bool
    life: float | None


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the cache has to know of a request.

    Attributes:
        prefixes: From the shortest to the whole request.
        total: Input tokens of the request.
        minimum: Tokens that a prefix must have to be kept.
    """

    prefixes: tuple[Prefix, ...]
    total: int
    minimum: int


def read_prompt(
    document: Mapping[str, Any], *, model: Model, scope: Scope, total: int
) -> Prompt | None:
    """What the cache has to know of a request; None for one of which nothing is to be cached.

    Args:
        document: The Messages request, checked.
        model: Which model it is for.
        scope: What its prefixes are shared within.
        total: Its input tokens, by `count_request`.
    """
    automatic = _life(document.get("cache_control"))
    if model.cache_minimum is None or (automatic is None and not any(points(document))):
        return None
    parts = list(prompt_tokens.parts(document, model.tokenizer))
    lives = [_life(_fields(part.block).get("cache_control")) for part in parts]
    if automatic is not None:
        # "The last cacheable block"; a point of its own keeps its life.
        last = [at for at, part in enumerate(parts) if is_cacheable(_fields(part.block))][-1:]
        for at in last:
            lives[at] = lives[at] or automatic
    try:
        digests = list(_digests(document, parts, scope))
    except RecursionError:  # nested as deep as JSON may be: nobody's prompt
        return None
    prefixes = (
        Prefix(digest, part.prefix, part.result is not None, life)
        for digest, part, life in zip(digests, parts, lives, strict=True)
    )
    return Prompt(tuple(prefixes), total, model.cache_minimum)


def _digests(
    document: Mapping[str, Any], parts: list[prompt_tokens.Part], scope: Scope
) -> Iterator[bytes]:
    """The hash of a request up to the end of each of its parts."""
    beside = _beside(document, parts)
    chain = hashlib.sha256(_bytes(scope))
    section = ""
    for part in parts:
        if part.section != section:
            section = part.section
            chain.update(_bytes([section, beside[section]]))
        result = part.result and _unmarked(part.result)
        chain.update(_bytes([part.role, result, _unmarked(part.block)]))
        yield chain.digest()


def _beside(
    document: Mapping[str, Any], parts: list[prompt_tokens.Part]
) -> dict[str, list[object]]:
    """What else changes how the model reads each section ("What invalidates the cache").

    Effort isn't in Anthropic's table for all models; it is taken for one of the parameters of
    thinking. A format of the output is told to the model in a system prompt ("Structured outputs").
    """
    blocks = [_fields(part.block) for part in parts]
    output = _fields(document.get("output_config"))
    system: list[object] = [
        any(_fields(block.get("citations")).get("enabled") for block in blocks),
        output.get("format"),
    ]
    messages: list[object] = [
        document.get("tool_choice"),
        document.get("thinking"),
        output.get("effort"),
        any(block.get("type") == "image" for block in blocks),
    ]
    return {"tools": [], "system": system, "messages": [*system, *messages]}


def _life(control: object) -> float | None:
    """Seconds that a `cache_control` asks for."""
    return LIVES.get(_fields(control).get("ttl") or "5m") if control is not None else None


def _unmarked(block: Any) -> object:
    """A block as it is hashed: without `cache_control`, which may move, and in one order.

    The order of keys inside of it counts ("verify that the keys in your tool_use content blocks
    have stable ordering").
    """
    if not isinstance(block, dict):
        return block
    given = cast("Document", block)
    return {name: given[name] for name in sorted(given) if name != "cache_control"}


def _bytes(value: object) -> bytes:
    return json.dumps(value).encode("ascii")


def _fields(value: object) -> Document:
    return cast("Document", value) if isinstance(value, dict) else {}


# The cache ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Entry:
    life: float  # seconds
    expires: float


@dataclass(frozen=True, slots=True)
class Look:
    """What the cache had of a request when it came.

    Attributes:
        usage: Of its input tokens.
        prompt: The request.
        at: When it came, by the cache's clock.
        read: How many of its prefixes the longest one that was found takes in; 0 if none was.
        life: Of that one, in seconds.
    """

    usage: Usage
    prompt: Prompt
    at: float
    read: int
    life: float


class PromptCache:
    """Remembers which prefixes were read, for as long as they are to be kept.

    To be used from one thread.

    Args:
        clock: Seconds.
        most: Prefixes to keep at most.
    """

    def __init__(self, clock: Callable[[], float], *, most: int = MOST_PREFIXES) -> None:
        self._clock = clock
        self._most = most
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()  # used longest ago first

    def __len__(self) -> int:
        """Prefixes that are kept, expired ones included."""
        return len(self._entries)

    def look(self, prompt: Prompt) -> Look:
        """What is there of a request now; nothing is changed by looking."""
        now = self._clock()
        read = self._find(prompt, now)
        entry = self._entries[prompt.prefixes[read - 1].digest] if read else None
        found = prompt.prefixes[read - 1].tokens if read else 0
        # "Position A: The token count at the highest cache hit", B "at the highest 1-hour
        # cache_control block after A (or equals A if none exist)", C "at the last": written are
        # B - A for an hour, C - B for five minutes.
        new = [prefix for at, prefix in _points(prompt) if at >= read]
        long = max((one.tokens for one in new if one.life == LIVES["1h"]), default=found)
        end = max((one.tokens for one in new), default=found)
        usage = Usage(prompt.total - end, found, written_5m=end - long, written_1h=long - found)
        return Look(usage, prompt, now, read, entry.life if entry else 0)

    def _find(self, prompt: Prompt, now: float) -> int:
        """How many of a request's prefixes the longest one that is there takes in."""
        for point, _ in reversed(_points(prompt)):
            left = LOOK_BACK
            for at in range(point, -1, -1):
                prefix = prompt.prefixes[at]
                left -= not prefix.nested or at == point
                if left < 0:
                    break
                if self._has(prefix.digest, now):
                    return at + 1
        return 0

    def _has(self, digest: bytes, now: float) -> bool:
        entry = self._entries.get(digest)
        return entry is not None and now < entry.expires

    def keep(self, look: Look) -> None:
        """Writes what a request wants kept, and renews what it used: its answer has begun.

        "A cache entry only becomes available after the first response begins"; its life counts
        from when the request came.
        """
        prefixes = look.prompt.prefixes
        if look.read:
            self._renew(prefixes[look.read - 1].digest, look.life, look.at)
        for at, prefix in _points(look.prompt):
            assert prefix.life is not None  # it is a point
            if at >= look.read:
                self._renew(prefix.digest, prefix.life, look.at)
            elif self._has(prefix.digest, look.at):
                self._renew(prefix.digest, self._entries[prefix.digest].life, look.at)
        while len(self._entries) > self._most:
            self._entries.popitem(last=False)

    def _renew(self, digest: bytes, life: float, at: float) -> None:
        entry = self._entries.setdefault(digest, _Entry(life, at))
        entry.life = max(entry.life, life) if at < entry.expires else life
        entry.expires = max(entry.expires, at + life)
        self._entries.move_to_end(digest)


def _points(prompt: Prompt) -> list[tuple[int, Prefix]]:
    """The prefixes that a request wants kept, and that are long enough, each with its index."""
    return [
        (at, prefix)
        for at, prefix in enumerate(prompt.prefixes)
        if prefix.life is not None and prefix.tokens >= prompt.minimum
    ]
