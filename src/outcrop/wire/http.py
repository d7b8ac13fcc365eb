"""A request and a response as plain values.

Rules: header names are compared without regard to case and kept as given; a URL's path is kept as
the bytes that go on the wire, never decoded, because the signature covers those (RFC 9110 for the
terms, the SigV4 guide for the reason).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Headers = list[tuple[str, str]]


class Request(Struct, frozen=True):
    """What is sent.

    Attributes:
        method: Such as `POST`.
        origin: Scheme, host and port, such as `https://bedrock-runtime.us-east-1.amazonaws.com`.
        target: Path and query as on the wire, such as `/model/…/invoke?x=y`.
        headers: Name and value pairs in order; names may repeat.
        body: The bytes of the body.
    """

    method: str
    origin: str
    target: str
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.url}>"  # headers and body may hold secrets

    @property
    def url(self) -> str:
        """The whole URL."""
        return self.origin + self.target

    @property
    def host(self) -> str:
        """The value of the Host header: host, and port unless it's the scheme's own."""
        return host_of(self.origin)


@lru_cache(maxsize=256)
def host_of(origin: str) -> str:
    """The value of the Host header for an origin."""
    scheme, _, host = origin.partition("://")
    default = ":443" if scheme == "https" else ":80"
    return host.removesuffix(default)


class HeaderMap:
    """Response headers: looked up without regard to case, first value wins, order kept."""

    __slots__ = ("_first", "_pairs", "_unread")

    def __init__(
        self, pairs: Iterable[tuple[str, str]] = (), *, unread: bytes | None = None
    ) -> None:
        """Headers.

        Args:
            pairs: Names and values, in order.
            unread: Instead of these, sound lines of `Name: value` in ASCII, CRLF between them, to
                be read once somebody asks.
        """
        self._unread = unread
        self._pairs: Headers
        self._first: dict[str, str]
        if not unread:
            self._take(list(pairs))

    def _take(self, pairs: Headers) -> None:
        first: dict[str, str] = {}
        for name, value in pairs:
            first.setdefault(name.lower(), value)
        self._pairs, self._first = pairs, first

    def _read(self, lines: bytes) -> None:
        parts = [line.partition(":") for line in lines.decode("ascii").split("\r\n")]
        self._take([(name, value.strip(" \t")) for name, _, value in parts])
        self._unread = None  # last, for whoever else asks meanwhile

    @property
    def pairs(self) -> Headers:
        """All of them, in order."""
        if unread := self._unread:
            self._read(unread)
        return self._pairs

    @property
    def _by_name(self) -> dict[str, str]:
        if unread := self._unread:
            self._read(unread)
        return self._first

    def get(self, name: str, default: str | None = None) -> str | None:
        """The first value of that name."""
        return self._by_name.get(name.lower(), default)

    def __getitem__(self, name: str) -> str:
        return self._by_name[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._by_name

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def items(self) -> Iterable[tuple[str, str]]:
        """Names in lower case, with their first values."""
        return self._by_name.items()

    def asdict(self) -> Mapping[str, str]:
        """The same as a plain dict."""
        return dict(self._by_name)

    def __repr__(self) -> str:
        return f"HeaderMap({self.pairs!r})"
