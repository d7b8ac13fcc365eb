"""The actor that is a Python function: `script:FILE.py`, or any callable given as an actor.

Rules: the file is the user's own code, named by the user, and runs as such, like a conftest.py;
what it raises is told in the server's log with the traceback, and to the client with the file's
name and the line; an error of Bedrock's that it raises is that error.

A file defines `answer`, and may import the pieces from `outcrop.testing`:

    from outcrop.testing import Text, ToolUse, Wait, read

    def answer(ask):
        reading = read(ask.document)
        if "weather" in reading.latest:
            yield ToolUse("get_weather", {"city": "Paris"})
        else:
            yield "Let me think. "
            yield Wait(0.5)
            yield "No."

It gets an `Ask` and gives a text (sent word by word), a piece, or several of both: returned as a
list, or yielded. It may be async. One that isn't runs in the server's event loop, hence one call at
a time; to wait, it gives a `Wait`.
"""

from __future__ import annotations

import inspect
import json
import logging
import sys
import traceback
import zlib
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from contextlib import aclosing
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import orjson

from outcrop.errors import (
    APIStatusError,
    ConfigurationError,
    ModelErrorException,
    ModelStreamErrorException,
    ValidationException,
)
from outcrop.server.actors import (
    Ask,
    CitedText,
    Piece,
    RedactedThinking,
    Refuse,
    Stop,
    Text,
    Thinking,
    ToolUse,
    Wait,
)
from outcrop.server.actors.parrot import words
from outcrop.server.actors.reading import read
from outcrop.server.actors.script_file import LONGEST
from outcrop.server.actors.script_rules import summary

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

_log = logging.getLogger("outcrop.server")

#: Gets the request; gives a text, a piece, or an iterable of both, sync or async.
Answer = Callable[[Ask], object]

_SAID: Final = 500  # characters of an error's text
_MEND: Final = "Write `def answer(ask): …`, which returns or yields texts and pieces."


class Function:
    """Answers by a function; see the module.

    Args:
        function: Gives the answers.
        name: What the server calls the actor; the function's own name if None.
        path: The file that it stands in, if that is known better than from the function.
    """

    def __init__(
        self, function: Answer, *, name: str | None = None, path: Path | None = None
    ) -> None:
        self._function = function
        self.name: str = name or getattr(function, "__name__", type(function).__name__)
        self._file, self._line = _home(function)
        if path is not None and not _same(self._file, str(path)):
            self._file, self._line = str(path), 1

    @classmethod
    def load(cls, path: Path) -> Function:
        """The function `answer` of a Python file, which is run for it.

        Raises:
            ConfigurationError: The file can't be read or run, or has no such function.
        """
        try:
            with path.open("rb"):
                pass
        except OSError as error:
            raise ConfigurationError(
                f"The script {path} can't be read: {error.strerror}."
            ) from error
        # In sys.modules by a name of its own: dataclasses look their module up there.
        name = f"outcrop_script_{zlib.crc32(bytes(path.resolve())):08x}_{path.stem}"
        spec = spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ConfigurationError(f"The script {path} isn't a Python file.", mend=_MEND)
        module = sys.modules[name] = module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            del sys.modules[name]
            raise ConfigurationError(
                f"The script {path}, line {_line(error, str(path)) or 1}: {_said(error)}"
            ) from error
        function = getattr(module, "answer", None)
        if not callable(function):
            del sys.modules[name]
            found = "no" if function is None else f"a {type(function).__name__} as its"
            raise ConfigurationError(
                f"The script {path} has {found} function `answer`.", mend=_MEND
            )
        return cls(cast("Answer", function), name=path.name, path=path)

    async def start(self) -> None:
        """Nothing to make ready."""

    async def answer(self, ask: Ask) -> AsyncGenerator[Piece, None]:
        """What the function gives; a refusal if it raises."""
        begun = False
        try:
            async with aclosing(self._pieces(ask)) as pieces:
                async for piece in pieces:
                    yield piece
                    begun = begun or not isinstance(piece, Wait)
        except APIStatusError as error:
            yield Refuse(error)
        except Exception as error:  # noqa: BLE001 - whatever the user's code raises
            line = _line(error, self._file) or self._line
            _log.exception("The script %s failed: %s, line %d", self.name, self._file, line)
            cls = ModelStreamErrorException if begun else ModelErrorException
            yield Refuse(cls(f"{Path(self._file).name}, line {line}: {_said(error)}"))

    async def close(self) -> None:
        """Nothing to release."""

    async def _pieces(self, ask: Ask) -> AsyncGenerator[Piece, None]:
        given = self._function(ask)
        if inspect.isawaitable(given):
            given = await given
        if given is None:
            raise ValidationException(
                f"{self.name} gave nothing for {summary(ask, read(ask.document))}."
            )
        if isinstance(given, str):
            _check_texts("the answer", given)
            for word in words(given):
                yield Text(word)
        elif isinstance(given, Piece):
            yield _checked(given)
        elif isinstance(given, AsyncIterable):
            items = cast("AsyncIterable[object]", given)
            try:
                async for item in items:
                    yield _checked(item)
            finally:
                if (aclose := getattr(items, "aclose", None)) is not None:
                    await aclose()
        elif isinstance(given, Iterable) and not isinstance(given, Mapping | bytes):
            items = cast("Iterable[object]", given)
            try:
                for item in items:
                    yield _checked(item)
            finally:
                if (close := getattr(items, "close", None)) is not None:
                    close()
        else:
            raise _not_a_piece(cast("object", given))


