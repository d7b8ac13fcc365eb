"""HTTP/1.1 as a server has it: `RequestReader` reads requests, `ResponseWriter` writes responses.

Rules: a request that could be read in two ways is refused, not repaired (RFC 9112, 11.2): bare CR
or LF, folded lines, space before a colon, a length and chunks, two lengths, no Host or two. What is
sound is passed on as it came: the target's bytes, the fields in their order, a name only in lower
case. A response's head carries nothing that could end it early, and its body has the length that
was promised. Refusals show nothing of a request but what can't be secret.

Specifications: RFC 9112 (HTTP/1.1), RFC 9110 (semantics).
"""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NoReturn

from outcrop.errors import APIStatusError
from outcrop.wire import fields, uri
from outcrop.wire.http1_framing import MAX_HEAD, MessageReader

if TYPE_CHECKING:
    from collections.abc import Iterable

    from outcrop.wire.http1_framing import Pieces

Pairs = list[tuple[bytes, bytes]]

# A request. ──────────────────────────────────────────────────────────────────────────────────────

#: Fields that the reader itself has to know.
_KNOWN: Final = frozenset(
    {b"host", b"content-length", b"transfer-encoding", b"connection", b"expect"}
)
#: RFC 9112, 3.2: no whitespace; RFC 3986 has no control characters either.
_NEVER_IN_TARGETS: Final = bytes([*range(0x21), 0x7F])
#: RFC 3986, 3.2.2 and 3.2.3: names, addresses, and a port.
_IN_HOSTS: Final = uri.UNRESERVED.encode() + b"%!$&'()*+,;=:[]"


