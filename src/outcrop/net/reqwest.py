"""The transport through an HTTP library (pyreqwest): for proxies, HTTP/2, and Windows.

Rules: nothing else imports that library, and nothing imports this module before it is needed; what
is sent is exactly the Request: no redirects, no retries, no decompression, no cookies, no extra
signed headers; TLS is verified.
"""

from __future__ import annotations

from collections import OrderedDict
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
from outcrop.net.answer import Answer, closed, forked
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

    from outcrop.bedrock.call import Send, Timeout
    from outcrop.wire.http import Request

#: Connection pools kept at most, one for each pair of time-outs in use.
MAX_POOLS = 8

C = TypeVar("C", "Client", "SyncClient")


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
                raise closed()
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


B = TypeVar("B", ClientBuilder, SyncClientBuilder)


def _prepare(builder: B, timeout: Timeout, ca_pem: bytes | None, *, http2: bool) -> B:
    builder = (
        builder.follow_redirects(enable=False)
        .referer(enable=False)
        .gzip(enable=False)
        .brotli(enable=False)
        .zstd(enable=False)
        .deflate(enable=False)
    )
    if http2:  # by ALPN; HTTP/1.1 where the origin doesn't speak it
        builder = builder.http2(enable=True)
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
        return closed()
    cause = error.message
    if isinstance(error, DetailedPyreqwestError) and (causes := error.details.get("causes")):
        cause = causes[-1]["message"]
    if isinstance(error, RequestTimeoutError):
        return APITimeoutError(f"No answer from {origin} in time: {cause}.")
    return APIConnectionError(f"No connection to {origin}: {cause}.")


def _forked() -> ConfigurationError:
    return forked(
        "had made calls already",
        "Fork before the first call, or start processes with 'spawn' or 'forkserver'.",
    )


class SyncBody:
    """The body of a streamed reply."""

    def __init__(self, request: SyncStreamRequest, reader: Any, aside: Aside) -> None:
        self._request: SyncStreamRequest | None = request
        self._reader = reader
        self._aside = aside

    def read_some(self) -> bytes | None:
        """The next bytes, None at the end."""
        try:
            chunk = self._aside.run(self._reader.read_chunk, abandon=_forget)
        except PyreqwestError as error:
            raise _translate(error, "the stream") from error
        return None if chunk is None else chunk.to_bytes()

    def read_all(self) -> bytes:
        """The rest of it."""
        try:
            return self._aside.run(self._reader.bytes, abandon=_forget).to_bytes()
        except PyreqwestError as error:
            raise _translate(error, "the stream") from error
        finally:
            self.release()

    def release(self) -> None:
        """Lets go of it, read or not."""
        request, self._request = self._request, None
        if request is not None:
            request.__exit__(None, None, None)


class SyncLibrary:
    """The blocking transport; Ctrl-C ends any of its waits."""

    def __init__(self, *, ca_pem: bytes | None = None, http2: bool = False) -> None:
        self._aside = Aside()
        self._pools: _Pools[SyncClient] = _Pools(
            lambda timeout: _prepare(SyncClientBuilder(), timeout, ca_pem, http2=http2).build(),
            # One that is pushed out closes when its last call has ended.
            lambda _client: None,
        )

    def send(self, step: Send) -> Answer:
        """Sends a request; a streamed response comes back with its body unread."""
        return self._aside.run(lambda: self._send(step), abandon=_release)

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
        body = SyncBody(streamed, response.body_reader, self._aside)
        return Answer(response.status, _headers(response), reader=body)

    def close(self) -> None:
        """Closes every connection."""
        for client in self._pools.drain():
            client.close()
        self._aside.close()


class AsyncBody:
    """The body of a streamed reply."""

    def __init__(self, request: StreamRequest, reader: Any) -> None:
        self._request: StreamRequest | None = request
        self._reader = reader

    async def read_some(self) -> bytes | None:
        """The next bytes, None at the end."""
        try:
            chunk = await self._reader.read_chunk()
        except PyreqwestError as error:
            raise _translate(error, "the stream") from error
        return None if chunk is None else chunk.to_bytes()

    async def read_all(self) -> bytes:
        """The rest of it."""
        try:
            return (await self._reader.bytes()).to_bytes()
        except PyreqwestError as error:
            raise _translate(error, "the stream") from error
        finally:
            await self.release()

    async def release(self) -> None:
        """Lets go of it, read or not."""
        request, self._request = self._request, None
        if request is not None:
            await request.__aexit__(None, None, None)


class AsyncLibrary:
    """The transport that doesn't block the event loop."""

    def __init__(self, *, ca_pem: bytes | None = None, http2: bool = False) -> None:
        rest_at_exit()
        # A pool that is pushed out closes its connections when it is collected.
        self._pools: _Pools[Client] = _Pools(
            lambda timeout: _prepare(ClientBuilder(), timeout, ca_pem, http2=http2).build(),
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
        unread = AsyncBody(streamed, response.body_reader)
        return Answer(response.status, _headers(response), reader=unread)

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


def _release(answer: Answer) -> None:
    if answer.reader is not None:
        answer.reader.release()


def _forget(_chunk: object) -> None:
    """For a read that nobody waits for any more: the response is released by itself."""


def _headers(response: WireResponse | SyncResponse) -> HeaderMap:
    return HeaderMap(response.headers.items())
