"""`outcrop doctor`, against local Bedrocks in good and in bad health."""

from __future__ import annotations

import subprocess
import sys
import time

from outcrop.cli.findings import in_time
from outcrop.testing import local_bedrock

OPUS = "us.anthropic.claude-opus-4-8"


def states(done):
    """Name → states, in order."""
    found: dict[str, list[str]] = {}
    for finding in done.json["findings"]:
        found.setdefault(finding["name"], []).append(finding["state"])
    return found


def said(done, name):
    return next(each for each in done.json["findings"] if each["name"] == name)


def test_a_local_bedrock_is_well(outcrop, there):
    done = outcrop("doctor", "-m", "opus-4.8", "--call", "--json")
    assert (done.code, done.err) == (0, "")
    assert done.json["ok"]
    found = states(done)
    for name in ("region", "endpoint", "credentials", "identity", "account", "access", "call"):
        assert found[name] == ["ok"], name
    assert "arn:aws:iam::123456789012:user/Alice" in said(done, "identity")["found"]
    assert OPUS in said(done, "call")["found"]


def test_what_isnt_well_has_its_mend_on_the_next_line(outcrop, there):
    done = outcrop("doctor", "-m", "anthropic.claude-3-opus-20240229-v1:0")
    assert done.code == 1
    lines = done.out.splitlines()
    (at,) = (at for at, line in enumerate(lines) if line.startswith("fail"))
    assert "has ended" in lines[at]
    assert "→ Its successor is" in lines[at + 1]


def test_without_call_nothing_is_called(outcrop, there):
    assert "call" not in states(outcrop("doctor", "-m", "opus-4.8", "--json"))


def test_every_active_model_of_the_region_is_examined(outcrop, there):
    done = outcrop("doctor", "--region", "eu-west-2", "--json")
    listed = outcrop("models", "--region", "eu-west-2", "--json").json
    active = [row for row in listed if row["lifecycle"] == "active"]
    assert len(states(done)["access"]) == len(active)


def test_a_wrong_key_is_found_at_each_door(outcrop, there, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-and-secret")
    done = outcrop("doctor", "-m", "opus-4.8", "--call", "--json")
    assert done.code == 1
    assert states(done)["identity"] == states(done)["call"] == ["fail"]
    assert said(done, "identity")["mend"]
    assert "wrong-and-secret" not in done.out + done.err


def test_no_credentials_are_a_failure_that_says_what_helps(outcrop, there, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    done = outcrop("doctor", "--json")
    assert done.code == 1
    assert states(done)["credentials"] == ["fail"]
    assert "aws configure" in said(done, "credentials")["mend"]
    assert states(done)["models"] == ["skip"]


def test_an_endpoint_where_nobody_listens_is_named(outcrop, there, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_BEDROCK_BASE_URL", "http://127.0.0.1:9")
    done = outcrop("doctor", "-m", "opus-4.8", "--call", "--json")
    assert done.code == 1
    assert states(done)["endpoint"] == ["fail"]
    assert "ANTHROPIC_BEDROCK_BASE_URL" in said(done, "endpoint")["mend"]
    assert states(done)["call"] == ["skip"]


def test_a_region_for_want_of_another_is_a_warning(outcrop, there, monkeypatch):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    assert states(outcrop("doctor", "-m", "opus-4.8", "--json"))["region"] == ["warn"]


def test_a_broken_overlay_is_a_failure_and_the_rest_is_examined(outcrop, there, own_catalog):
    own_catalog.write_text("{")
    done = outcrop("doctor", "--json")
    assert done.code == 1
    assert states(done)["catalog"] == ["fail"]
    assert states(done)["identity"] == ["ok"]


def test_an_api_key_is_read_not_shown(outcrop, there, monkeypatch, bedrock):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", bedrock.api_key)
    done = outcrop("doctor", "-m", "opus-4.8", "--call", "--json")
    assert "hours more" in said(done, "credentials")["found"]
    assert bedrock.api_key not in done.out
    assert states(done)["identity"] == ["skip"]
    assert states(done)["call"] == ["ok"]
    elsewhere = outcrop("doctor", "--region", "eu-west-1", "--json")
    assert states(elsewhere)["credentials"] == ["fail"]


def test_a_missing_form_is_found_and_so_is_what_it_does(outcrop, here, monkeypatch):
    with local_bedrock(access="form") as strict:
        for name, value in strict.environ().items():
            monkeypatch.setenv(name, value)
        done = outcrop("doctor", "-m", "opus-4.8", "--call", "--json")
    assert states(done)["form"] == ["warn"]
    assert "PutUseCaseForModelAccess" in said(done, "form")["mend"]
    assert states(done)["call"] == ["fail"]
    assert "use case details" in said(done, "call")["found"]


def test_a_model_by_invitation_is_a_failure_for_who_isnt_invited(outcrop, there):
    done = outcrop("doctor", "-m", "anthropic.claude-mythos-5", "--json")
    assert states(done)["access"] == ["fail"]


def test_what_doesnt_end_is_left_behind():
    began = time.monotonic()
    (finding,) = in_time("clock", lambda: time.sleep(60) or [], 0.1)
    assert finding.state == "fail"
    assert "0.1 seconds" in finding.found
    assert time.monotonic() - began < 30


def test_a_process_of_its_own_ends_well(there, bedrock, tmp_path):
    # The HTTP library must not be imported first by a thread that ends.
    command = "import sys; from outcrop.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", command, "doctor", "-m", "opus-4.8", "--call"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"HOME": str(tmp_path), **bedrock.environ()},
    )
    assert (done.returncode, done.stderr) == (0, "")
