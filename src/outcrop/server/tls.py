"""A certificate for the local Bedrock, made by a certificate authority that exists for it alone.

Rules: good for names of this machine only; the keys' files are readable by their owner only; the
authority's own key is never written.
Source: trustme's documentation (https://trustme.readthedocs.io).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

#: Names and addresses that the certificate is good for.
NAMES: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files in PEM.

    Attributes:
        ca: What clients must trust, for `AWS_CA_BUNDLE`.
        chain: What the server shows.
        key: The server's private key, mode 0600.
    """

    ca: Path
    chain: Path
    key: Path


def make_certificate(folder: Path, *, names: tuple[str, ...] = ()) -> Certificate:
    """A new certificate in a folder, which is made if it isn't there.

    Args:
        folder: Where its three files go; files of these names are replaced.
        names: Host names or addresses that it is good for beside `NAMES`.
    """
    import trustme  # a third of a second, for those who want TLS

    authority = trustme.CA(organization_name="Outcrop local Bedrock")
    leaf = authority.issue_cert(*dict.fromkeys((*NAMES, *names)))
    folder.mkdir(parents=True, exist_ok=True)
    made = Certificate(folder / "ca.pem", folder / "server.pem", folder / "server-key.pem")
    _write(made.ca, authority.cert_pem.bytes(), mode=0o644)
    _write(made.chain, b"".join(blob.bytes() for blob in leaf.cert_chain_pems), mode=0o644)
    _write(made.key, leaf.private_key_pem.bytes(), mode=0o600)
    return made


def _write(path: Path, data: bytes, *, mode: int) -> None:
    """Writes a file that never has a wider mode than this one, not even for a moment."""
    path.unlink(missing_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(file, "wb") as out:
        out.write(data)
