"""What proves who is asking: AWS keys, or an API key. Neither ever shows its secret."""

from __future__ import annotations

from msgspec import Struct


class Credentials(Struct, frozen=True):
    """AWS keys, for Signature Version 4.

    Attributes:
        access_key: The access key ID; not a secret.
        secret_key: The secret access key.
        session_token: Goes with temporary keys (`ASIA…`), else None.
    """

    access_key: str
    secret_key: str
    session_token: str | None = None

    def __repr__(self) -> str:
        token = ", session_token=…" if self.session_token else ""
        return f"Credentials({self.access_key!r}, secret_key=…{token})"


class ApiKey(Struct, frozen=True):
    """A Bedrock API key, sent as `Authorization: Bearer …`."""

    token: str

    def __repr__(self) -> str:
        return "ApiKey(…)"
