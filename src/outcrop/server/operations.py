"""The operations that AWS's service models know: which one a request is for, and its members.

Rules: the models are botocore's, so that an operation that isn't answered here still has its name;
the path is matched raw and its labels decoded afterwards (an ARN's slash comes as `%2F`).
Sources: botocore `bedrock/2023-04-20/service-2.json`, `bedrock-runtime/2023-09-30/service-2.json`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import parse_qsl, unquote

from outcrop.bedrock import converse
from outcrop.errors import ValidationException
from outcrop.server import shapes

if TYPE_CHECKING:
    from outcrop.server.accounts.access import Terms
    from outcrop.server.accounts.state import Accounts
    from outcrop.server.logs import InvocationLogs

Document = dict[str, Any]

CONTROL_PLANE: Final = "bedrock"
SERVICES: Final = (CONTROL_PLANE, "bedrock-runtime")

_LABEL: Final = re.compile(r"\{(\w+)\}")
#: No operation has nearly as many; a query of thousands would take a while.
_MAX_FIELDS: Final = 64


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation as it was called.

    Attributes:
        service: As botocore names it.
        name: AWS's name of it.
        status: Of its success.
        labels: What the path says, decoded.
    """

    service: str
    name: str
    status: int
    labels: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What an operation of the control plane is asked.

    Attributes:
        given: The members of its input, checked.
        account: Who asks.
        region: Whose endpoint is asked.
        accounts: All accounts.
        terms: On which accounts can call models.
        today: ISO 8601; the day by which models are legacy or ended.
        now: Seconds since the epoch.
        logs: Where invocations are logged, None if they can't be.
    """

    given: Document
    account: str
    region: str
    accounts: Accounts
    terms: Terms
    today: str
    now: float
    logs: InvocationLogs | None = None

    @property
    def timestamp(self) -> str:
        """The time, as AWS writes it."""
        return timestamp(self.now)


def timestamp(seconds: float) -> str:
    """A time as the control plane writes it, such as `2026-06-07T20:19:44.723Z`."""
    written = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return written.replace("+00:00", "Z")


class _Route(NamedTuple):
    matches: re.Pattern[str]
    service: str
    name: str
    status: int


def find(method: str, path: str) -> Operation | None:
    """The operation that a method and a raw path stand for, or None if AWS has no such."""
    for route in _routes().get((method, path.count("/")), ()):
        if match := route.matches.fullmatch(path):
            labels = {name: unquote(value) for name, value in match.groupdict().items()}
            return Operation(route.service, route.name, route.status, labels)
    return None


@cache
def _routes() -> dict[tuple[str, int], list[_Route]]:
    """Method and number of slashes → operations, those with the fewest labels first."""
    routes: dict[tuple[str, int], list[tuple[int, _Route]]] = {}
    for service in SERVICES:
        model = shapes.service_model(service)
        for name in model.operation_names:
            http = model.operation_model(name).http
            uri: str = http["requestUri"]
            parts = _LABEL.split(uri)  # literal, label, literal, …
            pattern = "".join(
                f"(?P<{part}>[^/]+)" if at % 2 else re.escape(part) for at, part in enumerate(parts)
            )
            route = _Route(re.compile(pattern), service, name, http.get("responseCode", 200))
            routes.setdefault((http["method"], uri.count("/")), []).append((len(parts), route))
    return {
        key: [route for _, route in sorted(rows, key=lambda row: row[0])]
        for key, rows in routes.items()
    }


def read(operation: Operation, query: str, body: bytes) -> Document:
    """The members of an operation's input, of the types that they have in JSON.

    Args:
        operation: The operation.
        query: As on the wire.
        body: As on the wire.

    Raises:
        ValidationException: They aren't as the service model has them.
    """
    try:
        fields = parse_qsl(query, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise ValidationException("The query string has too many parameters.") from None
    return shapes.read(
        operation.service,
        operation.name,
        converse.parse(body) if body else {},
        labels=operation.labels,
        query=fields,
    )
