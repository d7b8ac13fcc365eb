"""The page over HTTP, for the person at this machine and nobody else.

Rules: only the loopback address is listened on; a request for any other host is refused, so that no
foreign site can point its name here; the token of the printed address is changed for a cookie and
leaves the address; nothing is written, and nothing is read but the records; connections, sizes and
times are bounded; one question is asked of the records at a time.

Sources: RFC 9110 (421, 405), RFC 6265bis (cookies know no ports, hence the name).
"""

from __future__ import annotations

import hmac
import io
import secrets
import threading
import time
from contextlib import suppress
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import parse_qsl, urlsplit

from outcrop.activity.page.calls import list_calls, read_call, read_filters
from outcrop.activity.page.document import content_policy, to_json, write_document
from outcrop.errors import ConfigurationError, OutcropError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from outcrop.activity.engine import Activity
    from outcrop.activity.page.summary import Window

HOST: Final = "127.0.0.1"
#: Connections at once; more are closed unanswered.
MOST_CONNECTIONS: Final = 16
#: Seconds in which a request's head must have come, and a reply must have been taken.
LONGEST_REQUEST: Final = 10.0
LONGEST_REPLY: Final = 60.0
#: Bytes of a request.
MOST_BYTES: Final = 32 * 1024
#: Seconds that a request waits for the questions before it.
LONGEST_WAIT: Final = 60.0
#: Characters of one conversation.
MOST_CHARACTERS: Final = 2_000_000

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Records:
    """What the server answers from: the records, asked by one request at a time."""

    def __init__(self, log: Activity, gather: Callable[[], tuple[Window, dict[str, Any]]]) -> None:
        self._log = log
        self._gather = gather
        self._lock = threading.Lock()
        self._known: tuple[Window, dict[str, Any]] | None = None

    def figures(self) -> dict[str, Any]:
        """The page's data, gathered when they are first asked for."""
        with _Turn(self._lock):
            return self._figures()[1]

    def calls(self, query: Mapping[str, str]) -> dict[str, Any]:
        """A list of calls."""
        filters = read_filters(query)
        with _Turn(self._lock):
            window, data = self._figures()
            names = data["summary"]["names"]
            return list_calls(self._log, window, filters=filters, names=names)

    def call(self, query: Mapping[str, str]) -> dict[str, Any] | None:
        """One call."""
        with _Turn(self._lock):
            return read_call(self._log, query.get("id", ""), most_characters=MOST_CHARACTERS)

    def _figures(self) -> tuple[Window, dict[str, Any]]:
        if self._known is None:
            self._known = self._gather()
        return self._known


