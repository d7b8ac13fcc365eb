"""How close calls came to the quota of tokens a minute, and where they were throttled.

Rules: a minute's use is what AWS holds back as calls begin (the prompt, cached or not, and
`max_tokens`, or the model's longest answer), and what they have taken in the end (without cache
reads, output as many times as the model's burndown rate says); both are told, since a call is
refused for the first and charged for the second. Quotas are AWS's defaults: an account's own stand
in Service Quotas. A call counts for the minute in which it began.
Source: Amazon Bedrock User Guide, "How tokens are counted in Amazon Bedrock".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from outcrop.catalog import models, quotas

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outcrop.activity.engine import Activity

Row = dict[str, Any]

#: AWS's names for being throttled.
THROTTLED: Final = ("ThrottlingException", "TooManyRequestsException")
_PLACES: Final = {"global": "global", "in-region": "in-region"}


def throttles(log: Activity, *, given: Mapping[str, int] | None = None) -> list[Row]:
    """A row for each model, endpoint, region and account, the closest to its quota first.

    `model`, `endpoint`, `region`, `account`, `calls`, `throttled`, `reserved` and `settled` (tokens
    of the busiest minutes), `at` (that of the reservation), `quota` (tokens a minute, None where
    AWS publishes none), `share` of the quota that was held back, `requests` (of the busiest
    minute), `max_tokens_unset` (calls that held back the longest answer), `burndown`, and `note`.

    Args:
        log: The records.
        given: Base ID → tokens a minute that the account really has.
    """
    rates = [
        (model.id, model.max_output, row.burndown if (row := quotas.shipped().row(model.id)) else 1)
        for model in models.models()
    ]
    values = ", ".join(f"('{model}', {output}, {burndown})" for model, output, burndown in rates)
    marks = ", ".join(f"'{name}'" for name in THROTTLED)
    rows = log.rows(
        f"""WITH rates(model, max_output, burndown) AS (VALUES {values}),
        counted AS (
            SELECT model, coalesce(endpoint, '') AS endpoint, region, account,
                date_trunc('minute', time) AS minute, error IN ({marks}) AS throttled,
                max_tokens IS NULL AS unset, coalesce(burndown, 1) AS burndown,
                input_tokens + cache_read_tokens + cache_write_tokens
                    + coalesce(max_tokens, max_output, 0) AS reserved,
                input_tokens + cache_write_tokens + output_tokens * coalesce(burndown, 1)
                    AS settled,
                error
            FROM calls LEFT JOIN rates USING (model)
        ),
        minutes AS (
            SELECT model, endpoint, region, account, minute, count(*) AS calls,
                count(*) FILTER (throttled) AS throttled, any_value(burndown) AS burndown,
                count(*) FILTER (unset AND error IS NULL) AS unset,
                coalesce(sum(reserved) FILTER (error IS NULL), 0) AS reserved,
                coalesce(sum(settled) FILTER (error IS NULL), 0) AS settled
            FROM counted GROUP BY ALL
        )
        SELECT model, endpoint, region, coalesce(account, '') AS account,
            sum(calls)::BIGINT AS calls, sum(throttled)::BIGINT AS throttled,
            max(reserved)::BIGINT AS reserved, max(settled)::BIGINT AS settled,
            arg_max(minute, reserved) AS at, max(calls)::BIGINT AS requests,
            sum(unset)::BIGINT AS max_tokens_unset, any_value(burndown)::BIGINT AS burndown
        FROM minutes GROUP BY ALL"""  # noqa: S608 - constants and the catalog's
    )
    told = [_with_quota(row, given or {}) for row in rows]
    return sorted(
        told, key=lambda row: (-(row["share"] or 0), -row["throttled"], row["model"], row["region"])
    )


def _with_quota(row: Row, given: Mapping[str, int]) -> Row:
    known = quotas.shipped().row(row["model"])
    place = _PLACES.get(row["endpoint"], "regional")
    quota = given.get(row["model"])
    note = ""
    if quota is None and known is not None:
        quota = next((n for name, n in known.tokens_per_minute.items() if name == place), None)
        note = "AWS's default" if quota else "AWS publishes no default"
    elif quota is None:
        note = "the catalog doesn't know the model"
    if known is not None and known.burndown_uncertain:
        note += f"; the burndown rate is uncertain: {known.burndown_uncertain}"
    return {
        **row,
        "quota": quota,
        "share": row["reserved"] / quota if quota else None,
        "note": note,
    }