class RequestReader(MessageReader):
    """Reads one request, however its bytes are cut.

    Attributes:
        begun: Whether its head has come; the attributes below are set then.
        method: As sent: methods are case-sensitive.
        version: `1.1` or `1.0`.
        path: The target up to its query, as sent; that of an absolute target without its origin.
        query: The rest after `?`, as sent.
        headers: Names in lower case and values, in order.
        keep_alive: Whether the client would use the connection again.
        expects_continue: Whether the client waits for `100 Continue` before it sends the body.
        surplus: When it is complete: the bytes after it, which are the next request's.
        failure: What was wrong with its bytes, with the status to answer; nothing more is read
            after that.
    """

    __slots__ = (
        "begun",
        "expects_continue",
        "failure",
        "headers",
        "keep_alive",
        "method",
        "path",
        "query",
        "surplus",
        "version",
    )

    method: str
    version: str
    path: bytes
    query: bytes
    headers: Pairs

    def __init__(self) -> None:
        super().__init__()
        self._read = RequestReader._read_head
        self.begun = self.keep_alive = self.expects_continue = False
        self.surplus = b""
        self.failure: APIStatusError | None = None

    @property
    def waiting(self) -> bool:
        """Whether a part of a head has come, and the rest hasn't."""
        return not self.begun and bool(self._held or self._heads)

    def late(self) -> APIStatusError:
        """The failure of a request whose head doesn't come."""
        self.failure = APIStatusError("The request's head didn't come in time.", status_code=408)
        return self.failure

    def feed(self, data: bytes) -> bytes:
        """What these bytes hold of the body; may be none."""
        out: Pieces = []
        try:
            self._read(self, data, 0, out)
        except APIStatusError as error:
            self._read = RequestReader._read_nothing
            self.failure = error
        if not out:
            return b""
        if len(out) == 1 and isinstance(out[0], bytes):
            return out[0]
        return b"".join(out)

    def _refuse(self, why: str, *, status: int = 400) -> NoReturn:
        raise APIStatusError(f"The request isn't sound HTTP/1.1: {why}.", status_code=status)

    def _finish(self, data: bytes, at: int) -> None:
        self._read = RequestReader._read_nothing
        self.complete = True
        if at < len(data):
            self.surplus = data[at:]

    def _read_nothing(self, data: bytes, at: int, _out: Pieces) -> None:
        """After the end."""
        self.surplus += data[at:]

    # The head. ───────────────────────────────────────────────────────────────────────────────────

    def _read_head(self, data: bytes, at: int, out: Pieces) -> None:
        # A head that comes whole, as most do; what ends in bare LF before is refused all the same.
        stop = -1 if self._held or self._heads else data.find(b"\r\n\r\n", at)
        if stop < 0 or stop + 4 - at > MAX_HEAD:
            super()._read_head(data, at, out)
            return
        self._heads = stop + 4 - at
        if self._take_head(data[at : stop + 1]):
            self._read(self, data, stop + 4, out)
        else:
            super()._read_head(data, stop + 4, out)

    def _check_start(self, start: bytes) -> None:
        if start[:1] == b"\x16":  # RFC 8446, 5.1: a handshake
            self._refuse("it speaks TLS, and the server doesn't; is the URL's scheme https?")
        word, space, _ = start.lstrip(b"\r\n").partition(b" ")
        if space and not method_of(word):
            self._refuse("it doesn't begin with a method")

    def _head_too_long(self, start: bytes) -> NoReturn:
        if b"\n" in start.lstrip(b"\r\n"):
            self._refuse(f"its head is longer than {MAX_HEAD} bytes", status=431)
        self._refuse(f"its target is longer than {MAX_HEAD} bytes", status=414)

    def _take_head(self, head: bytes) -> bool:
        """Reads a head and says how the body is framed; False if it was only an empty line."""
        lines = head[:-1].split(b"\r\n")
        ends = len(lines)
        # RFC 9112, 2.2: a server "MUST NOT" take a bare CR for a line's end, and needn't take a
        # bare LF; RFC 9110, 5.5: CR, LF and NUL within a value "are invalid and dangerous".
        if head[-1:] != b"\r" or head.count(b"\r") != ends or head.count(b"\n") != ends - 1:
            self._refuse("a line doesn't end in CR LF, or holds a lone CR")
        if b"\0" in head:
            self._refuse("its head holds a NUL")
        begin = lines[0]
        if not begin:  # RFC 9112, 2.2: "SHOULD ignore at least one empty line" before a request
            while not lines[0]:
                del lines[0]
                if not lines:
                    return False
            begin = lines[0]
        host = self._take_line(begin)
        del lines[0]
        self._take_fields(lines, host)
        self.begun = True
        return True

    def _take_line(self, begin: bytes) -> bytes:
        """Reads the first line; gives the host that its target names, if it does."""
        words = begin.split(b" ")
        if len(words) != 3 or words[2][:5] != b"HTTP/":
            self._refuse("its first line isn't METHOD TARGET HTTP/1.1")
        method, target, version = words
        if version != b"HTTP/1.1":
            self._check_version(version)
        self.version = "1.0" if version == b"HTTP/1.0" else "1.1"
        self.method = method_of(method)
        if not self.method:
            self._refuse("its method isn't one word of letters")
        if not is_target(target):
            self._refuse("its target holds a control character")
        if target[:1] == b"/":
            self.path, _, self.query = target.partition(b"?")
            return b""
        return self._take_rare_target(target)

    def _check_version(self, version: bytes) -> None:
        number = version[5:]
        if len(number) != 3 or number[1:2] != b"." or not (number[:1] + number[2:]).isdigit():
            self._refuse("its first line doesn't end in HTTP/1.1")
        # RFC 9110, 2.5: a higher minor version is to be taken for the highest that is known.
        if number[:1] != b"1":
            self._refuse(f"HTTP/{number.decode()} isn't spoken here", status=505)

    def _take_rare_target(self, target: bytes) -> bytes:
        """Reads what isn't a path: RFC 9112, 3.2.2 to 3.2.4."""
        if self.method == "CONNECT":
            self._refuse("nobody is connected through to others here", status=501)
        if target == b"*" and self.method == "OPTIONS":
            self.path, self.query = target, b""
            return b""
        scheme, _, rest = target.partition(b"://")
        before, mark, self.query = rest.partition(b"?")
        host, slash, path = before.partition(b"/")
        if scheme.lower() not in (b"http", b"https") or not host or b"@" in host:
            self._refuse("its target is neither a path nor an http URL")
        # RFC 9112, 3.2.4: an empty path of OPTIONS stands for `*`; of others, for `/`.
        self.path = slash + path or (b"*" if self.method == "OPTIONS" and not mark else b"/")
        return host

    def _take_fields(self, lines: list[bytes], host: bytes) -> None:
        self.headers = pairs = Pairs()
        known: dict[bytes, bytes] = {}
        for line in lines:
            name, colon, value = line.partition(b":")
            lower = _lower(name) if len(name) <= fields.LONGEST_NAME else b""
            if not lower or not colon:
                # Folded lines too: RFC 9112, 5.2: a server "MUST either reject the message …".
                # And 5.1: "No whitespace is allowed between the field name and colon".
                self._refuse(f"line {len(pairs) + 2} of its head isn't a field")
            value = value.strip(b" \t")
            pairs.append((lower, value))
            if lower in _KNOWN:
                if lower in known:
                    # RFC 9110, 5.3: the values of all lines, "separated by a comma", are the value.
                    value = known[lower] + b"," + value
                    if lower == b"host":  # RFC 9112, 3.2: "more than one Host header field line"
                        self._refuse("it names more than one host")
                known[lower] = value
        if b"host" not in known and self.version == "1.1":  # RFC 9112, 3.2
            self._refuse("it names no host")
        if not is_host(host or known.get(b"host", b"")):
            self._refuse("its host isn't one")  # RFC 9112, 3.2: "an invalid field value"
        if host:
            # RFC 9112, 3.2.2: a server "MUST ignore the received Host header field" then.
            self.headers = [(b"host", host), *(pair for pair in pairs if pair[0] != b"host")]
        self.keep_alive = self.version == "1.1"
        if b"connection" in known:
            options = _items(known[b"connection"])
            self.keep_alive = "close" not in options if self.keep_alive else "keep-alive" in options
        self._frame(known)

    def _frame(self, known: dict[bytes, bytes]) -> None:
        """How the body ends: RFC 9112, 6.1 and 6.3."""
        length = known.get(b"content-length")
        if b"transfer-encoding" in known:
            codings = _items(known[b"transfer-encoding"])
            if length is not None:
                self._refuse("it has both Content-Length and Transfer-Encoding")
            if self.version == "1.0":
                self._refuse("HTTP/1.0 has no Transfer-Encoding")
            if codings != ["chunked"]:
                status = 400 if codings.count("chunked") > 1 or "" in codings else 501
                self._refuse(f"it is encoded as {', '.join(codings)[:60]!r}", status=status)
            self._read = RequestReader._read_chunks
        else:
            if length is not None:
                lengths = _items(length)
                if not fields.is_one_length(lengths):
                    self._refuse("its Content-Length isn't one number")
                self._left = int(lengths[0])
            self._read = RequestReader._read_sized
        # RFC 9110, 10.1.1: of a 1.0 client it "MUST" be ignored.
        if b"expect" in known and self.version == "1.1":
            expected = _items(known[b"expect"])
            if expected != ["100-continue"]:
                self._refuse(f"it expects {', '.join(expected)[:60]!r}", status=417)
            self.expects_continue = self._left > 0 or self._read is RequestReader._read_chunks