class _Turn:
    """Holds a lock, or refuses after a while."""

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        if not self._lock.acquire(timeout=LONGEST_WAIT):
            raise _Refused(HTTPStatus.SERVICE_UNAVAILABLE, "The records are busy; try again.")

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class _Refused(Exception):  # noqa: N818 - it ends a request, not the program
    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class _Bounded(io.RawIOBase):
    """A socket's reading side that ends after so many bytes, and by a moment."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self._connection = connection
        self._until = time.monotonic() + LONGEST_REQUEST
        self._left = MOST_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        room = memoryview(buffer)[: self._left]
        count = self._connection.recv_into(room) if room else 0
        self._left -= count
        return count


class _Handler(BaseHTTPRequestHandler):
    """One request on one connection."""

    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride] - its only server
    protocol_version = "HTTP/1.0"  # a connection ends with its reply: there's little to bound

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self.rfile = io.BufferedReader(_Bounded(self.connection), 8192)

    def version_string(self) -> str:
        """The name of the program; its version is nobody's business."""
        return "outcrop"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the parent's name
        """Nothing: an address may hold the token."""

    def do_GET(self) -> None:
        """Answers."""
        self.connection.settimeout(LONGEST_REPLY)
        try:
            self._answer()
        except _Refused as refused:
            self._refuse(refused.status, refused.text)
        except OutcropError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error))
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - one bad record mustn't end the page
            self._refuse(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                f"The records could not be asked ({type(error).__name__}).",
            )

    def do_HEAD(self) -> None:
        """Answers without the body."""
        self.do_GET()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuses what isn't a request that this server knows."""
        del explain
        status = HTTPStatus(code)
        if status is HTTPStatus.NOT_IMPLEMENTED:
            status = HTTPStatus.METHOD_NOT_ALLOWED
        self._refuse(status, message or status.phrase)

    def _answer(self) -> None:
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1 or hosts[0].lower() not in self.server.names:
            raise _Refused(
                HTTPStatus.MISDIRECTED_REQUEST, "This server answers for its own address only."
            )
        try:
            target = urlsplit(self.path)
            query = dict(parse_qsl(target.query, max_num_fields=20))
        except ValueError:
            raise _Refused(HTTPStatus.BAD_REQUEST, "This isn't an address.") from None
        if target.path == "/" and "token" in query:
            self._let_in(query["token"])
            return
        if not self._is_known():
            raise _Refused(
                HTTPStatus.FORBIDDEN, "Open the address that the command printed, token and all."
            )
        records = self.server.records
        match target.path:
            case "/":
                self._send(HTTPStatus.OK, "text/html; charset=utf-8", self.server.document)
            case "/data.json":
                self._send_json(records.figures())
            case "/calls.json":
                self._send_json(records.calls(query))
            case "/conversation.json":
                found = records.call(query)
                if found is None:
                    raise _Refused(HTTPStatus.NOT_FOUND, "The records don't have this call.")
                self._send_json(found)
            case _:
                raise _Refused(HTTPStatus.NOT_FOUND, "There's nothing here.")

    def _let_in(self, token: str) -> None:
        if not hmac.compare_digest(token.encode(), self.server.token.encode()):
            raise _Refused(HTTPStatus.FORBIDDEN, "This isn't the token of this server.")
        cookie = f"{self.server.cookie}={self.server.session}; Path=/; HttpOnly; SameSite=Strict"
        self._send(
            HTTPStatus.SEE_OTHER, "text/plain", b"", headers={"Location": "/", "Set-Cookie": cookie}
        )

    def _is_known(self) -> bool:
        cookies: SimpleCookie = SimpleCookie()
        with suppress(CookieError):
            cookies.load(self.headers.get("Cookie", ""))
        shown = cookies.get(self.server.cookie)
        return shown is not None and hmac.compare_digest(
            shown.value.encode(), self.server.session.encode()
        )

    def _refuse(self, status: HTTPStatus, text: str) -> None:
        self._send_json({"error": text}, status)

    def _send_json(self, document: Mapping[str, Any], status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(status, "application/json", to_json(document))

    def _send(
        self,
        status: HTTPStatus,
        kind: str,
        body: bytes,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        policy = {"Content-Security-Policy": content_policy(offline=False)}
        length = {"Content-Type": kind, "Content-Length": str(len(body))}
        for name, value in {**_HEADERS, **policy, **length, **(headers or {})}.items():
            self.send_header(name, value)
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = MOST_CONNECTIONS

    def __init__(self, port: int, records: Records) -> None:
        self._places = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self.records = records
        self.document = write_document({}, offline=False).encode()
        self.token = secrets.token_urlsafe(24)
        self.session = secrets.token_urlsafe(24)
        super().__init__((HOST, port), _Handler)
        self.cookie = f"outcrop_activity_{self.server_port}"
        names = (HOST, "localhost")
        self.names = {f"{name}:{self.server_port}" for name in names}
        if self.server_port == 80:
            self.names |= set(names)

    def server_bind(self) -> None:
        """Binds without asking for this machine's name, as the parent would."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = HOST, self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._places.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: whoever asked has gone, or took too long."""


class Serving:
    """A page that is being served; `close` it, or use it in a `with` statement.

    Attributes:
        url: The address to open, with its token: whoever has it reads the records.
        address: The address without the token.
    """

    def __init__(self, records: Records, *, port: int) -> None:
        try:
            self._server = _Server(port, records)
        except (OSError, OverflowError) as error:
            raise ConfigurationError(
                f"Can't listen on {HOST} port {port}: {error}.",
                mend="Stop what runs there, or choose another port; 0 is any.",
            ) from error
        self.address = f"http://{HOST}:{self._server.server_port}/"
        self.url = f"{self.address}?token={self._server.token}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="outcrop page", daemon=True
        )
        self._thread.start()

    def __repr__(self) -> str:
        return f"Serving({self.address!r})"

    def wait(self) -> None:
        """Blocks until the server is closed by another thread, or the process interrupted."""
        self._thread.join()

    def close(self) -> None:
        """Ends the server; requests that are being answered are broken off."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
