from __future__ import annotations

import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest
from botocore.session import Session

from outcrop import errors
from outcrop.net import credentials
from outcrop.wire.credentials import ApiKey, Credentials


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path):
    import os

    for name in list(os.environ):
        if name.startswith(("AWS_", "ANTHROPIC_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return tmp_path


def write(home, text: str, name: str = "credentials") -> None:
    folder = home / ".aws"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)


def test_explicit_keys_go_before_the_environment(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "env")
    source = credentials.choose(access_key="AKIAARG", secret_key="arg", session_token="t")
    assert source.at_hand() == Credentials("AKIAARG", "arg", "t")
    assert source.source == "arguments"


def test_keys_of_the_environment_need_no_chain(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "env")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    assert credentials.choose().at_hand() == Credentials("AKIAENV", "env", "token")


def test_an_explicit_profile_goes_before_the_environments_keys(monkeypatch, bare):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "env")
    write(bare, "[work]\naws_access_key_id=AKIAWORK\naws_secret_access_key=work\n")
    source = credentials.choose(profile="work")
    assert source.fetch(renew=False) == Credentials("AKIAWORK", "work", None)


def test_an_api_key_beats_ambient_credentials(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "env")
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "bearer")
    assert credentials.choose().at_hand() == ApiKey("bearer")
    assert credentials.choose(api_key="other").at_hand() == ApiKey("other")


def test_an_api_key_with_explicit_credentials_is_refused_as_the_official_sdk_does(monkeypatch):
    with pytest.raises(ValueError, match="Cannot specify both api_key and aws_access_key"):
        credentials.choose(api_key="k", access_key="a", secret_key="b")
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "bearer")
    with pytest.raises(ValueError, match="AWS_BEARER_TOKEN_BEDROCK and aws_profile"):
        credentials.choose(profile="p")


@pytest.mark.parametrize(
    "half", [{"access_key": "a"}, {"secret_key": "s3cr3t"}, {"session_token": "t0k3n"}]
)
def test_half_a_key_is_refused_without_showing_it(half):
    with pytest.raises(errors.ConfigurationError, match="without") as caught:
        credentials.choose(**half)
    assert "s3cr3t" not in str(caught.value)
    assert "t0k3n" not in str(caught.value)


def test_the_chain_reads_what_botocore_reads(bare):
    write(bare, "[default]\naws_access_key_id=AKIAFILE\naws_secret_access_key=file\n")
    chain = credentials.choose()
    assert chain.at_hand() is None
    expected = Session().get_credentials()
    assert chain.fetch(renew=False) == Credentials(expected.access_key, expected.secret_key)
    assert chain.at_hand() == chain.fetch(renew=False)


def test_no_credentials_say_where_to_put_them():
    with pytest.raises(errors.CredentialsError, match="outcrop serve"):
        credentials.choose().fetch(renew=False)


def test_an_unknown_profile_is_named():
    with pytest.raises(errors.CredentialsError, match="nobody"):
        credentials.choose(profile="nobody").fetch(renew=False)


def test_an_sso_sign_in_that_ran_out_says_which_command_mends_it(bare, monkeypatch):
    monkeypatch.setenv("AWS_CONFIG_FILE", str(bare / "config"))
    (bare / "config").write_text(
        "[profile work]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n"
        "[sso-session s]\nsso_start_url = https://x.awsapps.com/start\nsso_region = us-east-1\n"
    )
    with pytest.raises(errors.CredentialsError, match="aws sso login --profile work"):
        credentials.choose(profile="work").fetch(renew=False)


PROCESS = """[profile p]
credential_process = {python} {script}
"""
SCRIPT = """import json, pathlib, sys
count = pathlib.Path({counter!r})
n = int(count.read_text() or 0) + 1 if count.exists() else 1
count.write_text(str(n))
print(json.dumps({{"Version": 1, "AccessKeyId": f"AKIA{{n}}", "SecretAccessKey": "s",
                  "SessionToken": "t", "Expiration": {expiry!r}}}))
"""


def process_profile(home, monkeypatch, *, lives: timedelta) -> None:
    """Credentials from a real credential_process; each run gives the next key."""
    expiry = (datetime.now(UTC) + lives).strftime("%Y-%m-%dT%H:%M:%SZ")
    script = home / "give.py"
    script.write_text(SCRIPT.format(counter=str(home / "count"), expiry=expiry))
    (home / "config").write_text(PROCESS.format(python=sys.executable, script=script))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(home / "config"))


def test_what_is_refused_as_expired_is_fetched_anew(bare, monkeypatch):
    process_profile(bare, monkeypatch, lives=timedelta(hours=1))
    chain = credentials.choose(profile="p")
    assert chain.fetch(renew=False).access_key == "AKIA1"
    assert chain.at_hand().access_key == "AKIA1"
    assert chain.fetch(renew=True).access_key == "AKIA2"
    assert chain.at_hand().access_key == "AKIA2"


def test_renewal_ahead_of_expiry_runs_in_the_background(bare, monkeypatch):
    process_profile(bare, monkeypatch, lives=timedelta(minutes=12))
    chain = credentials.choose(profile="p")
    first = chain.fetch(renew=False)
    before = set(threading.enumerate())
    assert chain.at_hand() == first
    for thread in set(threading.enumerate()) - before:
        assert thread.name == "outcrop-credentials"
        thread.join(30)
    assert chain.at_hand().access_key not in (None, first.access_key)


def test_many_callers_fetch_once(bare, monkeypatch):
    process_profile(bare, monkeypatch, lives=timedelta(hours=1))
    chain = credentials.choose(profile="p")
    seen = []
    threads = [
        threading.Thread(target=lambda: seen.append(chain.fetch(renew=False))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(seen) == 8
    assert len(set(seen)) == 1


def test_no_source_shows_a_secret(bare):
    write(bare, "[default]\naws_access_key_id=AKIAFILE\naws_secret_access_key=s3cr3t\n")
    chain = credentials.choose()
    chain.fetch(renew=False)
    given = credentials.choose(access_key="a", secret_key="s3cr3t")
    assert "s3cr3t" not in repr(chain) + repr(given) + repr(vars(chain)) + repr(vars(given))
