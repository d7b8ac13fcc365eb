"""Where Bedrock listens: the host of a service in a region.

Rules: names are built as AWS's endpoint rules build them; a variant that AWS doesn't offer there is
refused here, not found out by a name that doesn't resolve.
Sources: botocore, endpoint rule sets of `bedrock` and `bedrock-runtime`, `partitions.json` and
`endpoints.json` (FIPS); Amazon Bedrock User Guide, "Endpoints" (`bedrock-mantle`).
"""

from __future__ import annotations

from typing import Final, Literal

from outcrop.catalog import models
from outcrop.errors import ConfigurationError

Service = Literal["bedrock", "bedrock-runtime", "bedrock-mantle"]

#: Service → the name that its requests are signed for (botocore `signingName`; User Guide).
SIGNING_NAMES: Final[dict[Service, str]] = {
    "bedrock": "bedrock",
    "bedrock-runtime": "bedrock",
    "bedrock-mantle": "bedrock-mantle",
}


def host(service: Service, region: str, *, fips: bool = False, dual_stack: bool = False) -> str:
    """The host name of a service's endpoint in a region.

    `bedrock` is the control plane, `bedrock-runtime` takes InvokeModel and Converse, and
    `bedrock-mantle` the Messages route. A region that the catalog doesn't know is taken to be one
    of the partition `aws`.

    Args:
        service: Whose endpoint.
        region: Such as `us-west-2`.
        fips: The endpoint with FIPS 140 validated cryptography.
        dual_stack: The endpoint with IPv6 as well as IPv4.

    Raises:
        ConfigurationError: There's no such endpoint.
    """
    partition = models.partitions()[models.partition(region)]
    if service == "bedrock-mantle":
        # It has one endpoint a region, under the dual-stack suffix.
        if fips:
            raise ConfigurationError(
                "use_fips=True: the Messages route has no FIPS endpoint that the catalog knows.",
                mend="Call InvokeModel or Converse, which have one in "
                f"{', '.join(models.fips_regions())}.",
            )
        return f"{service}.{region}.{partition.dual_stack}"
    if fips and region not in models.fips_regions():
        raise ConfigurationError(
            f"use_fips=True: Bedrock has no FIPS endpoint in {region}.",
            mend=f"It has them in {', '.join(models.fips_regions())}.",
        )
    name = f"{service}-fips" if fips else service
    return f"{name}.{region}.{partition.dual_stack if dual_stack else partition.suffix}"
