"""What the environment says: region, endpoint, keys, certificates.

Rules: an argument goes before a variable, a variable before the shared configuration file; names
are those of AWS's and Anthropic's own tools; an empty variable counts as unset, as it does for
them.
Source: AWS SDKs and Tools Reference Guide, "Settings reference"; the official SDK's README.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from outcrop.errors import ConfigurationError

DEFAULT_REGION = "us-east-1"

#: Where the runtime endpoint may be named, the first that is set counts.
BASE_URL_VARIABLES = (
    "ANTHROPIC_BEDROCK_BASE_URL",
    "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
    "AWS_ENDPOINT_URL",
)
CA_VARIABLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


class Region(NamedTuple):
    """A region, and who named it."""

    name: str
    source: str


class Endpoint(NamedTuple):
    """A base URL in two parts: `https://host:port`, and the path before every operation's own."""

    origin: str
    prefix: str


def variable(name: str) -> str | None:
    """The value of an environment variable, None if it is unset or empty."""
    return os.environ.get(name) or None


def region(argument: str | None, profile: str | None) -> Region:
    """The region to call, and where it was found.

    Raises:
        ConfigurationError: For a name that can't be a region's.
    """
    if argument:
        found = Region(argument, "aws_region argument")
    elif name := variable("AWS_REGION"):
        found = Region(name, "AWS_REGION")
    elif name := variable("AWS_DEFAULT_REGION"):
        found = Region(name, "AWS_DEFAULT_REGION")
    elif name := _configured_region(profile):
        found = Region(name, f"profile {profile or _profile()}")
    else:
        found = Region(DEFAULT_REGION, "default")
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", found.name):
        raise ConfigurationError(
            f"{found.source}: {found.name!r} isn't a region.", mend="Regions look like 'us-west-2'."
        )
    return found


def _profile() -> str:
    return variable("AWS_PROFILE") or variable("AWS_DEFAULT_PROFILE") or "default"


def _configured_region(profile: str | None) -> str | None:
    """The region in the shared configuration file, without any AWS library."""
    from pathlib import Path  # only for who has a file, as are these

    name = profile or _profile()
    path = Path(variable("AWS_CONFIG_FILE") or "~/.aws/config").expanduser()
    from configparser import ConfigParser, Error as ConfigFileError

    parser = ConfigParser(interpolation=None, strict=False)
    try:
        with path.open(encoding="utf-8") as file:
            parser.read_file(file)
    except (OSError, ConfigFileError, UnicodeDecodeError):
        return None  # botocore reports a broken file when it is asked for credentials
    for section in (f"profile {name}", name):
        if parser.has_option(section, "region"):
            return parser.get(section, "region").strip() or None
    return None


def base_url(argument: str | None) -> Endpoint | None:
    """The endpoint that an argument or a variable names, None for AWS's own.

    Raises:
        ConfigurationError: For what isn't an http(s) URL.
    """
    if argument:
        return split_url(str(argument), "base_url")
    if (variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") or "").lower() == "true":
        return None
    for name in BASE_URL_VARIABLES:
        if url := variable(name):
            return split_url(url, name)
    return None


def split_url(url: str, source: str) -> Endpoint:
    """A base URL's origin and path prefix.

    Raises:
        ConfigurationError: For what isn't an http(s) URL.
    """
    if _is_origin(url):
        return Endpoint(url.removesuffix("/"), "")
    from urllib.parse import quote, urlsplit

    try:
        parts = urlsplit(url)
        sound = parts.hostname is not None and parts.port != 0
    except ValueError:
        parts, sound = urlsplit(""), False
    odd = set("@% ") & set(parts.netloc) or parts.query or parts.fragment or url[-1:].isspace()
    if not sound or odd or parts.scheme not in ("http", "https"):
        shown = url if "@" not in url else "(a URL with credentials in it)"
        raise ConfigurationError(
            f"{source}={shown!r} isn't a base URL.",
            mend="Give one like 'https://bedrock-runtime.us-west-2.amazonaws.com'.",
        )
    # The Host header is signed: it has to be spelt as the HTTP library will spell it.
    host = parts.netloc.lower()
    if not host.isascii():
        host = host.encode("idna").decode("ascii")
    return Endpoint(
        f"{parts.scheme}://{host}", quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=-._~")
    )


def _is_origin(url: str) -> bool:
    """Whether it is a scheme, a host and perhaps a port, all spelt as they will be sent.

    Most are, and need no `urllib.parse`, which takes longer to import than thirty calls take.
    """
    scheme, _, rest = url.removesuffix("/").partition("://")
    host, colon, port = rest.partition(":")
    letters = host.replace(".", "").replace("-", "")
    return (
        scheme in ("http", "https")
        and url.isascii()
        and letters.isalnum()
        and letters == letters.lower()
        and (not colon or (len(port) < 6 and port.isdecimal() and 0 < int(port) < 65536))
    )


def ca_bundle() -> bytes | None:
    """The certificates that the environment adds to the trusted ones, as PEM.

    Raises:
        ConfigurationError: If the file can't be read.
    """
    for name in CA_VARIABLES:
        if path := variable(name):
            try:
                with open(path, "rb") as file:  # noqa: PTH123 - pathlib would take longer to load
                    return file.read()
            except OSError as error:
                raise ConfigurationError(
                    f"{name}={path!r} can't be read: {error.strerror}.",
                    mend="Name a file of PEM certificates, or unset it.",
                ) from error
    return None
