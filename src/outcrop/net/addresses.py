"""Where an origin is, a socket made ready for it, and in words what went wrong on the way.

Rules: the time to connect is for all addresses of a host together, shared out evenly among those
that are left; a socket sends at once (TCP_NODELAY) and notices a dead peer (keep-alive probes after
a minute, as the official SDK has it: a model may think for longer than a NAT remembers).
"""

from __future__ import annotations

import os
import select
import socket
import sys
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from outcrop.errors import APIConnectionError, APITimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Seconds after which an idle connection isn't used again. AWS's load balancers let go of one after
#: 60 (Elastic Load Balancing User Guide, "Connection idle timeout").
LONGEST_IDLE: Final = 50.0
#: Idle connections kept at most.
MAX_IDLE: Final = 128
#: Bytes of a reply that is read whole. The longest that Claude writes is a hundredth of it.
MAX_WHOLE: Final = 256 * 1024 * 1024

_OPTIONS: Final[tuple[tuple[int, int, int], ...]] = (
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 60), ("TCP_KEEPCNT", 5))
        if hasattr(socket, name)
    ),
)


class Place(Struct, frozen=True):
    """An origin in parts."""

    tls: bool
    host: str
    port: int


#: What `getaddrinfo` gives: family, type, protocol, canonical name, address.
Info = tuple[int, int, int, str, Any]


@lru_cache(maxsize=256)
def place(origin: str) -> Place:
    """The parts of an origin such as `https://[::1]:8080`."""
    scheme, _, rest = origin.partition("://")
    host, colon, port = rest.rpartition(":")
    if not colon or "]" in port:
        host, port = rest, ""
    tls = scheme == "https"
    return Place(tls, host.strip("[]"), int(port) if port else 443 if tls else 80)


def numeric(where: Place) -> Sequence[Info]:
    """Its address if its host is one, without asking anybody; else nothing."""
    try:
        host = where.host.encode("ascii")  # of a str, IDNA's codec would be loaded
        return socket.getaddrinfo(
            host, where.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
        )
    except (OSError, UnicodeError):
        return []


def prepare(info: Info) -> socket.socket:
    """A socket for an address, not connected yet."""
    made = socket.socket(info[0], info[1], info[2])
    for level, option, value in _OPTIONS:
        made.setsockopt(level, option, value)
    return made


def due_after(seconds: float | None) -> float | None:
    """When a time-out that begins now ends, on the steady clock."""
    return None if seconds is None else time.monotonic() + seconds


def share(due: float | None, among: int) -> float | None:
    """Seconds for the next of so many tries before `due`.

    Raises:
        TimeoutError: There are none left.
    """
    if due is None:
        return None
    left = due - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left / among


def watch(made: socket.socket | int) -> Callable[[int], list[Any]]:
    """Tells at any time whether an idle connection has something to read, or was closed.

    Returns:
        To be called with 0, milliseconds to wait; the list is empty if there's nothing.
    """
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(made, select.POLLIN)
        return poll.poll
    return lambda wait: select.select([made], [], [], wait)[0]


def not_reached(error: BaseException, origin: str, seconds: float | None) -> APIConnectionError:
    """Why there is no connection."""
    if isinstance(error, TimeoutError):
        return APITimeoutError(f"No connection to {origin} within {seconds} s.")
    if _is_distrust(error):
        return APIConnectionError(
            f"The certificate of {origin} isn't trusted: {getattr(error, 'verify_message', '')}.",
            mend="Name the file of your proxy's or endpoint's CA in AWS_CA_BUNDLE.",
            retryable=False,
        )
    return APIConnectionError(f"No connection to {origin}: {_words(error)}.")


def broke(error: BaseException, origin: str, seconds: float | None) -> APIConnectionError:
    """Why a connection is of no more use."""
    if isinstance(error, TimeoutError):
        return no_answer(origin, seconds)
    return APIConnectionError(f"The connection to {origin} broke: {_words(error)}.")


def no_answer(origin: str, seconds: float | None) -> APITimeoutError:
    """For a peer that is silent for longer than allowed."""
    return APITimeoutError(f"No answer from {origin} within {seconds} s.")


def _is_distrust(error: BaseException) -> bool:
    if not _is_tls(error):
        return False
    from outcrop.net import tls

    return tls.is_distrust(error)


def _is_tls(error: BaseException) -> bool:
    return "ssl" in sys.modules and isinstance(error, sys.modules["ssl"].SSLError)


def _words(error: BaseException) -> str:
    if isinstance(error, socket.gaierror):
        return f"its name can't be resolved ({error.strerror})"
    if isinstance(error, OSError) and error.errno and error.errno > 0 and not _is_tls(error):
        return os.strerror(error.errno)  # its own text may be an event loop's
    return str(error) or type(error).__name__
