"""Where a local Bedrock is, and the variables that tell clients so.

Source of the names: AWS SDKs and Tools Reference Guide, "Service-specific endpoints"; the official
SDK's README; Node.js, "NODE_EXTRA_CA_CERTS".
"""

from __future__ import annotations

import time
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from outcrop.catalog import models
from outcrop.errors import ConfigurationError
from outcrop.server.identities import ACCESS_KEY, SECRET_KEY, Identities

if TYPE_CHECKING:
    from pathlib import Path

#: Addresses that mean all of them, and the one to call them by.
ANY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not bound to


def url(host: str, port: int, *, tls: bool) -> str:
    """The base URL of what listens there."""
    host = ANY.get(host, host)
    shown = f"[{host}]" if ":" in host else host
    return f"{'https' if tls else 'http'}://{shown}:{port}"


def check_region(region: str) -> None:
    """Refuses a region that has no Bedrock.

    Raises:
        ConfigurationError: Names the region that is spelt most alike.
    """
    known = models.regions()
    if region not in known:
        (nearest,) = get_close_matches(region, known, 1, cutoff=0)
        raise ConfigurationError(
            f"region={region!r} has no Bedrock that the catalog knows.",
            mend=f"Did you mean {nearest!r}?",
        )


def environ(
    *,
    host: str = "127.0.0.1",
    port: int,
    region: str = "us-east-1",
    tls: bool = False,
    tls_dir: Path | None = None,
    api_key: bool = False,
) -> dict[str, str]:
    """Variables that point AWS's and Anthropic's clients at a local Bedrock.

    A session token or a profile that is set already must be unset, and so must an API key: they go
    before the access key that is named here.

    Args:
        host: Where it listens.
        port: Where it listens.
        region: The region to name.
        tls: Whether it serves https.
        tls_dir: The folder of its certificate.
        api_key: Whether to name a new API key, good for twelve hours, in place of access keys.

    Raises:
        ConfigurationError: With TLS, if the folder has no certificate.
    """
    check_region(region)
    if tls and tls_dir is None:
        raise ConfigurationError(
            "TLS needs the folder of the server's certificate.",
            mend="Give --tls-dir DIR here and to 'outcrop serve', or use 'serve --print-env'.",
        )
    ca = tls_dir / "ca.pem" if tls and tls_dir else None
    if ca is not None and not ca.is_file():
        raise ConfigurationError(
            f"tls_dir={str(tls_dir)!r} has no ca.pem.",
            mend="Name the folder that 'outcrop serve --tls --tls-dir' was given.",
        )
    values = exports(url(host, port, tls=tls), region, ca)
    if api_key:
        key = Identities().mint_api_key(region=region, now=time.time())
        values = {"AWS_BEARER_TOKEN_BEDROCK": key.token, **values}
        del values["AWS_ACCESS_KEY_ID"], values["AWS_SECRET_ACCESS_KEY"]
    return values


def exports(base_url: str, region: str, ca: Path | None) -> dict[str, str]:
    """Variables that point clients at a base URL, and at a certificate to trust."""
    values = {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": base_url,
        "AWS_ENDPOINT_URL_BEDROCK": base_url,
        "AWS_ENDPOINT_URL_STS": base_url,
        "ANTHROPIC_BEDROCK_BASE_URL": base_url,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    if ca is not None:
        path = str(ca.resolve())
        values |= {"AWS_CA_BUNDLE": path, "SSL_CERT_FILE": path, "NODE_EXTRA_CA_CERTS": path}
    return values
