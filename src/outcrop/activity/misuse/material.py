"""What detectors work on: the log, boiled down once to tables that are small whatever its size.

Rules: the log is read once for counts, once for what was said and once for the trail, and only if a
detector needs it; counts are kept by five minutes, identity, region, model and outcome; of what was
said only what a scan cut out comes here, never a whole prompt; a role's sessions are one identity,
since their names change with every task, while people (IAM Identity Center) are told apart by them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

import duckdb

from outcrop.activity.misuse.findings import MAX_REQUEST_IDS
from outcrop.activity.views import WHO

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from typing import Protocol

    import pyarrow as pa

    from outcrop.activity.misuse.findings import Need

    class Log(Protocol):
        """What is asked of a log; `outcrop.activity.open` gives one."""

        def query(self, sql: str, params: Mapping[str, Any] | None = None) -> pa.Table:
            """The rows of a query as an Arrow table."""
            ...


Found = TypeVar("Found")

#: How long calls are counted together.
SLOT: Final = timedelta(minutes=5)
#: Request IDs that are kept of a slot; a finding spans some, and has `MAX_REQUEST_IDS` at most.
_IDS: Final = 20


#: Stop reasons of a reply that was declined: by the model in either dialect, and by a guardrail.
STOPS: Final = ("refusal", "content_filtered", "guardrail_intervened")

_SLOTS: Final = f"""
    SELECT
        {WHO} AS who,
        time_bucket(INTERVAL 5 MINUTES, time) AS slot,
        coalesce(region, '') AS region,
        coalesce(model, '') AS model,
        coalesce(error, '') AS error,
        CASE
            WHEN stop_reason IN {STOPS} THEN stop_reason
            WHEN request_id IN (SELECT unnest($guarded::VARCHAR[])) THEN 'guardrail_intervened'
            ELSE ''
        END AS stop,
        count(*) AS calls,
        coalesce(sum(cost), 0)::DOUBLE AS cost,
        min(time) AS first,
        max(time) AS last,
        min(request_id, {_IDS}) AS ids
    FROM calls
    WHERE time IS NOT NULL
    GROUP BY ALL"""  # noqa: S608 - ours

#: InvokeModel's replies tell a guardrail beside Claude's own stop reason.
_GUARDED: Final = """
    SELECT request_id FROM contents
    WHERE contains(output::VARCHAR, 'amazon-bedrock-guardrailAction')
        AND regexp_matches(
            output::VARCHAR, '"amazon-bedrock-guardrailAction"\\s*:\\s*"INTERVENED"'
        )"""

_TRAIL: Final = f"""
    SELECT
        {WHO} AS who, time, event_name, region, source_ip, user_agent,
        coalesce(error, '') AS error, request_id
    FROM trail
    WHERE event_source = 'bedrock.amazonaws.com' AND time IS NOT NULL"""  # noqa: S608 - ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What to cut out of what was said.

    In SQL, `said` is the request as JSON, `asked` its messages without Claude's.

    Attributes:
        name: Of the scan.
        hint: RE2: matches in `said` wherever there may be something. Each byte of the log is looked
            at with it; scans with the same hint share it.
        sure: SQL, whether there is something to cut out.
        cut: SQL, a list of texts.
    """

    name: str
    hint: str
    sure: str
    cut: str


@dataclass(frozen=True, slots=True)
class Hit:
    """What a scan cut out of a request.

    Attributes:
        who: Who sent it.
        time: When.
        request_id: The request.
        pieces: The texts, JSON's escapes undone.
    """

    who: str
    time: datetime
    request_id: str
    pieces: tuple[str, ...]

    def __repr__(self) -> str:
        """Without the texts, which may be secrets."""
        return f"Hit({self.who!r}, {self.time}, {self.request_id!r}, {len(self.pieces)} pieces)"


