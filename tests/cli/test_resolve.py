"""`outcrop resolve` and the prices of `outcrop models`, as people and as machines read them."""

from __future__ import annotations

import json

import pytest

from outcrop.catalog import models, prices
from outcrop.cli import main

OPUS = "anthropic.claude-opus-4-8"


def test_a_name_leads_to_an_id_with_its_reasons(capsys):
    assert main(["resolve", "opus-4.8", "--region", "eu-central-1"]) == 0
    out = capsys.readouterr().out
    assert f"eu.{OPUS}" in out
    price = prices.price(OPUS, endpoint="regional", region="eu-central-1")
    assert f"{price.input:f} in, {price.output:f} out" in out
    assert "10 % over global" in out
    assert "- " in out


def test_machines_get_json(capsys):
    words = ["resolve", OPUS, "--region", "us-west-2", "--endpoint", "global", "--json"]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["model_id"], told["endpoint"]) == (f"global.{OPUS}", "global")
    assert told["price"]["input"] == float(prices.price(OPUS).input)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["opus-4.8", "--region", "eu-west-1", "--endpoint", "global", "--stay-in", "eu"], "eu"),
        (["anthropic.claude-3-opus-20240229-v1:0", "--region", "us-east-1"], "ended"),
        (["opus-4.8", "--endpoint", "nearby"], "global"),
    ],
)
def test_no_route_is_one_line_and_exit_code_2(capsys, words, says):
    assert main(["resolve", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("outcrop: ")
    assert says in line


def test_what_is_about_to_end_is_said(capsys):
    main(["resolve", "sonnet-4.5", "--region", "us-west-2", "--today", "2026-11-22"])
    assert "! Claude Sonnet 4.5 is legacy" in capsys.readouterr().out


def test_models_can_be_asked_for_by_endpoint(capsys):
    assert main(["models", "--region", "us-west-2", "--endpoint", "global", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows
    assert all(row["ids"] == [f"global.{row['id']}"] for row in rows)
    (opus,) = (row for row in rows if row["id"] == OPUS)
    assert opus["output_price"] == float(prices.price(OPUS).output)
    assert main(["models", "--endpoint", "nearby"]) == 2


def test_what_the_model_wont_take_is_said(capsys):
    main(["resolve", OPUS, "--region", "us-west-2", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert not models.find(OPUS).sampling
    assert "temperature, top_p and top_k" in told["refused"]
    assert told["refused"][-1] == f"more than {models.find(OPUS).max_output:,} max_tokens"


def test_several_areas_make_one(capsys):
    words = ["resolve", "opus-4.8", "--region", "eu-west-2", "--json", "--stay-in"]
    assert main([*words, "eu"]) == 2
    assert main([*words, "eu", "uk"]) == 0
    assert main([*words, "eu", "--stay-in", "uk"]) == 0


def test_the_region_is_that_of_the_environment(capsys, here, monkeypatch):
    monkeypatch.setenv("AWS_REGION", "ap-northeast-1")
    main(["resolve", "opus-4.8"])
    out = capsys.readouterr().out
    assert f"jp.{OPUS}" in out
    assert "ap-northeast-1 (AWS_REGION)" in out


def test_an_id_that_the_catalog_lacks_is_passed_on(capsys):
    assert main(["resolve", "us.anthropic.claude-nobody", "--region", "us-west-2"]) == 0
    out = capsys.readouterr().out
    assert "us.anthropic.claude-nobody" in out
    assert "! The catalog of" in out