@lru_cache(maxsize=512)
def _lower(name: bytes) -> bytes:
    """A field's name in lower case; empty if it can't be one."""
    return fields.lower(name.decode("latin-1")).encode()


def is_target(target: bytes) -> bool:
    """Whether it holds no space and no control character, which no target may."""
    return len(target.translate(None, _NEVER_IN_TARGETS)) == len(target)


def is_host(host: bytes) -> bool:
    """Whether it holds only what a host and a port may; nothing at all is one too."""
    return not host.translate(None, _IN_HOSTS)


@lru_cache(maxsize=64)
def method_of(word: bytes) -> str:
    """A method (RFC 9110, 9.1: a token); empty if it can't be one."""
    text = word[:32].decode("latin-1")
    return text if len(word) <= 32 and fields.lower(text) else ""


def _items(value: bytes) -> list[str]:
    """The comma-separated items of a field's value, in lower case."""
    return [item.strip(" \t") for item in value.decode("latin-1").lower().split(",")]


# A response. ─────────────────────────────────────────────────────────────────────────────────────

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_LINES: Final = {
    each.value: f"HTTP/1.1 {each.value} {each.phrase}\r\n".encode() for each in HTTPStatus
}
#: Fields of a response by which its end and its connection are told.
_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding", b"connection"})
_LAST: Final = b"0\r\n\r\n"