def _checked(item: object) -> Piece:
    """The item as a piece that can be sent; what is wrong is said without what it holds."""
    match item:
        case str():
            _check_texts("a text", item)
            return Text(item)
        case Text() | Thinking() | RedactedThinking():
            _check_texts(f"a {type(item).__name__}", item.text)
        case ToolUse():
            if not isinstance(cast("object", item.input), dict):
                raise TypeError("a ToolUse's input isn't a dict")
            _check_texts("a ToolUse", item.name, item.id or "")
            _check_json(item.input, "a ToolUse's input")
        case CitedText():
            _check_texts("a CitedText", item.text)
            _check_citations(item.citations)
        case Stop():
            _check_texts("a Stop", item.reason, item.sequence or "")
        case Refuse():
            if not isinstance(cast("object", item.error), APIStatusError):
                raise TypeError("a Refuse's error isn't one of Bedrock's (outcrop.errors)")
        case Wait():
            if not 0 <= item.seconds <= LONGEST:
                raise ValueError(f"Wait({item.seconds!r}): give it 0 to {LONGEST} seconds")
        case _:
            pass
    if not isinstance(item, Piece):
        raise _not_a_piece(item)
    return item


def _check_texts(what: str, *texts: object) -> None:
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(f"{what} has a {type(text).__name__} where a text belongs")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            half = f"U+{ord(text[error.start]):04X}"
            raise ValueError(f"{what} has the surrogate {half} at {error.start}") from None


def _check_citations(value: object) -> None:
    if not isinstance(value, tuple | list):
        raise TypeError("a CitedText's citations aren't a tuple")
    citations = cast("Sequence[object]", value)
    _check_json(citations, "a CitedText's citations", keys=False)
    if not all(isinstance(citation, dict) for citation in citations):
        raise TypeError("one of a CitedText's citations isn't a dict")


def _check_json(value: object, what: str, *, keys: bool = True) -> None:
    """Nothing, if it can be sent; that is what `json` and `orjson` both have a form for.

    Args:
        value: The value.
        what: What it is, for errors.
        keys: Whether numbers may be keys, which `json` makes texts of.
    """
    try:
        json.dumps(value, allow_nan=False)
        orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS if keys else None)
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"{what} isn't JSON: {error}") from None


def _not_a_piece(value: object) -> TypeError:
    kind = type(value).__name__
    return TypeError(f"the answer has a {kind}; give texts, and pieces of outcrop.testing")


# Where it went wrong ─────────────────────────────────────────────────────────────────────────────


def _home(function: Answer) -> tuple[str, int]:
    """The file and the line that a function stands at."""
    plain: Any = inspect.unwrap(function)
    while hasattr(plain, "func"):  # functools.partial
        plain = plain.func
    if not hasattr(plain, "__code__") and not hasattr(plain, "__func__"):
        plain = type(plain).__call__
    code = getattr(getattr(plain, "__func__", plain), "__code__", None)
    return (code.co_filename, code.co_firstlineno) if code else (type(function).__name__, 1)


def _line(error: BaseException, file: str) -> int | None:
    """The last line of the file that the error came through."""
    if isinstance(error, SyntaxError) and _same(error.filename or "", file):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if _same(frame.filename, file)]
    return lines[-1] if lines else None


def _same(one: str, other: str) -> bool:
    return one == other or Path(one).absolute() == Path(other).absolute()


def _said(error: BaseException) -> str:
    """The error in one line."""
    text = " ".join((error.msg if isinstance(error, SyntaxError) else str(error)).split())
    return f"{type(error).__name__}: {text[:_SAID]}" if text else type(error).__name__
