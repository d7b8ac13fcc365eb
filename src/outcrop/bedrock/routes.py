"""Where a call goes: the host of a region, and the path of an operation.

Source: botocore `bedrock-runtime` and `bedrock` endpoint rule sets; operation URIs from their
`service-2.json`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

from outcrop.catalog import ids, models
from outcrop.errors import RequestError


@dataclass(frozen=True, slots=True)
class Route:
    """The way that a call takes.

    Attributes:
        model_id: What is called, as given.
        region: Whose endpoint is called.
        origin: Scheme, host and port.
        endpoint: `global`, `regional` or `in-region`; `unknown` where the ID hides it.
        destinations: Regions that may serve it; empty where AWS doesn't publish them.
    """

    model_id: str
    region: str
    origin: str
    endpoint: str
    destinations: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = ", ".join(self.destinations) or (
            "any commercial region" if self.endpoint == "global" else "not known"
        )
        return f"{self.model_id} at {self.origin} ({self.region}; {self.endpoint}: {where})"


def runtime_origin(region: str) -> str:
    """The `bedrock-runtime` endpoint of a region."""
    for partition in models.partitions().values():
        if region in partition.regions:
            return f"https://bedrock-runtime.{region}.{partition.suffix}"
    return f"https://bedrock-runtime.{region}.amazonaws.com"


@lru_cache(maxsize=512)
def route(model_id: str, region: str, origin: str) -> Route:
    """The route of a model ID from a region."""
    address = ids.parse(model_id)
    model = models.find(address.base_id)
    if address.prefix == "global":
        endpoint, destinations = "global", []
    elif address.prefix:
        endpoint = "regional"
        destinations = model.routes(address.prefix).get(region, []) if model else []
    elif address.base_id:
        endpoint, destinations = "in-region", [region]
    else:
        endpoint, destinations = "unknown", []
    return Route(model_id, region, origin, endpoint, tuple(destinations))


def invoke_target(model_id: str, *, stream: bool) -> str:
    """The path of InvokeModel or InvokeModelWithResponseStream, as it goes on the wire.

    Raises:
        RequestError: For an ID that can't stand in a path.
    """
    return _target(model_id, "invoke-with-response-stream" if stream else "invoke")


def converse_target(model_id: str, *, stream: bool) -> str:
    """The path of Converse or ConverseStream, as it goes on the wire.

    Raises:
        RequestError: For an ID that can't stand in a path.
    """
    return _target(model_id, "converse-stream" if stream else "converse")


@lru_cache(maxsize=512)
def _target(model_id: str, operation: str) -> str:
    if not model_id or model_id in {".", ".."} or not model_id.isprintable():
        raise RequestError(
            f"model={model_id!r} can't be a model ID.",
            mend="Give an ID such as 'global.anthropic.claude-opus-4-8', or an ARN.",
        )
    return f"/model/{quote(model_id, safe=':')}/{operation}"


@lru_cache(maxsize=512)
def api_version(model_id: str) -> str:
    """The `anthropic_version` to send to a model.

    The first that the catalog lists for it; `bedrock-2023-05-31`, which every model accepts, where
    the catalog doesn't know the model or the ID hides it.
    """
    model = models.find(ids.parse(model_id).base_id)
    return model.api_versions[0] if model else "bedrock-2023-05-31"
