"""Where a call goes: the host of a region, and the path of an operation.

Source: botocore `bedrock-runtime` and `bedrock` endpoint rule sets; operation URIs from their
`service-2.json`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from outcrop.bedrock import preflight
from outcrop.catalog import hosts, ids, models, prices
from outcrop.errors import RequestError
from outcrop.wire import uri

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outcrop.bedrock.preflight import Finding
    from outcrop.catalog.edition import Edition
    from outcrop.catalog.resolve import Resolution


class Route(Struct, frozen=True):
    """The way that a call takes.

    Attributes:
        model_id: What is called, as given.
        region: Whose endpoint is called.
        origin: Scheme, host and port.
        endpoint: `global`, `regional` or `in-region`; `unknown` where the ID hides it.
        destinations: Regions that may serve it; empty where AWS doesn't publish them.
        resolution: How it was found, with price and reasons; None for one that wasn't looked up.
        edition: The catalog that it was found in.
    """

    model_id: str
    region: str
    origin: str
    endpoint: str
    destinations: tuple[str, ...] = ()
    resolution: Resolution | None = None
    edition: Edition | None = None

    def _told(self) -> tuple[object, ...]:
        """What makes it this route; how it was found doesn't."""
        return self.model_id, self.region, self.origin, self.endpoint, self.destinations

    def __eq__(self, other: object) -> bool:
        return self._told() == other._told() if isinstance(other, Route) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._told())

    def __repr__(self) -> str:
        names = ("model_id", "region", "origin", "endpoint", "destinations")
        told = ", ".join(f"{n}={v!r}" for n, v in zip(names, self._told(), strict=True))
        return f"Route({told})"

    @property
    def profile(self) -> str | None:
        """The ID of the inference profile, if it goes by one."""
        return self.resolution.profile if self.resolution else None

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why this way, in plain sentences."""
        return self.resolution.reasons if self.resolution else ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What may go wrong or end soon, in plain sentences."""
        return self.resolution.warnings if self.resolution else ()

    @property
    def lifecycle(self) -> str:
        """Where the model is in its life: `active`, `legacy`, …; `unknown` if it isn't known."""
        return self.resolution.lifecycle if self.resolution else "unknown"

    @property
    def price(self) -> prices.Price:
        """What a million tokens cost, for a prompt that isn't long."""
        return self.resolution.price if self.resolution else _NO_PRICE

    @property
    def api_version(self) -> str:
        """The `anthropic_version` to send."""
        return self.resolution.api_version if self.resolution else api_version(self.model_id)

    def refuses(self, request: Mapping[str, Any], *, api: str = "invoke") -> list[Finding]:
        """What of a request the model won't take, each with why and what to do.

        Args:
            request: The keyword arguments of `messages.create`.
            api: `invoke` or `converse`.
        """
        model = self.resolution.model if self.resolution else None
        return [] if model is None else list(preflight.findings(request, model=model, api=api))

    def cost(self, usage: Mapping[str, Any]) -> prices.Cost:
        """What a reply cost that came this way, by list prices.

        Args:
            usage: Of the reply, as JSON.
        """
        model = self.resolution.model if self.resolution else None
        if model is None or self.edition is None:
            return prices.cost(usage, _NO_PRICE)
        price = prices.price(
            model.id,
            endpoint=self.resolution.endpoint if self.resolution else "unknown",
            region=self.region,
            context_tokens=prices.prompt_tokens(usage),
            prices=self.edition.prices,
        )
        return prices.cost(usage, price)

    def __str__(self) -> str:
        where = ", ".join(self.destinations) or (
            "any commercial region" if self.endpoint == "global" else "not known"
        )
        return f"{self.model_id} at {self.origin} ({self.region}; {self.endpoint}: {where})"


_NO_PRICE = prices.Price(reason="The catalog doesn't know the model, so there is no price.")


def runtime_origin(region: str) -> str:
    """The `bedrock-runtime` endpoint of a region."""
    for partition in models.partitions().values():
        if region in partition.regions:
            return f"https://bedrock-runtime.{region}.{partition.suffix}"
    return f"https://bedrock-runtime.{region}.amazonaws.com"


def messages_origin(region: str) -> str:
    """The `bedrock-mantle` endpoint of a region, which has the Messages route."""
    return f"https://{hosts.host('bedrock-mantle', region)}"


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


def resolved(resolution: Resolution, *, origin: str, edition: Edition) -> Route:
    """The route that the resolver has found."""
    return Route(
        resolution.model_id,
        resolution.source_region,
        origin,
        resolution.endpoint,
        resolution.destinations,
        resolution,
        edition,
    )


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


def count_target(model_id: str) -> str:
    """The path of CountTokens, as it goes on the wire.

    Raises:
        RequestError: For an ID that can't stand in a path.
    """
    return _target(model_id, "count-tokens")


@lru_cache(maxsize=512)
def _target(model_id: str, operation: str) -> str:
    if not model_id or model_id in {".", ".."} or not model_id.isprintable():
        raise RequestError(
            f"model={model_id!r} can't be a model ID.",
            mend="Give an ID such as 'global.anthropic.claude-opus-4-8', or an ARN.",
        )
    return f"/model/{uri.encode(model_id, safe=':')}/{operation}"


@lru_cache(maxsize=512)
def api_version(model_id: str) -> str:
    """The `anthropic_version` to send to a model.

    The first that the catalog lists for it; `bedrock-2023-05-31`, which every model accepts, where
    the catalog doesn't know the model or the ID hides it.
    """
    model = models.find(ids.parse(model_id).base_id)
    return model.api_versions[0] if model else "bedrock-2023-05-31"
