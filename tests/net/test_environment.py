from __future__ import annotations

import pytest

from outcrop import AnthropicBedrock, errors
from outcrop.net import environment


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path):
    import os

    for name in list(os.environ):
        if name.startswith(("AWS_", "ANTHROPIC_")) or name in environment.CA_VARIABLES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    return tmp_path


def test_the_region_is_looked_for_in_the_documented_order(bare, monkeypatch):
    (bare / "config").write_text(
        "[default]\nregion = eu-west-1\n[profile work]\nregion = ap-northeast-1\n"
    )
    assert environment.region(None, None) == ("eu-west-1", "profile default")
    assert environment.region(None, "work") == ("ap-northeast-1", "profile work")
    monkeypatch.setenv("AWS_PROFILE", "work")
    assert environment.region(None, None) == ("ap-northeast-1", "profile work")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-2")
    assert environment.region(None, None) == ("us-east-2", "AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    assert environment.region(None, None) == ("us-west-2", "AWS_REGION")
    assert environment.region("sa-east-1", None) == ("sa-east-1", "aws_region argument")


def test_botocore_finds_the_same_region_in_the_same_file(bare):
    (bare / "config").write_text("[default]\nregion=eu-west-1\n[profile a-b]\nregion = us-east-2\n")
    from botocore.session import Session

    for profile in (None, "a-b"):
        found = Session(profile=profile).get_config_variable("region")
        assert environment.region(None, profile).name == found


def test_without_any_region_it_is_us_east_1():
    assert environment.region(None, None) == ("us-east-1", "default")


def test_the_endpoint_is_looked_for_in_the_documented_order(monkeypatch):
    assert environment.base_url(None) is None
    for name in reversed(environment.BASE_URL_VARIABLES):
        url = f"http://{name.lower().replace('_', '-')}.example:1/prefix/"
        monkeypatch.setenv(name, url)
        assert environment.base_url(None) == (url.removesuffix("/prefix/"), "/prefix")
    assert environment.base_url("https://x") == ("https://x", "")
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    assert environment.base_url(None) is None


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "a-b.example", "x", "a..b", ".", "-"])
@pytest.mark.parametrize("port", ["", ":1", ":080", ":65535", ":"])
@pytest.mark.parametrize("end", ["", "/", "//", "/a/"])
def test_a_plain_url_is_read_as_any_other(host, port, end):
    """In capitals it is no plain one, and has to be parsed."""
    url = f"https://{host}{port}"
    found = environment.split_url(url + end, "base_url")
    assert found == environment.split_url(url.upper() + end, "base_url")
    assert found == (url, end.rstrip("/"))


@pytest.mark.parametrize(
    "url", ["http://", "http://:80", "http://a:0", "http://a:65536", "ftp://a"]
)
def test_what_only_looks_like_a_base_url_is_refused(url):
    with pytest.raises(errors.ConfigurationError, match="isn't a base URL"):
        environment.split_url(url, "base_url")


def test_a_url_with_credentials_is_refused_without_showing_them():
    with pytest.raises(errors.ConfigurationError) as caught:
        environment.base_url("https://user:hunter2@host")
    assert "hunter2" not in str(caught.value)


def test_a_certificate_file_that_is_missing_is_named(monkeypatch):
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere/ca.pem")
    with pytest.raises(errors.ConfigurationError, match=r"AWS_CA_BUNDLE='/nowhere/ca\.pem'"):
        environment.ca_bundle()


def test_custom_headers_come_from_the_official_variable(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "X-Team: blue\nX-App: a:b")
    client = AnthropicBedrock(aws_access_key="a", aws_secret_key="b", aws_region="us-east-1")
    assert client.default_headers["X-Team"] == "blue"
    assert client.default_headers["X-App"] == "a:b"
