"""What a `modelId` says by its form alone: prefix, base ID, region, account.

Rules: purely lexical, nothing is looked up; what isn't understood is kept as given.
Source: botocore `bedrock-runtime/2023-09-30/service-2.json` (pattern of `InvokeModelIdentifier`),
Amazon Bedrock User Guide, "Supported Regions and models for inference profiles".
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from msgspec import Struct

Kind = Literal[
    "base",
    "profile",
    "application-profile",
    "foundation-model",
    "other",
]

#: Prefixes of AWS's own inference profiles. `ca` is known, but no Claude model uses it yet.
PREFIXES = ("global", "us", "us-gov", "eu", "jp", "apac", "au", "in", "ca")

_ARN = r"arn:(aws[^:]*):bedrock:([a-z0-9-]*):(\d{12})?:([a-z-]+)/(.+)"


class ModelAddress(Struct, frozen=True):
    """The parts of a model ID or ARN.

    Attributes:
        text: The ID as given.
        kind: Which form it has; `other` for anything that isn't a Claude ID's form.
        base_id: Such as `anthropic.claude-opus-4-8`; None where the form hides it.
        prefix: Such as `global` or `us`, of a profile.
        region: From an ARN.
        account: From an ARN.
    """

    text: str
    kind: Kind
    base_id: str | None = None
    prefix: str | None = None
    region: str | None = None
    account: str | None = None


@lru_cache(maxsize=512)
def parse(text: str) -> ModelAddress:
    """The address that a model ID, profile ID or ARN spells."""
    if text.startswith("arn:") and (match := re.fullmatch(_ARN, text)):
        _, region, account, kind, resource = match.groups()
        where = {"region": region or None, "account": account}
        if kind == "foundation-model":
            return ModelAddress(text, "foundation-model", base_id=resource, **where)
        if kind == "inference-profile":
            inner = parse(resource)
            return ModelAddress(
                text, "profile", base_id=inner.base_id, prefix=inner.prefix, **where
            )
        if kind == "application-inference-profile":
            return ModelAddress(text, "application-profile", **where)
        return ModelAddress(text, "other", **where)
    if text.startswith("anthropic."):
        return ModelAddress(text, "base", base_id=text)
    prefix, _, rest = text.partition(".")
    if prefix in PREFIXES and rest.startswith("anthropic."):
        return ModelAddress(text, "profile", base_id=rest, prefix=prefix)
    return ModelAddress(text, "other")
