"""The seam to the HTTP library: a Request goes out, an Answer or APIConnectionError comes back.

Rules: no other module knows which library that is (pyreqwest); what is sent is exactly the Request:
no redirects, no retries, no decompression, no cookies, no extra signed headers; TLS is verified,
with AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE or SSL_CERT_FILE trusted too.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta
from os import getpid
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from outcrop.errors import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    ConfigurationError,
    RequestError,
)
from outcrop.net.exit import rest_at_exit
from outcrop.net.interrupt import Aside
from outcrop.net.library import (
    ClientBuilder,
    ClientClosedError,
    DetailedPyreqwestError,
    PyreqwestError,
    RequestTimeoutError,
    SyncClientBuilder,
)
from outcrop.wire.http import HeaderMap

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyreqwest.client import Client, SyncClient
    from pyreqwest.request import (
        RequestBuilder,
        StreamRequest,
        SyncRequestBuilder,
        SyncStreamRequest,
    )
    from pyreqwest.response import Response as WireResponse, SyncResponse

    from outcrop.bedrock.call import Response, Send, Timeout
    from outcrop.wire.http import Request

#: Connection pools kept at most, one for each pair of time-outs in use.
MAX_POOLS = 8

C = TypeVar("C", "Client", "SyncClient")


@dataclass(slots=True)
class Answer:
    """A response; a streamed one is read through its dialer."""

    status: int
    headers: HeaderMap
    body: bytes = b""
    request: Any = None
    reader: Any = None


class _Pools(Generic[C]):
    """Clients of the library by their time-outs: the library fixes those when it makes a client."""

    def __init__(self, build: Callable[[Timeout], C], discard: Callable[[C], None]) -> None:
        self._build = build
        self._discard = discard
        self._pools: OrderedDict[Timeout, C] = OrderedDict()
        self._lock = Lock()
        self.closed = False
        self._process = getpid()

    def of(self, timeout: Timeout) -> C:
        with self._lock:
            if self.closed:
                raise _closed()
            if getpid() != self._process:  # the library's threads haven't come along
                raise _forked()
            pool = self._pools.get(timeout)
            if pool is None:
                try:
                    pool = self._pools[timeout] = self._build(timeout)
                except RuntimeError as error:
                    raise _forked() from error
                if len(self._pools) > MAX_POOLS:
                    self._discard(self._pools.popitem(last=False)[1])
            else:
                self._pools.move_to_end(timeout)
            return pool

    def drain(self) -> list[C]:
        with self._lock:
            self.closed = True
            pools = list(self._pools.values())
            self._pools.clear()
            return pools


def _closed() -> ConfigurationError:
    return ConfigurationError("The client is closed.", mend="Make a new one, or close it later.")


def _forked() -> ConfigurationError:
    return ConfigurationError(
        "This process was forked from one that had made calls already.",
        mend="Fork before the first call, or start processes with 'spawn' or 'forkserver'.",
    )


B = TypeVar("B", ClientBuilder, SyncClientBuilder)


def _prepare(builder: B, timeout: Timeout, ca_pem: bytes | None) -> B:
    builder = (
        builder.follow_redirects(enable=False)
        .referer(enable=False)
        .gzip(enable=False)
        .brotli(enable=False)
        .zstd(enable=False)
        .deflate(enable=False)
    )
    if timeout.connect is not None:
        builder = builder.connect_timeout(timedelta(seconds=timeout.connect))
    if timeout.read is not None:
        builder = builder.read_timeout(timedelta(seconds=timeout.read))
    if ca_pem:
        builder = builder.add_root_certificate_pem(ca_pem)
    return builder


def _translate(error: PyreqwestError, origin: str) -> APIError | ConfigurationError:
    """The library's error as ours; the innermost cause says most."""
    if isinstance(error, ClientClosedError):
        return _closed()
    cause = error.message
    if isinstance(error, DetailedPyreqwestError) and (causes := error.details.get("causes")):
        cause = causes[-1]["message"]
    if isinstance(error, RequestTimeoutError):
        return APITimeoutError(f"No answer from {origin} in time: {cause}.")
    return APIConnectionError(f"No connection to {origin}: {cause}.")


