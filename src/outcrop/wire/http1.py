"""HTTP/1.1 as bytes: `write_request` makes what is sent, `ResponseReader` reads what comes back.

Rules: nothing is guessed about where a reply ends (RFC 9112, 6.3): two lengths that differ, a
length and chunks, or a coding other than `chunked` are errors, and a connection with anything odd
about it isn't kept. Where the specification lets a recipient be tolerant (bare LF in a head, folded
lines, a missing reason, repeated equal lengths) it is. Heads, chunk lines and trailers are bounded;
a body is handed out as it comes and never held.

Specifications: RFC 9112 (HTTP/1.1), RFC 9110 (semantics).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NoReturn

from outcrop.errors import APIConnectionError, RequestError
from outcrop.wire import fields
from outcrop.wire.http import HeaderMap, host_of
from outcrop.wire.http1_framing import MAX_HEAD, MessageReader

if TYPE_CHECKING:
    from outcrop.wire.http import Request
    from outcrop.wire.http1_framing import Pieces

#: A body of up to so many bytes goes into one buffer with its head.
SMALL_BODY: Final = 256 * 1024

# A request. ──────────────────────────────────────────────────────────────────────────────────────

#: Says where the request ends, or what the connection is for: written here or not at all.
_FRAMING: Final = frozenset({"host", "content-length", "transfer-encoding", "connection"})
#: Methods whose requests say nothing about a body that they don't have (RFC 9110, 8.6).
_BODILESS: Final = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})


def write_request(request: Request) -> list[bytes]:
    """What goes over the wire: one buffer, or head and body as they are if the body is large.

    The head is that of the request, with Host before it and Content-Length after it, in UTF-8,
    which is what a signature covers.

    Raises:
        RequestError: HTTP can't carry it. The text shows no value, which may be a secret.
    """
    headers, body = request.headers, request.body
    # A signature is another one each time; what stands before it is the same for a second.
    signed = bool(headers) and headers[-1][0] == "Authorization"
    same = tuple(headers[:-1] if signed else headers)
    known = _opening(request.method, request.origin, request.target, same)
    proof = _field(*headers[-1]) if signed else ""
    bodiless = not body and request.method in _BODILESS
    length = "" if bodiless else f"Content-Length: {len(body)}\r\n"
    head = f"{known}{proof}{length}\r\n".encode()
    if len(body) <= SMALL_BODY:
        return [head + body]
    return [head, body]


@lru_cache(maxsize=16)
def _opening(method: str, origin: str, target: str, headers: tuple[tuple[str, str], ...]) -> str:
    """The lines of a head, but for the one with the length."""
    if not (target.isascii() and target.isprintable()) or " " in target or target[:1] != "/":
        raise RequestError("The request's target holds what HTTP can't carry.")
    lines = [f"{method} {target} HTTP/1.1\r\nHost: {host_of(origin)}\r\n"]
    lines += [_field(name, value) for name, value in headers]
    return "".join(lines)


def _field(name: str, value: str) -> str:
    if not _may_be_sent(name):
        raise RequestError(f"The header {name!r} can't be sent: it frames the request.")
    if not value.isprintable() and not fields.is_value(value):
        raise _unsendable()
    return f"{name}: {value}\r\n"


@lru_cache(maxsize=256)
def _may_be_sent(name: str) -> bool:
    """Whether a header's name is a token and not one that this module writes itself."""
    if not fields.lower(name):
        raise _unsendable()
    return name.lower() not in _FRAMING


def _unsendable() -> RequestError:
    return RequestError(
        "A header holds what HTTP can't carry.",
        mend="Is there a line break at the end of a key, as when it is read from a file?",
    )


# A response. ─────────────────────────────────────────────────────────────────────────────────────

_START: Final = b"HTTP/1."
_NONE: Final[list[str]] = []
#: The head of a reply as servers send them, but for the last LF: status 200, ASCII only, no line
#: that is folded or ends in a bare LF.
_plain: Final = re.compile(
    rb"HTTP/1\.1 200 OK(?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}+:[\t -~]*+)++\r"
).fullmatch
_FIRST_LINE: Final = len(b"HTTP/1.1 200 OK\r\n")
_LONGEST_PLAIN: Final = 8192


