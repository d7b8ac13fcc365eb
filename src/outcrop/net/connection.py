"""One blocking connection: one write, one read, and a signal ends either.

Rules: whoever gets an error here closes the connection; an answer that comes before the request is
sent is an answer all the same.
"""

from __future__ import annotations

import select
from typing import TYPE_CHECKING, Any, Final

from outcrop.net.addresses import MAX_WHOLE, broke, no_answer, watch
from outcrop.net.answer import too_long

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from outcrop.wire.http1 import ResponseReader

#: Bytes asked for at once.
READ: Final = 64 * 1024


class Connection:
    """One connection to an origin.

    Attributes:
        spoilt: Whether it can't carry another request whatever the reply says.
        idle_since: On the steady clock.
    """

    __slots__ = ("_seconds", "_stirs", "idle_since", "origin", "sock", "spoilt", "tls")

    def __init__(self, sock: socket.socket, origin: str, *, tls: bool) -> None:
        self.sock = sock
        self.origin = origin
        self.tls = tls
        self.spoilt = False
        self.idle_since = 0.0
        self._seconds: float | None = -1.0
        self._stirs: Callable[[int], list[Any]] | None = None

    def limit(self, seconds: float | None) -> None:
        """How long each wait may take from now on."""
        if seconds != self._seconds:
            self.sock.settimeout(seconds)
            self._seconds = seconds

    def is_quiet(self) -> bool:
        """Whether nothing has come while it was idle, its end included."""
        if self._stirs is None:
            self._stirs = watch(self.sock)
        if self._stirs(0):
            return False
        sock: Any = self.sock
        return not (self.tls and sock.pending())

    def exchange(
        self,
        buffers: list[bytes],
        reader: ResponseReader,
        *,
        streamed: bool,
        seconds: float | None,
    ) -> list[bytes]:
        """Sends a request and waits for its reply, or for the head of a streamed one.

        Returns:
            What has come of the body.
        """
        self.limit(seconds)
        out: list[bytes] = []
        self.write(buffers, reader, out)
        length = 0
        while not (reader.begun if streamed else reader.complete):
            if reader.failure is not None:
                raise reader.failure
            piece = self.receive(reader)
            if piece:
                out.append(piece)
                length += len(piece)
                if length > MAX_WHOLE:
                    raise too_long()
        return out

    def receive(self, reader: ResponseReader) -> bytes:
        """Waits for more of the reply and has it read; gives what of it is body.

        Raises:
            APIConnectionError: Nothing came in time, or the connection broke.
        """
        try:
            data = self.sock.recv(READ)
        except OSError as error:
            if self.tls and _tls().is_cut(error):
                reader.end(cut=True)
                return b""
            raise broke(error, self.origin, self._seconds) from error
        if data:
            return reader.feed(data)
        reader.end()
        return b""

    def write(self, buffers: list[bytes], reader: ResponseReader, out: list[bytes]) -> None:
        """Sends a request, unless it is answered before it is sent: then the answer is read.

        Args:
            buffers: The request.
            reader: Of its reply.
            out: Takes what of the reply's body comes meanwhile.

        Raises:
            APIConnectionError: It couldn't be sent, and there is no answer.
        """
        sent = 0
        if len(buffers) == 1:
            try:
                sent = self.sock.send(buffers[0])
            except OSError as error:
                self._look_for_answer(error, reader, out)
                return
            if sent == len(buffers[0]):
                return
        self._write_on(buffers, sent, reader, out)

    def _write_on(
        self, buffers: list[bytes], sent: int, reader: ResponseReader, out: list[bytes]
    ) -> None:
        """Sends what is too long for one write, with an eye on the reply.

        RFC 9112, 9.5: a client "SHOULD monitor the connection" for one, and stop sending then.
        """
        seconds = self._seconds
        self.limit(0.0)
        try:
            for buffer in buffers:
                rest = memoryview(buffer)[sent:]
                sent = 0
                while rest:
                    if self._wait(seconds):
                        self._read_early(reader, out)
                        if reader.begun or reader.failure is not None:
                            self.spoilt = True
                            return
                    rest = rest[self._send_some(rest) :]
        except TimeoutError:
            raise no_answer(self.origin, seconds) from None
        except OSError as error:
            self._look_for_answer(error, reader, out)
        finally:
            self.limit(seconds)

    def _wait(self, seconds: float | None) -> bool:
        """Until there is room to write, or something to read: whether there is the latter."""
        if not hasattr(select, "poll"):
            readable, writable, _ = select.select([self.sock], [self.sock], [], seconds)
        else:
            poll = select.poll()
            poll.register(self.sock, select.POLLIN | select.POLLOUT)
            found = poll.poll(None if seconds is None else seconds * 1000)
            events = found[0][1] if found else 0
            readable, writable = events & ~select.POLLOUT, events & select.POLLOUT
        if not (readable or writable):
            raise TimeoutError
        return bool(readable)

    def _send_some(self, rest: memoryview) -> int:
        try:
            return self.sock.send(rest)
        except OSError as error:
            if self._is_waiting(error):
                return 0
            raise

    def _read_early(self, reader: ResponseReader, out: list[bytes]) -> bool:
        """Reads of the reply what has come before the request was sent; whether anything had."""
        try:
            data = self.sock.recv(READ)
        except OSError as error:
            if self._is_waiting(error):
                return False
            raise
        if data:
            out.append(reader.feed(data))
        else:
            reader.end()
        return bool(data)

    def _is_waiting(self, error: OSError) -> bool:
        return isinstance(error, BlockingIOError) or (self.tls and _tls().is_waiting(error))

    def _look_for_answer(self, error: OSError, reader: ResponseReader, out: list[bytes]) -> None:
        """Nothing can be sent any more, but what the peer said before it hung up is still there.

        Raises:
            APIConnectionError: It said nothing.
        """
        self.spoilt = True
        seconds = self._seconds
        try:
            self.limit(0.0)
            while not reader.begun and self._read_early(reader, out):
                pass
        except OSError:
            pass  # the first error says more
        finally:
            self.limit(seconds)
        if not reader.begun:
            raise broke(error, self.origin, seconds) from error

    def close(self) -> None:
        """Lets go of it; if something is unread, the peer sees a reset."""
        self.sock.close()


def _tls() -> Any:
    from outcrop.net import tls  # loaded since there is a TLS connection

    return tls
