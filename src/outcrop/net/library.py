"""Loads the HTTP library (pyreqwest) so that it outlives whoever asked for it first.

Rule: what is imported from the library at run time, `outcrop.net.dial` imports from here.

pyreqwest 0.15.1 ends the process (SIGSEGV in making a client) once the thread that imported it has
ended. So a thread other than the main one has it imported by a thread that never ends.
"""

from __future__ import annotations

from importlib import import_module
from threading import Event, Thread, current_thread, main_thread


def _load() -> None:
    loaded = Event()

    def load() -> None:
        try:
            import_module("pyreqwest.client")
        finally:
            loaded.set()  # if it failed, so will the imports below, and say why
        Event().wait()

    Thread(target=load, name="outcrop-http-library", daemon=True).start()
    loaded.wait()


if current_thread() is not main_thread():
    _load()

from pyreqwest.client import ClientBuilder, SyncClientBuilder  # noqa: E402 - after that
from pyreqwest.exceptions import (  # noqa: E402
    ClientClosedError,
    DetailedPyreqwestError,
    PyreqwestError,
    RequestTimeoutError,
)

__all__ = [
    "ClientBuilder",
    "ClientClosedError",
    "DetailedPyreqwestError",
    "PyreqwestError",
    "RequestTimeoutError",
    "SyncClientBuilder",
]
