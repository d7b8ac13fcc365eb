"""Whether the environment has a proxy for an origin: then a library that knows proxies calls it.

Rule: in doubt there is one. The library reads the environment itself, NO_PROXY included, so an
origin that is left to it needlessly is still called as the environment wants.
Source: the variables as curl and reqwest read them (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`,
`NO_PROXY`, in capitals or not); on macOS the system's settings count too, as they do for boto3.
"""

from __future__ import annotations

import sys

from msgspec import Struct

from outcrop.net.addresses import place
from outcrop.net.environment import variable


class Proxies(Struct, frozen=True):
    """What the environment says, as it was when a client was made.

    Attributes:
        http: Whether there is a proxy for http.
        https: The same for https.
        exempt: Hosts that are called directly: names, domains, addresses, or `*`.
    """

    http: bool
    https: bool
    exempt: tuple[str, ...]

    @classmethod
    def of_environment(cls) -> Proxies:
        """What the environment says now."""
        every = bool(_either("ALL_PROXY")) or _of_system()
        exempt = (_either("NO_PROXY") or "").lower().split(",")
        return cls(
            http=every or bool(_either("HTTP_PROXY")),
            https=every or bool(_either("HTTPS_PROXY")),
            exempt=tuple(each.strip().strip(".") for each in exempt if each.strip()),
        )

    def serve(self, origin: str) -> bool:
        """Whether there is, or may be, a proxy for an origin."""
        where = place(origin)
        if not (self.https if where.tls else self.http):
            return False
        host = where.host.lower()
        return not any(each in ("*", host) or host.endswith(f".{each}") for each in self.exempt)


def _either(name: str) -> str | None:
    return variable(name) or variable(name.lower())


def _of_system() -> bool:
    if sys.platform != "darwin":
        return False
    try:
        from _scproxy import _get_proxies  # what urllib.request asks on macOS
    except ImportError:
        return False
    return bool(_get_proxies())
