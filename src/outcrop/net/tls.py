"""TLS for both kinds of sockets: verified, with the environment's certificates trusted too.

Rules: `ssl` is imported only here, and only for https; a context costs some 30 ms, so there is one
for each set of extra certificates in a process. Trusted are the system's certificates, else (where
Python finds none, as on some macOS and Linux builds) those that botocore ships, as boto3 does.
"""

from __future__ import annotations

import os
import ssl
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from outcrop.errors import ConfigurationError


@lru_cache(maxsize=8)
def context(ca_pem: bytes | None) -> ssl.SSLContext:
    """The context for every https connection.

    Args:
        ca_pem: Certificates to trust besides the system's, as PEM.

    Raises:
        ConfigurationError: They aren't certificates.
    """
    made = ssl.create_default_context()
    made.set_alpn_protocols(["http/1.1"])
    paths: Any = ssl.get_default_verify_paths()  # its parts may be None
    # SSL_CERT_FILE is in the place of the system's file for OpenSSL: ours is a promise to add.
    if "SSL_CERT_FILE" in os.environ and Path(paths.openssl_cafile).is_file():
        made.load_verify_locations(cafile=paths.openssl_cafile)
    elif paths.cafile is None and not _has_any(paths.capath) and not made.get_ca_certs():
        made.load_verify_locations(cafile=_shipped())
    if ca_pem:
        try:
            made.load_verify_locations(cadata=ca_pem.decode("ascii", "ignore"))
        except (ssl.SSLError, ValueError) as error:
            raise ConfigurationError(
                f"The certificates of the environment can't be read: {error}.",
                mend="AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE or SSL_CERT_FILE names a PEM file.",
            ) from error
    return made


def _has_any(folder: str | None) -> bool:
    if folder is None:
        return False
    with os.scandir(folder) as found:
        return any(found)


def _shipped() -> Path | None:
    found = find_spec("botocore")  # finds it, doesn't import it
    if found is None or not found.submodule_search_locations:
        return None
    return Path(found.submodule_search_locations[0]) / "cacert.pem"


def is_cut(error: BaseException | None) -> bool:
    """Whether TLS ended without its closing alert (RFC 8446, 6.1)."""
    return isinstance(error, ssl.SSLEOFError)


def is_waiting(error: OSError) -> bool:
    """Whether a socket that doesn't block has nothing to give, or no room, just now."""
    return isinstance(error, ssl.SSLWantReadError | ssl.SSLWantWriteError)


def is_distrust(error: BaseException) -> bool:
    """Whether the peer's certificate was refused."""
    return isinstance(error, ssl.SSLCertVerificationError)
