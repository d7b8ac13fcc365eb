"""Compacted days: the same figures from Parquet, by DuckDB and another engine; safe to repeat."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from random import Random

import pyarrow.parquet as pq
import pytest

import outcrop.activity
from outcrop.activity import compacted, costs, questions, source, throttles
from outcrop.delivery import retention
from outcrop.errors import ConfigurationError

NOW = datetime(2026, 11, 25, tzinfo=UTC).timestamp()
SONNET = "anthropic.claude-sonnet-4-5-20250929-v1:0"
OPUS = "anthropic.claude-opus-4-8"


@pytest.fixture
def month(record, write, key):
    """A few hundred calls of all kinds, in AWS's layout."""
    dice = Random(5)
    by_file = {}
    for number in range(1, 401):
        day, hour = dice.randint(10, 14), dice.randint(0, 23)
        given = {
            "timestamp": f"2026-11-{day}T{hour:02}:{dice.randint(0, 59):02}:00Z",
            "modelId": dice.choice(
                [f"global.{SONNET}", f"us.{SONNET}", f"us.{OPUS}", "unknown-model"]
            ),
            "identity": {"arn": f"arn:aws:iam::123456789012:user/{dice.choice('ABC')}"},
            "counts": tuple(dice.choice([0, dice.randint(1, 9000)]) for _ in range(4)),
            "operation": dice.choice(["InvokeModel", "Converse", "ConverseStream"]),
            "said": {
                "metrics": {"latencyMs": dice.randint(1, 9999)},
                "text": "basalt " * dice.randint(0, 9),
            },
            "requestMetadata": dice.choice([None, {"team": "rocks"}, {"team": "soil"}]),
            "errorCode": dice.choice([None, None, None, "ThrottlingException"]),
        }
        by_file.setdefault((day, hour // 6), []).append(record(number, **given))
    for (day, part), records in by_file.items():
        write(records, key(f"2026/11/{day}", hour=part * 6))
    return by_file


def figures(place):
    with outcrop.activity.open(place) as log:
        overview = questions.overview(log)
        assert (overview.damaged, overview.lost) == (0, 0)
        return {
            "overview": overview,
            "usage": questions.usage(log, by=["model", "identity", "day", "metadata.team"]),
            "errors": questions.errors(log),
            "costs": costs.costs(log),
            "throttles": throttles.throttles(log),
            "contents": log.rows("SELECT * EXCLUDE source FROM contents ORDER BY request_id"),
        }


def compact(place, **given):
    return compacted.compact(source.check(place), now=NOW, **given)


def close_to(figures):
    """Sums of floating point depend on their order, in the last digits."""
    return json.loads(
        json.dumps(figures, default=str), parse_float=lambda text: round(float(text), 9)
    )


def as_plain(found):
    from dataclasses import asdict

    return close_to(
        found | {"overview": asdict(found["overview"]), "costs": asdict(found["costs"])}
    )


def test_compacted_days_give_the_same_figures(month, logs):
    before = as_plain(figures(logs))
    told = compact(logs)
    assert (told.days, told.records, told.files) == (5, 400, len(month))
    assert len(list(logs.rglob("*.parquet"))) == 5
    assert as_plain(figures(logs)) == before


def test_compacting_again_does_nothing(month, logs):
    compact(logs)
    before = {path: path.stat().st_mtime_ns for path in logs.rglob("*") if path.is_file()}
    assert compact(logs).records == 0
    assert {path: path.stat().st_mtime_ns for path in logs.rglob("*") if path.is_file()} == before


def test_what_comes_later_is_added_and_nothing_counts_twice(month, logs, write, record, key):
    compact(logs)
    late = key("2026/11/12", hour=23, unique="late")
    write([record(999, timestamp="2026-11-12T23:00:00Z")], late)
    assert figures(logs)["overview"].calls == 401
    assert compact(logs).records == 1
    assert figures(logs)["overview"].calls == 401


def test_another_folder_has_all_of_it(month, logs, tmp_path):
    before = as_plain(figures(logs))
    compact(logs, to=str(tmp_path / "elsewhere"))
    assert not list(logs.rglob("*.parquet"))
    assert as_plain(figures(tmp_path / "elsewhere")) == before
    together = as_plain(figures([logs, tmp_path / "elsewhere"]))
    assert together["overview"] == before["overview"]  # nothing counts twice


def test_sources_of_others_are_never_removed(month, logs):
    with pytest.raises(ConfigurationError, match="nothing is removed"):
        compact(logs, remove=True)
    assert len(list(logs.rglob("*.json.gz"))) == len(month)


def own_file(logs, record, *numbers, day="2026/11/10", name="101500Z_42_0af3.jsonl"):
    retention.mark(logs)
    path = logs / day / name
    path.parent.mkdir(parents=True, exist_ok=True)
    stamp = f"{day.replace('/', '-')}T10:00:00Z"
    path.write_text("".join(json.dumps(record(n, timestamp=stamp)) + "\n" for n in numbers))
    return path


def test_own_sources_are_removed_when_they_are_asked_to_be(logs, record):
    path = own_file(logs, record, 1, 2)
    foreign = path.with_name("notes.jsonl")
    foreign.write_text(json.dumps(record(3)) + "\n")
    os.utime(foreign, (1, 1))
    os.utime(path, (1, 1))
    told = compact(logs, remove=True)
    assert (told.records, told.removed) == (3, 1)
    assert not path.exists()
    assert foreign.exists()
    assert figures(logs)["overview"].calls == 3


def test_a_damaged_source_stays_and_goes_on_to_be_counted(logs, record):
    path = own_file(logs, record, 1, 2)
    path.write_bytes(path.read_bytes()[:-20])
    os.utime(path, (1, 1))
    told = compact(logs, remove=True)
    assert [name for name, _ in told.skipped] == [str(path)]
    assert path.exists()
    with outcrop.activity.open(logs) as log:
        assert log.rows("SELECT count(*) AS n FROM calls") == [{"n": 1}]
        assert len(log.damaged) == 1


def test_a_file_that_is_still_written_to_is_left_for_later(logs, record):
    path = own_file(logs, record, 1, day="2026/11/25")
    assert compact(logs).records == 0
    path = own_file(logs, record, 2, day="2026/11/24")
    os.utime(path, (NOW - 60, NOW - 60))
    assert compact(logs).records == 0


def test_a_file_that_grows_after_it_was_compacted_is_not_lost(logs, record):
    path = own_file(logs, record, 1)
    os.utime(path, (1, 1))
    compact(logs)
    with path.open("a") as file:
        file.write(json.dumps(record(2, timestamp="2026-11-10T11:00:00Z")) + "\n")
    os.utime(path, (2, 2))
    assert figures(logs)["overview"].calls == 2
    compact(logs)
    assert figures(logs)["overview"].calls == 2


def test_a_compaction_that_fails_leaves_no_half_file(month, logs, monkeypatch):
    def fail(self, *given, **more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", fail)
    with pytest.raises(OSError, match="No space"):
        compact(logs)
    assert not [path for path in logs.rglob("*") if path.is_file() and "parquet" in path.name]
    monkeypatch.undo()
    assert compact(logs).records == 400


def test_the_file_is_parquet_as_documented(month, logs):
    compact(logs)
    for path in logs.rglob("*.parquet"):
        file = pq.ParquetFile(path)
        assert file.schema_arrow.names == compacted.schema().names
        column = file.metadata.row_group(0).column(0)
        assert column.compression == "ZSTD"
        assert path.stat().st_mode & 0o077 == 0


def test_only_days_that_are_asked_for_are_read_from_compacted_ones(month, logs):
    compact(logs)
    with outcrop.activity.open(logs, since="2026-11-11", until="2026-11-12") as log:
        rows = log.rows("SELECT DISTINCT day FROM calls")
        assert [row["day"].day for row in rows] == [11]
        assert log.rows("SELECT count(*) AS n FROM files")[0]["n"] <= 4


# Another engine ──────────────────────────────────────────────────────────────────────────────────

SQL = {
    "sums": """SELECT model_id, identity, count(*) AS calls, count(error) AS errors,
        CAST(sum(input_tokens) AS BIGINT) AS read, CAST(sum(output_tokens) AS BIGINT) AS written,
        CAST(sum(cache_read_tokens) AS BIGINT) AS cached, min(timestamp) AS first,
        max(timestamp) AS last, max(latency_ms) AS slowest
        FROM recorded GROUP BY model_id, identity ORDER BY model_id, identity""",
    "days": """SELECT substr(timestamp, 1, 10) AS day, count(*) AS calls,
        CAST(sum(input_tokens + cache_read_tokens + cache_write_tokens) AS BIGINT) AS prompt
        FROM recorded GROUP BY substr(timestamp, 1, 10) ORDER BY day""",
    "minutes": """SELECT substr(timestamp, 1, 16) AS minute, model_id,
        CAST(sum(max_tokens) AS BIGINT) AS held
        FROM recorded GROUP BY substr(timestamp, 1, 16), model_id
        ORDER BY held DESC, minute, model_id LIMIT 20""",
    "search": """SELECT request_id FROM recorded
        WHERE output LIKE '%basalt basalt basalt%' ORDER BY request_id""",
    "teams": """SELECT metadata, count(*) AS calls FROM recorded GROUP BY metadata
        ORDER BY calls DESC, metadata""",
}


def nested_days():
    """Folders of days are below folders of months: DataFusion has to be told to look there."""
    import datafusion

    name = "datafusion.execution.listing_table_ignore_subdirectory"
    return datafusion.SessionConfig({name: "false"})


@pytest.mark.parametrize("question", SQL)
def test_another_engine_reads_the_same_from_the_same_files(question, month, logs):
    import datafusion

    compact(logs)
    context = datafusion.SessionContext(nested_days())
    context.register_parquet("recorded", f"{logs}/", file_extension=".parquet")
    other = [row for batch in context.sql(SQL[question]).collect() for row in batch.to_pylist()]
    files = f"read_parquet('{logs}/**/*.parquet')"
    with outcrop.activity.open(logs) as log:
        ours = log.rows(SQL[question].replace("recorded", files))
    assert ours == other
    assert ours


def test_another_engine_comes_to_the_same_costs(month, logs):
    """The catalog's prices as a table, joined in DataFusion: the same to a millionth of a cent."""
    import datafusion
    import pyarrow as pa

    from outcrop.catalog import prices

    compact(logs)
    names = ("input", "output", "cache_read", "cache_write_5m")
    rows = []
    for model_id in (f"global.{SONNET}", f"us.{SONNET}", f"us.{OPUS}"):
        prefix, _, base = model_id.partition(".")
        endpoint = "global" if prefix == "global" else "regional"
        price = prices.price(base, endpoint=endpoint)
        rows.append({"model_id": model_id} | {name: float(getattr(price, name)) for name in names})
    context = datafusion.SessionContext(nested_days())
    context.register_parquet("recorded", f"{logs}/", file_extension=".parquet")
    context.register_record_batches("prices", [pa.Table.from_pylist(rows).to_batches()])
    sql = """SELECT r.model_id, sum(r.input_tokens * p.input + r.output_tokens * p.output
            + r.cache_read_tokens * p.cache_read + r.cache_write_tokens * p.cache_write_5m) / 1e6
            AS cost
        FROM recorded r JOIN prices p ON r.model_id = p.model_id GROUP BY r.model_id"""
    other = {r["model_id"]: r["cost"] for b in context.sql(sql).collect() for r in b.to_pylist()}
    with outcrop.activity.open(logs) as log:
        ours = log.rows("SELECT model_id, sum(cost) AS cost FROM calls GROUP BY model_id")
    assert {row["model_id"]: row["cost"] for row in ours if row["model_id"] in other} == {
        name: pytest.approx(cost, abs=1e-8) for name, cost in other.items()
    }
    assert len(other) == 3


# Pruning ─────────────────────────────────────────────────────────────────────────────────────────


def test_old_compacted_days_are_pruned_in_a_folder_of_ours_only(logs, record):
    os.utime(own_file(logs, record, 1), (1, 1))
    compact(logs, remove=True)
    [path] = logs.rglob("*.parquet")
    assert retention.prune(logs, keep=30, now=NOW).files == ()
    assert retention.prune(logs, keep=1, now=NOW, dry_run=True).files == (path,)
    assert path.exists()
    assert retention.prune(logs, keep=1, now=NOW).files == (path,)
    assert not path.exists()
    assert retention.is_marked(logs)
