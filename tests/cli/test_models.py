"""`outcrop models` and `outcrop models show`."""

from __future__ import annotations

import json

import pytest

from outcrop.catalog import aliases, models, prices
from outcrop.catalog.resolve import resolve

DAY = "2026-11-22"
OPUS = "anthropic.claude-opus-4-8"
ENDED = "anthropic.claude-3-opus-20240229-v1:0"


@pytest.mark.parametrize("region", ["us-west-2", "eu-west-2", "ap-northeast-1", "us-gov-west-1"])
def test_the_id_to_use_is_what_the_resolver_says(outcrop, region):
    rows = outcrop("models", "--region", region, "--today", DAY, "--json").json
    assert rows
    for row in rows:
        found = resolve(row["id"], region=region, today=DAY)
        assert row["model_id"] == found.model_id
        assert row["model_id"] in row["ids"]
        assert row["destinations"] == list(found.destinations)
        assert row["input_price"] == float(found.price.input)


def test_the_table_has_a_line_a_model(outcrop):
    words = ("models", "--region", "eu-west-2", "--today", DAY)
    head, *lines, count = outcrop(*words).out.splitlines()
    rows = outcrop(*words, "--json").json
    assert "ID TO USE" in head
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        assert line.startswith(row["name"])
        assert row["model_id"] in line
    assert count.startswith(f"{len(rows)} models to be called from eu-west-2.")


def test_what_has_ended_is_listed_on_request(outcrop):
    def listed(*words):
        return {row["id"]: row for row in outcrop("models", "--today", DAY, "--json", *words).json}

    assert ENDED not in listed()
    assert listed("--all")[ENDED]["lifecycle"] == "ended"
    assert ENDED not in listed("--region", "us-east-1")
    assert listed("--region", "us-east-1", "--all")[ENDED]["model_id"] is None


def test_a_model_is_listed_until_its_last_day(outcrop):
    sonnet = models.find("anthropic.claude-sonnet-4-5-20250929-v1:0")
    for day, there in (("2027-04-07", True), (sonnet.lifecycle.end, False)):
        rows = outcrop("models", "--region", "us-east-1", "--today", day, "--json").json
        assert (sonnet.id in [row["id"] for row in rows]) is there


def test_in_region_has_the_base_ids_alone(outcrop):
    rows = outcrop("models", "--region", "eu-west-2", "--endpoint", "in-region", "--json").json
    assert rows
    assert all(row["model_id"] == row["id"] and row["ids"] == [row["id"]] for row in rows)


def test_a_day_that_is_none_is_refused(outcrop):
    done = outcrop("models", "--today", "soon")
    assert done.code == 2
    assert "2026-11-22" in done.err


@pytest.mark.parametrize("model", models.models(), ids=lambda model: model.id)
def test_every_model_can_be_shown(outcrop, model):
    said = outcrop("models", "show", model.id)
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(model.name)
    whole = outcrop("models", "show", model.id, "--json").json
    assert whole["id"] == model.id
    assert whole["profiles"] == {prefix: model.routes(prefix) for prefix in model.profiles}
    assert whole["prices"]["id"] == model.id
    assert set(aliases.names(model)) == set(whole["names"])


def test_what_is_shown_has_its_sources_and_days(outcrop):
    out = outcrop("models", "show", "opus-4.8").out
    row = prices.shipped().row(OPUS)
    assert f"list prices of {row.as_of} ({row.source})" in " ".join(out.split())
    for key in models.find(OPUS).source.split(", "):
        assert models.sources()[key].split()[0] in out


@pytest.mark.parametrize("spelling", ["opus-4.8", f"us.{OPUS}", "global.opus-4.8", OPUS])
def test_any_spelling_is_shown(outcrop, spelling):
    assert outcrop("models", "show", spelling, "--json").json["id"] == OPUS


def test_a_family_is_its_newest_model_that_is_open(outcrop):
    shown = outcrop("models", "show", "sonnet", "--json").json
    assert shown["id"] == resolve("sonnet", region="us-east-1", today=DAY).model.id


def test_an_unknown_name_gets_a_hint(outcrop):
    done = outcrop("models", "show", "opuss-4.8")
    assert done.code == 2
    assert "Did you mean 'opus-4-8'" in done.err


def test_the_overlay_is_what_is_listed(outcrop, own_catalog):
    row = {"id": "anthropic.claude-opus-9", "like": OPUS, "name": "Claude Opus 9",
           "first_party": "claude-opus-9", "launch": "2026-11-01",
           "profiles": {"us": "common"}}  # fmt: skip
    own_catalog.write_text(json.dumps({"models": [row]}))
    rows = outcrop("models", "--region", "us-east-1", "--json").json
    assert rows[0]["model_id"] == "us.anthropic.claude-opus-9"
    assert rows[0]["input_price"] is None
    assert outcrop("resolve", "opus-9", "--region", "us-east-1").code == 0
    assert "none is known" in outcrop("models", "show", "opus-9").out


def row(**columns):
    return {"models": [{"id": OPUS, **columns}]}


@pytest.mark.parametrize(
    ("overlay", "place"),
    [
        ("{", "isn't JSON"),
        ("[]", "isn't a JSON object"),
        ({"modles": []}, "'modles'"),
        ({"models": [{"id": "x"}]}, "models['x']"),
        (row(context="big"), f"models['{OPUS}'].context"),
        (row(profile={}), "Did you mean 'profiles'?"),
        (row(profiles={"mars": "common"}), "'mars'"),
        (row(profiles={"jp": "comon"}), "profiles.jp"),
        (row(name="Opus"), "Names look like"),
        ({"prices": {"models": [{"id": OPUS, "input": "x"}]}}, f"prices.models['{OPUS}'].input"),
    ],
)
def test_a_broken_overlay_is_a_line_with_file_and_place(outcrop, own_catalog, overlay, place):
    own_catalog.write_text(overlay if isinstance(overlay, str) else json.dumps(overlay))
    for words in (("models",), ("resolve", "opus-4.8", "--region", "us-east-1")):
        done = outcrop(*words)
        (line,) = done.err.splitlines()
        assert done.code == 2
        assert str(own_catalog) in line
        assert place in line