def _only(head: bytes, mark: bytes) -> bytes:
    """The value of a field; none if it isn't there, a comma if it is twice or has none."""
    at = head.find(mark)
    if at < 0:
        return b""
    begin = at + len(mark)
    if head.find(mark, begin) >= 0:
        return b","
    return head[begin : head.find(b"\r", begin)].strip(b" \t") or b","


class ResponseReader(MessageReader):
    """Reads one response, however its bytes are cut.

    Attributes:
        status: Its status, 0 until the head has come.
        headers: Its headers.
        begun: Whether the head has come (interim responses don't count).
        complete: Whether the whole response has come.
        keep_alive: When it is complete: whether the connection may carry another request.
        failure: What was wrong with its bytes; nothing more is read after that. It is an attribute,
            not raised, because what came before it is to be handed out first.
    """

    __slots__ = (
        "_close_after",
        "_first",
        "_method",
        "_origin",
        "begun",
        "failure",
        "headers",
        "keep_alive",
        "status",
    )

    _takes_bare_lf = True
    headers: HeaderMap
    _first: dict[str, str]

    def __init__(self, method: str, origin: str) -> None:
        """A reader of the reply to one request.

        Args:
            method: That of the request: replies to HEAD have no body.
            origin: Where it went, for errors.
        """
        super().__init__()
        self._read = ResponseReader._read_head
        self._method = method
        self._origin = origin
        self.status = 0
        self._close_after = self.begun = self.keep_alive = False
        self.failure: APIConnectionError | None = None

    def feed(self, data: bytes) -> bytes:
        """What these bytes hold of the body; may be none."""
        out: Pieces = []
        try:
            self._read(self, data, 0, out)
        except APIConnectionError as error:
            self._read = ResponseReader._read_nothing
            self.failure = error
        if len(out) == 1 and isinstance(out[0], bytes):
            return out[0]
        return b"".join(out)

    def end(self, *, cut: bool = False) -> None:
        """To be called when the peer has closed the connection; sets `complete` or `failure`.

        Args:
            cut: Whether TLS ended without its closing alert: the end may not be the peer's own, and
                a body that lasts until the end may not be whole (RFC 9112, 9.8).
        """
        self.keep_alive = False
        if self.complete or self.failure:
            return
        if self._read is ResponseReader._read_until_close and not cut:
            self.complete = True
            return
        if self.begun:
            where = "before its reply had ended"
        elif self._held or self._heads:
            where = "within the head of its reply"
        else:
            where = "without a reply"
        self.failure = APIConnectionError(f"{self._origin} closed the connection {where}.")

    def _refuse(self, why: str) -> NoReturn:
        raise APIConnectionError(f"{self._origin} sent what isn't HTTP/1.1: {why}.")

    def _finish(self, data: bytes, at: int) -> None:
        self._read = ResponseReader._read_nothing
        self.complete = True
        # Bytes after the end would be taken for the next reply's.
        self.keep_alive = at >= len(data) and not self._close_after

    def _read_nothing(self, data: bytes, at: int, _out: Pieces) -> None:
        """After the end."""
        if len(data) > at:
            self.keep_alive = False

    # The head. ───────────────────────────────────────────────────────────────────────────────────

    def _read_head(self, data: bytes, at: int, out: Pieces) -> None:
        if not (self._held or self._heads):
            stop = data.find(b"\r\n\r\n", at, at + _LONGEST_PLAIN)
            if stop > 0 and self._take_plain(data[at : stop + 1]):
                self._read(self, data, stop + 4, out)
                return
        super()._read_head(data, at, out)

    def _check_start(self, start: bytes) -> None:
        if not _START.startswith(start[: len(_START)]):
            if start[:1] in (b"\x15", b"\x16"):  # RFC 8446, 5.1: an alert, or a handshake
                self._refuse("it speaks TLS there; is the URL's scheme https?")
            self._refuse(f"it begins with {start[: len(_START)]!r}")

    def _head_too_long(self, start: bytes) -> NoReturn:  # noqa: ARG002 - however it begins
        self._refuse(f"its head is longer than {MAX_HEAD} bytes")

    def _take_head(self, head: bytes) -> bool:
        """Reads a head and says how the body is framed; False for an interim response."""
        try:
            text = head.decode()
        except UnicodeDecodeError:
            text = head.decode("latin-1")
        # RFC 9110, 5.5: CR, LF and NUL within a value "are invalid and dangerous".
        if "\r" in text:
            text = text.replace("\r\n", "\n").removesuffix("\r")
        if "\r" in text or "\0" in text:
            self._refuse("its head holds a lone CR or a NUL")
        begin, *lines = text.split("\n")
        version, _, rest = begin.partition(" ")
        rest = rest.lstrip(" ")
        code = rest[:3]
        if (
            version not in ("HTTP/1.1", "HTTP/1.0")
            or not (len(code) == 3 and code.isascii() and code.isdigit() and code[0] != "0")
            or rest[3:4] not in ("", " ", "\t")
        ):
            self._refuse(f"its first line is {begin[:60]!r}")
        status = int(code)
        if status < 200:
            if status == 101:
                self._refuse("it switches to a protocol that nobody asked for")
            return False
        self.status = status
        self._take_fields(lines)
        options = self._items("connection")
        self._close_after = "close" in options
        if version == "HTTP/1.0":
            # RFC 9112, 6.1: chunks from a 1.0 peer are "faulty", and the connection isn't kept.
            chunked = "transfer-encoding" in self._first
            self._close_after = chunked or "keep-alive" not in options
        self._frame()
        self.begun = True
        return True

    def _take_plain(self, head: bytes) -> bool:
        """Reads a head of which there is nothing to be weighed; False if it isn't such a one."""
        if _plain(head) is None or self._method == "HEAD":
            return False
        lower = head.lower()
        length = _only(lower, b"\r\ncontent-length:")
        coding = _only(lower, b"\r\ntransfer-encoding:")
        if _only(lower, b"\r\nconnection:") not in (b"", b"keep-alive"):
            return False
        if not coding and length.isdigit() and len(length) <= fields.MOST_DIGITS:
            self._left = int(length)
            self._read = ResponseReader._read_sized
        elif not length and coding == b"chunked":
            self._read = ResponseReader._read_chunks
        else:
            return False
        self.status = 200
        self.headers = HeaderMap(unread=head[_FIRST_LINE:-1])
        self.begun = True
        return True

    def _take_fields(self, lines: list[str]) -> None:
        pairs: list[tuple[str, str]] = []
        first: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.partition(":")
            lower = fields.lower(name) if len(name) <= fields.LONGEST_NAME else ""
            if not colon or not lower:
                if line[:1] in (" ", "\t") and pairs:
                    self._take_fields(fields.unfold(lines))
                    return
                # RFC 9112, 5.1: "No whitespace is allowed between the field name and colon".
                self._refuse(f"its head has the line {line[:60]!r}")
            value = value.strip(" \t")
            pairs.append((name, value))
            if lower not in first:
                first[lower] = value
        self._first = first
        self.headers = HeaderMap(pairs)

    def _items(self, field: str) -> list[str]:
        """The comma-separated items of a field, wherever it stands, in lower case."""
        value = self._first.get(field)
        if value is None:
            return _NONE
        pairs = self.headers.pairs
        if len(self._first) != len(pairs):  # some name, perhaps this one, is there twice
            value = ",".join([each for name, each in pairs if name.lower() == field])
        return [item.strip(" \t") for item in value.lower().split(",")]

    def _frame(self) -> None:
        """How the body ends: RFC 9112, 6.3."""
        lengths = self._items("content-length")
        codings = self._items("transfer-encoding")
        if codings:
            if lengths:
                self._refuse("it has both Content-Length and Transfer-Encoding")
            if codings != ["chunked"]:
                self._refuse(f"it is encoded as {', '.join(codings)[:60]!r}")
        elif lengths and not fields.is_one_length(lengths):
            self._refuse("its Content-Length isn't one number")
        if self._method == "HEAD" or self.status in (204, 304):
            self._read = ResponseReader._read_sized
        elif codings:
            self._read = ResponseReader._read_chunks
        elif lengths:
            self._left = int(lengths[0])
            self._read = ResponseReader._read_sized
        else:
            self._read = ResponseReader._read_until_close

    def _read_until_close(self, data: bytes, at: int, out: Pieces) -> None:
        """RFC 9112, 6.3, 8: a reply without a length ends with its connection."""
        if at < len(data):
            out.append(memoryview(data)[at:] if at else data)