class ResponseWriter:
    """Writes one response.

    Attributes:
        keep_alive: Whether the connection can be used again after it.
    """

    __slots__ = ("_bodiless", "_chunked", "_left", "_method", "_version", "keep_alive")

    def __init__(self, method: str = "GET", version: str = "1.1", *, keep_alive: bool) -> None:
        """A writer of the response to one request.

        Args:
            method: That of the request.
            version: The client's.
            keep_alive: Whether the client would use the connection again, and may.
        """
        self._method = method
        self._version = version
        self._bodiless = self._chunked = False
        self._left: int | None = None
        self.keep_alive = keep_alive

    def begin(self, status: int, headers: Iterable[tuple[bytes, bytes]], *, date: bytes) -> bytes:
        """The head.

        Args:
            status: From 200 on.
            headers: Names and values; `connection: close` is heeded, `transfer-encoding` isn't.
            date: What is written as `date`.

        Raises:
            ValueError: HTTP can't carry it.
        """
        self._left, self._chunked = None, False
        lines = [_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status]
        for name, value in headers:
            lower = _lower(name)
            if lower not in _FRAMING:
                lines.append(b"%b: %b\r\n" % (lower, value))
            elif lower == b"content-length":
                self._promise(value)
            elif lower == b"connection" and b"close" in value.lower():
                self.keep_alive = False
        lines.append(b"date: %b\r\n" % date)
        # RFC 9110, 6.4.1: responses to HEAD, and with these statuses, have no content; 8.6: nor
        # may a 204 say a length.
        self._bodiless = self._method == "HEAD" or status in (204, 304)
        if self._left is not None:
            if status != 204:
                lines.append(b"content-length: %d\r\n" % self._left)
        elif not self._bodiless:
            if self._version == "1.1":
                self._chunked = True
                lines.append(b"transfer-encoding: chunked\r\n")
            else:
                self.keep_alive = False  # the end of the connection is the end of the body
        if not self.keep_alive:
            lines.append(b"connection: close\r\n")
        elif self._version == "1.0":
            lines.append(b"connection: keep-alive\r\n")
        head = b"".join(lines)
        ends = len(lines)
        if head.count(b"\n") != ends or head.count(b"\r") != ends or b"\0" in head:
            raise ValueError("A header of the response holds CR, LF or NUL.")
        if b"\n: " in head:
            raise ValueError("A header of the response has a name that is none.")
        return head + b"\r\n"

    @property
    def until_close(self) -> bool:
        """Whether only the end of the connection tells the end of the body."""
        return not self._chunked and self._left is None and not self._bodiless

    def _promise(self, value: bytes) -> None:
        if not value.isdigit() or (self._left is not None and self._left != int(value)):
            raise ValueError(f"The response's content-length is {value!r}.")
        self._left = int(value)

    def body(self, data: bytes, *, more: bool) -> bytes:
        """What goes over the wire for a part of the body.

        Args:
            data: The part.
            more: Whether another follows.

        Raises:
            ValueError: The body isn't as long as the head has promised.
        """
        if self._chunked:
            if not data:
                return b"" if more else _LAST
            if more:
                return b"%x\r\n%b\r\n" % (len(data), data)
            return b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data)
        if self._bodiless:
            return b""
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0 or (self._left and not more):
                raise ValueError("The response's body isn't as long as its content-length.")
        return data
