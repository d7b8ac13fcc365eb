from __future__ import annotations

import botocore.loaders
import pytest
from botocore.endpoint_provider import EndpointProvider

from outcrop.catalog import hosts, models
from outcrop.errors import ConfigurationError

SERVICES = ["bedrock", "bedrock-runtime"]


@pytest.fixture(scope="module")
def judges() -> dict[str, EndpointProvider]:
    load = botocore.loaders.create_loader().load_service_model
    partitions = botocore.loaders.create_loader().load_data("partitions")
    return {
        service: EndpointProvider(load(service, "endpoint-rule-set-1"), partitions)
        for service in SERVICES
    }


@pytest.mark.parametrize("dual_stack", [False, True])
@pytest.mark.parametrize("fips", [False, True])
@pytest.mark.parametrize("service", SERVICES)
def test_every_host_is_the_one_that_botocore_calls(
    judges: dict[str, EndpointProvider], service: hosts.Service, fips: bool, dual_stack: bool
):
    for region in models.fips_regions() if fips else models.regions():
        endpoint = judges[service].resolve_endpoint(
            Region=region, UseFIPS=fips, UseDualStack=dual_stack
        )
        host = hosts.host(service, region, fips=fips, dual_stack=dual_stack)
        assert f"https://{host}" == endpoint.url


def test_partitions_and_their_suffixes_are_botocores():
    loaded = botocore.loaders.create_loader().load_data("partitions")["partitions"]
    theirs = {row["id"]: row["outputs"] for row in loaded}
    for name, row in models.partitions().items():
        assert row.suffix == theirs[name]["dnsSuffix"]
        assert row.dual_stack == theirs[name]["dualStackDnsSuffix"]


def test_each_region_is_in_the_partition_that_botocore_puts_it_in(
    judges: dict[str, EndpointProvider],
):
    loaded = botocore.loaders.create_loader().load_data("partitions")["partitions"]
    theirs = {region: row["id"] for row in loaded for region in row["regions"]}
    for region in models.regions():
        if region in theirs:
            assert models.partition(region) == theirs[region]


def test_fips_is_where_botocore_lists_it():
    (aws,) = (
        row
        for row in botocore.loaders.create_loader().load_data("endpoints")["partitions"]
        if row["partition"] == "aws"
    )
    listed = aws["services"]["bedrock"]["endpoints"]
    fips = {
        row["credentialScope"]["region"]
        for name, row in listed.items()
        if name.startswith("bedrock-fips-")
    }
    assert {r for r in models.fips_regions() if models.partition(r) == "aws"} == fips


@pytest.mark.parametrize("service", ["bedrock", "bedrock-runtime", "bedrock-mantle"])
def test_fips_where_there_is_none_is_refused_with_the_regions_that_have_it(service: hosts.Service):
    with pytest.raises(ConfigurationError, match="us-east-1"):
        hosts.host(service, "eu-west-1", fips=True)


def test_a_region_that_is_not_known_is_taken_for_a_commercial_one():
    host = hosts.host("bedrock-runtime", "xx-new-1")
    assert host == "bedrock-runtime.xx-new-1.amazonaws.com"


def test_the_messages_route_has_its_host_and_signing_name():
    # Amazon Bedrock User Guide, "Endpoints".
    assert hosts.host("bedrock-mantle", "us-east-1") == "bedrock-mantle.us-east-1.api.aws"
    assert hosts.SIGNING_NAMES["bedrock-mantle"] == "bedrock-mantle"


@pytest.mark.parametrize("service", SERVICES)
def test_signing_names_are_botocores(service: hosts.Service):
    model = botocore.loaders.create_loader().load_service_model(service, "service-2")
    assert hosts.SIGNING_NAMES[service] == model["metadata"]["signingName"]
