"""Which tools a request demands or plainly asks for, and with what input: by rules.

Rules: `tool_choice` comes first ("none" is never a call, "any" and "tool" always are); without it
the prompt has to have a tool's name, or words of its name and its description; the input is valid
under the tool's schema. Several things asked for at once ("the weather in Paris and in Rome") are
several calls, unless `disable_parallel_tool_use` forbids it. The same request gives the same calls.

Source: Anthropic, "Define tools" (`tool_choice`), "Parallel tool use".
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, cast

from outcrop.server.actors import ToolUse
from outcrop.server.actors.reading import Block, Reading, blocks_of, fields_of
from outcrop.server.actors.samples import sample, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_READ: Final = 20_000  # characters of a text that rules look at
_MOST: Final = 8  # calls in one message
_PLAINLY: Final = 3

_GENERIC: Final = frozenset(
    "get set list fetch find search create make do run call tool use show read write add update "  # noqa: SIM905 - a list of words is read as a line
    "delete lookup query the of".split()
)
_SMALL_WORDS: Final = frozenset(
    "this that with from into given what when which your have will tool returns return used using "  # noqa: SIM905 - the same
    "there some about please would tells tell gives give".split()
)
_NAME = r"[A-Z][\w'-]{0,40}(?: [A-Z][\w'-]{0,40}){0,3}"
_ITEM = rf"(?:{_NAME}|\"[^\"\n]{{1,200}}\"|-?\d{{1,15}}(?:\.\d{{1,10}})?)"
_AND = r"(?:,? and |, ?| & )(?:(?:in|at|for|of|to|from|on|with|by) )?(?:the )?"
#: Things of one kind, one after the other: "Paris, Rome and Oslo", "12 and of 13".
_SERIES: Final = re.compile(rf"(?<=[a-z,;:(] ){_ITEM}(?:{_AND}{_ITEM}){{1,{_MOST - 1}}}")
_ITEMS: Final = re.compile(_ITEM)


def called(document: Mapping[str, Any], reading: Reading, *, spoken: bool) -> list[ToolUse]:
    """The tool calls that the request demands or plainly asks for.

    Args:
        document: The request.
        reading: The same, taken apart.
        spoken: Whether the prompt gives the answer's words, so that no call is asked for.
    """
    tools = [tool for tool in blocks_of(document.get("tools")) if isinstance(tool.get("name"), str)]
    choice = fields_of(document.get("tool_choice"))
    kind = choice.get("type", "auto")
    most = 1 if choice.get("disable_parallel_tool_use") is True else _MOST
    if kind == "tool":
        named = [tool for tool in tools if tool["name"] == choice.get("name")]
        tool = (named or [{"name": str(choice.get("name"))}])[0]
        return list(_calls(tool, reading.prompt))[:most]
    ranked = sorted(tools, key=lambda tool: -_wish(tool, reading.prompt))  # stable: first wins
    if not ranked or kind == "none":
        return []
    if kind == "any" and _wish(ranked[0], reading.prompt) < _PLAINLY:
        return list(_calls(ranked[0], reading.prompt))[:most]
    if kind != "any" and (reading.results or spoken or _wish(ranked[0], reading.prompt) < _PLAINLY):
        return []
    found: list[ToolUse] = []
    for tool, part in _parts(ranked, reading.prompt):
        found += _calls(tool, part)
    return found[:most]


def _parts(ranked: list[Block], prompt: str) -> list[tuple[Block, str]]:
    """The tools that are asked for, each with its part of the prompt, in the prompt's order."""
    taken: set[str] = set()
    found: list[tuple[int, Block]] = []
    for tool in ranked[:_MOST]:
        name = {word.removesuffix("s") for word in words_of(tool["name"])}
        telling = (name - _GENERIC) or name
        said = telling & {word.removesuffix("s") for word in words_of(prompt[:_READ])}
        if found and (_wish(tool, prompt) < _PLAINLY or said != telling or telling & taken):
            continue
        taken |= said
        places = [prompt.lower().find(word) for word in said]
        found.append((min((at for at in places if at >= 0), default=0), tool))
    found.sort(key=lambda each: each[0])
    edges = [0, *(at for at, _ in found[1:]), len(prompt)]
    return [
        (tool, prompt if len(found) == 1 else prompt[edges[at] : edges[at + 1]])
        for at, (_, tool) in enumerate(found)
    ]


def _calls(tool: Block, prompt: str) -> Iterator[ToolUse]:
    """A call for each of a series of things that the tool takes one of, else a single one."""
    schema = fields_of(tool.get("input_schema"))

    def call(text: str) -> ToolUse:
        return ToolUse(name=tool["name"], input=fields_of(sample(schema, text)))

    whole = call(prompt)
    series = _SERIES.search(prompt[:_READ])
    things = _ITEMS.findall(series[0]) if series else []
    values = [value for value in _scalars(whole.input) if value]
    taken = [thing for thing in things if any(thing.strip('"') in value for value in values)]
    if series is None or len(taken) != 1:
        yield whole
        return
    before: list[str] = []
    for thing in things:
        one = call(f"{prompt[: series.start()]}{thing}{prompt[series.end() :]}")
        written = json.dumps(one.input, sort_keys=True)
        if written not in before:
            before.append(written)
            yield one


def _scalars(value: object) -> Iterator[str]:
    """The texts and numbers in a value, as texts; those in lists aside, which take many."""
    if isinstance(value, dict):
        for part in fields_of(cast("object", value)).values():
            yield from _scalars(part)
    elif not isinstance(value, list | bool | None):
        yield str(value)


def _wish(tool: Block, prompt: str) -> int:
    """How plainly a prompt asks for a tool; from 3 on it does."""
    said = {word.removesuffix("s") for word in words_of(prompt[:_READ])}
    if tool["name"] in prompt:
        return 100
    name = {word.removesuffix("s") for word in words_of(tool["name"])}
    telling = (name - _GENERIC) or name
    about = {
        word.removesuffix("s") for word in words_of(str(tool.get("description") or "")[:_READ])
    }
    about = {word for word in about - _GENERIC - _SMALL_WORDS if len(word) > 3}
    found = telling & said
    return 2 * len(found) + (bool(found) and found == telling) + len(about & said)
