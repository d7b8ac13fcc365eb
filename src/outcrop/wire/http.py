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
    from typing import Self

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
        return _host(self.origin)


@lru_cache(maxsize=256)
def _host(origin: str) -> str:
    scheme, _, host = origin.partition("://")
    default = ":443" if scheme == "https" else ":80"
    return host.removesuffix(default)


class HeaderMap:
    """Response headers: looked up without regard to case, first value wins, order kept."""

    __slots__ = ("_first", "pairs")

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self.pairs = list(pairs)
        self._first: dict[str, str] = {}
        for name, value in self.pairs:
            self._first.setdefault(name.lower(), value)

    @classmethod
    def gathered(cls, pairs: Headers, first: dict[str, str]) -> Self:
        """The same, from what a reader has gathered already.

        Args:
            pairs: All headers, in order.
            first: The first value of each name, in lower case.
        """
        made = cls.__new__(cls)
        made.pairs = pairs
        made._first = first  # noqa: SLF001 - its own
        return made

    def get(self, name: str, default: str | None = None) -> str | None:
        """The first value of that name."""
        return self._first.get(name.lower(), default)

    def __getitem__(self, name: str) -> str:
        return self._first[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._first

    def __iter__(self) -> Iterator[str]:
        return iter(self._first)

    def __len__(self) -> int:
        return len(self._first)

    def items(self) -> Iterable[tuple[str, str]]:
        """Names in lower case, with their first values."""
        return self._first.items()

    def asdict(self) -> Mapping[str, str]:
        """The same as a plain dict."""
        return dict(self._first)

    def __repr__(self) -> str:
        return f"HeaderMap({self.pairs!r})"