class Material:
    """The tables `slots` and `trail`, and what scans found."""

    def __init__(self, log: Log, *, needs: Collection[Need], scans: Sequence[Scan] = ()) -> None:
        self._connection = duckdb.connect(config={"memory_limit": "400MB", "threads": 2})
        self._hits: dict[str, list[Hit]] = {scan.name: [] for scan in scans}
        if "calls" in needs:
            # Without the contents at hand, only what stop reasons tell is counted.
            guarded = log.query(_GUARDED).to_pylist() if "contents" in needs else []
            found = {"guarded": [row["request_id"] for row in guarded]}
            self._keep("slots", log.query(_SLOTS, found))
        if "trail" in needs:
            self._keep("trail", log.query(_TRAIL))
        if scans:
            self._scan(log, scans)

    def close(self) -> None:
        """Lets go of the tables."""
        self._connection.close()

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """The rows of a query over `slots` and `trail`."""
        # Only what the query names may be given to it.
        given = {
            name: value for name, value in (params or {}).items() if re.search(rf"\${name}\b", sql)
        }
        found = self._connection.execute(sql, given or None)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def hits(self, scan: str) -> list[Hit]:
        """What a scan found, in order of time."""
        return self._hits[scan]

    def _keep(self, name: str, table: pa.Table) -> None:
        self._connection.register("given", table)
        self._connection.execute(f"CREATE TABLE {name} AS SELECT * FROM given")  # noqa: S608 - ours
        self._connection.unregister("given")

    def _scan(self, log: Log, scans: Sequence[Scan]) -> None:
        cuts = ", ".join(
            f"CASE WHEN {scan.sure} THEN {scan.cut} ELSE [] END AS cut{at}"
            for at, scan in enumerate(scans)
        )
        # One expression for all would be looked at once, but grows beyond what RE2 keeps as a DFA.
        hints = " OR ".join(
            f"regexp_matches(input::VARCHAR, {quote(hint)})"
            for hint in dict.fromkeys(scan.hint for scan in scans)
        )
        some = " OR ".join(f"len(cut{at}) > 0" for at in range(len(scans)))
        # The names, patterns and limits in it are ours.
        table = log.query(f"""
            WITH likely AS (
                SELECT request_id, time, input::VARCHAR AS said FROM contents
                WHERE input IS NOT NULL AND ({hints})
            ), read AS (
                SELECT request_id, time, said, {_ASKED} AS asked FROM likely
            ), pieces AS (
                SELECT request_id, time, {cuts} FROM read
            )
            SELECT * FROM pieces WHERE {some}
            ORDER BY time, request_id""")  # noqa: S608
        rows = table.to_pylist()
        whose = self._whose(log, [row["request_id"] for row in rows])
        for row in rows:
            for at, scan in enumerate(scans):
                if row[f"cut{at}"]:
                    pieces = tuple(dict.fromkeys(map(unescape, row[f"cut{at}"])))
                    who = whose.get(row["request_id"], "unknown")
                    self._hits[scan.name].append(Hit(who, row["time"], row["request_id"], pieces))

    def _whose(self, log: Log, request_ids: list[str]) -> dict[str, str]:
        if not request_ids:
            return {}
        table = log.query(
            f"SELECT request_id, {WHO} AS who FROM calls "  # noqa: S608 - ours
            "WHERE request_id IN (SELECT unnest($ids::VARCHAR[]))",
            {"ids": request_ids},
        )
        return {row["request_id"]: row["who"] for row in table.to_pylist()}


#: The messages that weren't Claude's, as JSON; the whole where there are none.
_ASKED: Final = """
    CASE
        WHEN json_valid(said) AND json_exists(said, '$.messages')
        THEN list_filter(
            json_extract(said, '$.messages[*]'),
            lambda message: coalesce(json_extract_string(message, '$.role'), '') <> 'assistant'
        )::VARCHAR
        ELSE said
    END"""

_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_PLAIN: Final = {"n": "\n", "t": "\t", "r": "\r", "b": " ", "f": " "}


def unescape(text: str) -> str:
    """A piece cut out of JSON as the text that it stands for, even if it begins amid an escape."""

    def plain(found: re.Match[str]) -> str:
        escape = found[1]
        return chr(int(escape[1:], 16)) if len(escape) == 5 else _PLAIN.get(escape, escape)

    return _ESCAPE.sub(plain, text)


def quote(pattern: str) -> str:
    """A text as a literal of SQL."""
    return "'" + pattern.replace("'", "''") + "'"


def ids(lists: Iterable[Iterable[str] | None]) -> list[str]:
    """Request IDs of slots, as many as a finding has."""
    found: dict[str, None] = {}
    for some in lists:
        for one in some or ():
            found.setdefault(one)
            if len(found) == MAX_REQUEST_IDS:
                return list(found)
    return list(found)


def episodes(
    moments: Iterable[tuple[datetime, Found]], gap: timedelta
) -> Iterator[list[tuple[datetime, Found]]]:
    """What lies close together, as one.

    Args:
        moments: Times and what happened then, in order of time.
        gap: The longest pause within an episode.
    """
    episode: list[tuple[datetime, Found]] = []
    for moment in moments:
        if episode and moment[0] - episode[-1][0] > gap:
            yield episode
            episode = []
        episode.append(moment)
    if episode:
        yield episode
