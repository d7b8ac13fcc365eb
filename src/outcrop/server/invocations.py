"""What the local Bedrock notes of an invocation while it answers, for the account's log.

Rules: where no log is configured nothing is kept; who can't prove who they are isn't noted, since
there is no account to note it for; what is noted is what goes over the wire, a stream as far as it
was sent.
Source: Amazon Bedrock User Guide, "Monitor model invocation using CloudWatch Logs and Amazon S3".
Whether AWS records refused calls isn't published (?).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from outcrop.bedrock.invocation_log import METADATA_HEADER, Invocation
from outcrop.catalog import ids
from outcrop.errors import APIStatusError, InternalServerException
from outcrop.server.exchange import Gone

if TYPE_CHECKING:
    from types import TracebackType

    from outcrop.server.auth import Caller
    from outcrop.server.exchange import Exchange
    from outcrop.server.logs import InvocationLogs, LoggingConfig


class Note:
    """One invocation as it is noted.

    Args:
        logs: Where it goes in the end, None if nothing is logged.
        exchange: The request.
        operation: AWS's name of it.
        model_id: As called.
        request_id: AWS's ID of the request.
        began: Seconds since the epoch.
    """

    __slots__ = (
        "_began",
        "_body",
        "_caller",
        "_config",
        "_exchange",
        "_logs",
        "_model_id",
        "_operation",
        "_request_id",
        "_sent",
        "error",
    )

    def __init__(
        self,
        logs: InvocationLogs | None,
        exchange: Exchange,
        *,
        operation: str,
        model_id: str,
        request_id: str,
        began: float,
    ) -> None:
        self._logs = logs
        self._exchange = exchange
        self._operation = operation
        self._model_id = model_id
        self._request_id = request_id
        self._began = began
        self._caller: Caller | None = None
        self._config: LoggingConfig | None = None
        self._body = b""
        self._sent: list[bytes] = []
        self.error: str | None = None

    def receive(self, caller: Caller, body: bytes) -> None:
        """Who calls is proved, and this is what they ask."""
        if self._logs is None:
            return
        self._config = self._logs.configuration(caller.identity.account, caller.region)
        if self._config is not None:
            self._caller, self._body = caller, body

    def send(self, data: bytes) -> None:
        """This, or more of it, is answered."""
        if self._config is not None:
            self._sent.append(data)

    def __enter__(self) -> None:
        """What was noted is handed over when what is done inside is over, however it ends."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, APIStatusError):
            self.error = error.aws_name
        elif isinstance(error, Exception) and not isinstance(error, Gone):  # that's no refusal
            self.error = InternalServerException.name
        self._hand_over()

    def _hand_over(self) -> None:
        config, caller = self._config, self._caller
        if self._logs is None or config is None or caller is None:
            return
        self._config = None
        identity, region = caller.identity, caller.region
        profile = ids.parse(self._model_id).kind in ("profile", "application-profile")
        invocation = Invocation(
            operation=self._operation,
            model_id=self._model_id,
            region=region,
            request_id=self._request_id,
            began=self._began,
            request=self._body,
            response=self._sent,
            account=identity.account,
            identity={"arn": identity.arn},
            inference_region=region if profile else None,
            metadata=self._exchange.header(METADATA_HEADER),
            error=self.error,
        )
        self._logs.deliver(config, invocation, account=identity.account, region=region)