class SyncDialer:
    """Sends requests, blocking; Ctrl-C ends any of its waits."""

    def __init__(self, *, ca_pem: bytes | None = None) -> None:
        self._aside = Aside()
        self._pools: _Pools[SyncClient] = _Pools(
            lambda timeout: _prepare(SyncClientBuilder(), timeout, ca_pem).build(),
            # One that is pushed out closes when its last call has ended.
            lambda _client: None,
        )

    def send(self, step: Send) -> Answer:
        """Sends a request; a streamed response comes back with its body unread."""
        return self._aside.run(lambda: self._send(step), abandon=self.release)

    def _send(self, step: Send) -> Answer:
        request = step.request
        builder = _fill(self._pools.of(step.timeout).request(request.method, request.url), request)
        try:
            if not step.streamed:
                response = builder.build().send()
                return Answer(response.status, _headers(response), response.bytes().to_bytes())
            streamed: SyncStreamRequest = builder.streamed_read_buffer_limit(0).build_streamed()
            response = streamed.__enter__()
        except PyreqwestError as error:
            raise _translate(error, request.origin) from error
        return Answer(
            response.status,
            _headers(response),
            request=streamed,
            reader=response.body_reader,
        )

    def read_some(self, answer: Response) -> bytes | None:
        """The next bytes of a streamed response, None at its end."""
        try:
            chunk = self._aside.run(answer.reader.read_chunk, abandon=_forget)
        except PyreqwestError as error:
            raise _translate(error, "the stream") from error
        return None if chunk is None else chunk.to_bytes()

    def read_all(self, answer: Response) -> bytes:
        """The rest of a streamed response, which is closed then."""
        try:
            return self._aside.run(answer.reader.bytes, abandon=_forget).to_bytes()
        except PyreqwestError as error:
            raise _translate(error, "the stream") from error
        finally:
            self.release(answer)

    def release(self, answer: Response) -> None:
        """Lets go of a streamed response, read or not."""
        request, answer.request = answer.request, None
        if request is not None:
            request.__exit__(None, None, None)

    def close(self) -> None:
        """Closes every connection."""
        for client in self._pools.drain():
            client.close()
        self._aside.close()


class AsyncDialer:
    """Sends requests without blocking the event loop."""

    def __init__(self, *, ca_pem: bytes | None = None) -> None:
        rest_at_exit()
        # A pool that is pushed out closes its connections when it is collected.
        self._pools: _Pools[Client] = _Pools(
            lambda timeout: _prepare(ClientBuilder(), timeout, ca_pem).build(),
            lambda _client: None,
        )

    async def send(self, step: Send) -> Answer:
        """Sends a request; a streamed response comes back with its body unread."""
        request = step.request
        builder = _fill(self._pools.of(step.timeout).request(request.method, request.url), request)
        try:
            if not step.streamed:
                response = await builder.build().send()
                body = await response.bytes()
                return Answer(response.status, _headers(response), body.to_bytes())
            streamed: StreamRequest = builder.streamed_read_buffer_limit(0).build_streamed()
            response = await streamed.__aenter__()
        except PyreqwestError as error:
            raise _translate(error, request.origin) from error
        return Answer(
            response.status,
            _headers(response),
            request=streamed,
            reader=response.body_reader,
        )

    async def read_some(self, answer: Response) -> bytes | None:
        """The next bytes of a streamed response, None at its end."""
        try:
            chunk = await answer.reader.read_chunk()
        except PyreqwestError as error:
            raise _translate(error, "the stream") from error
        return None if chunk is None else chunk.to_bytes()

    async def read_all(self, answer: Response) -> bytes:
        """The rest of a streamed response, which is closed then."""
        try:
            return (await answer.reader.bytes()).to_bytes()
        except PyreqwestError as error:
            raise _translate(error, "the stream") from error
        finally:
            await self.release(answer)

    async def release(self, answer: Response) -> None:
        """Lets go of a streamed response, read or not."""
        request, answer.request = answer.request, None
        if request is not None:
            await request.__aexit__(None, None, None)

    async def close(self) -> None:
        """Closes every connection."""
        for client in self._pools.drain():
            await client.close()


Q = TypeVar("Q", "RequestBuilder", "SyncRequestBuilder")


def _fill(builder: Q, request: Request) -> Q:
    try:
        return builder.headers(request.headers).body_bytes(request.body)
    except ValueError:  # its text has the value, which may be a secret
        raise RequestError(
            "A header holds what HTTP can't carry.",
            mend="Is there a line break at the end of a key, as when it is read from a file?",
        ) from None


def _forget(_chunk: object) -> None:
    """For a read that nobody waits for any more: the response is released by itself."""


def _headers(response: WireResponse | SyncResponse) -> HeaderMap:
    return HeaderMap(response.headers.items())
