"""Detectors that compare an identity with its own past: what they find, and near misses."""

from __future__ import annotations

from datetime import timedelta

SESSIONS = "arn:aws:sts::111122223333:assumed-role/worker/{}"
PERSON = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Developer_0123456789abcdef/{}"


# New ─────────────────────────────────────────────────────────────────────────────────────────────


def test_an_identity_that_was_not_there_in_the_first_week_is_new(diary):
    diary.habit(range(12))
    first = diary.call(diary.at(9), diary.bob)
    second = diary.call(diary.at(9, 10), diary.bob, error="AccessDeniedException")
    diary.call(diary.at(11), diary.bob)

    (found,) = diary.find("new-identity")

    assert found.identity == diary.bob
    assert found.severity == "high"  # an IAM user's key
    assert found.time == diary.at(9)
    assert found.request_ids == [first, second]
    assert found.evidence["calls"] == 2
    assert found.evidence["errors"] == 1


def test_who_was_there_in_the_first_week_is_not_new(diary):
    diary.habit(range(12))
    diary.call(diary.at(6), diary.bob)
    diary.call(diary.at(11), diary.bob)

    assert diary.find("new-identity") == []


def test_a_new_session_of_a_role_is_no_new_identity(diary):
    diary.habit(range(8), SESSIONS.format("task-1"))
    diary.habit(range(8, 12), SESSIONS.format("task-2"))

    assert diary.find("new-identity") == []


def test_a_colleague_with_a_known_permission_set_is_new_but_little_to_worry_about(diary):
    diary.habit(range(12), PERSON.format("alice@example.com"))
    diary.call(diary.at(10), PERSON.format("bob@example.com"))

    (found,) = diary.find("new-identity")

    assert found.severity == "low"
    assert found.identity.endswith("bob@example.com")


def test_a_log_of_a_week_has_nothing_new(diary):
    diary.habit(range(3))
    diary.habit(range(3, 7), diary.bob, region="eu-west-1")

    assert diary.find("new-identity", "new-region", "new-model", "two-regions") == []


def test_a_region_that_an_identity_never_called_is_new(diary):
    diary.habit(range(10))
    diary.habit(range(10), diary.bob, region="eu-west-1")
    strange = diary.call(diary.at(10), region="sa-east-1")
    diary.call(diary.at(11), region="eu-west-1")

    nobody, others = diary.find("new-region")

    assert (nobody.severity, nobody.evidence["region"]) == ("high", "sa-east-1")
    assert nobody.request_ids == [strange]
    assert (others.severity, others.evidence["region"]) == ("medium", "eu-west-1")
    assert others.evidence["identities_there_before"] == 1


def test_a_region_that_is_used_seldom_is_not_new(diary):
    diary.habit(range(12))
    diary.call(diary.at(2), region="sa-east-1")
    diary.call(diary.at(11), region="sa-east-1")

    assert diary.find("new-region") == []


def test_who_has_no_habits_has_no_new_region(diary):
    diary.habit(range(12))
    diary.call(diary.at(9), diary.bob)
    diary.call(diary.at(10), diary.bob, region="sa-east-1")

    assert diary.find("new-region") == []


def test_a_dearer_model_is_new_to_an_identity(diary):
    diary.habit(range(12), model=diary.haiku)
    dear = diary.call(diary.at(10), model="global.anthropic.claude-opus-5")

    (found,) = diary.find("new-model")

    assert found.severity == "medium"
    assert found.evidence["model"] == "anthropic.claude-opus-5"
    assert found.evidence["price_to_dearest_usual"] > 1.2
    assert found.request_ids == [dear]


def test_the_next_version_of_a_family_is_a_migration(diary):
    diary.habit(range(10))
    diary.habit(range(10, 12), model="us.anthropic.claude-sonnet-5-5")

    assert diary.find("new-model") == []
    assert len(diary.find("new-model", same_family=1)) == 1


def test_a_model_that_refused_is_not_a_model_in_use(diary):
    diary.habit(range(12), model=diary.haiku)
    diary.call(diary.at(10), model="us.anthropic.claude-opus-5", error="AccessDeniedException")

    assert diary.find("new-model") == []


# More than usual ─────────────────────────────────────────────────────────────────────────────────


def test_an_hour_with_many_times_the_calls_is_a_spike(diary):
    diary.habit(range(11))
    spike = [diary.call(diary.at(11, 10) + timedelta(seconds=20 * at)) for at in range(80)]

    (found,) = diary.find("volume-spike")

    assert found.evidence["calls"] == 80
    assert found.evidence["median"] == 5
    assert found.evidence["busiest"] == 5
    assert set(found.request_ids) <= set(spike)
    assert len(found.request_ids) >= 40


def test_a_job_that_runs_each_week_is_no_spike(diary):
    diary.habit(range(15))
    for monday in (0, 7, 14):
        for at in range(80):
            diary.call(diary.at(monday, 6) + timedelta(seconds=20 * at))

    assert diary.find("volume-spike") == []


def test_twice_as_many_calls_in_a_small_hour_are_no_spike(diary):
    diary.habit(range(11))
    for at in range(35):
        diary.call(diary.at(11, 10) + timedelta(seconds=20 * at))

    assert diary.find("volume-spike") == []
    assert len(diary.find("volume-spike", minimum=30)) == 1


def test_one_spike_does_not_hide_the_next(diary):
    diary.habit(range(21))
    for day in (9, 16):
        for at in range(80 + 100 * (day == 16)):
            diary.call(diary.at(day, 10) + timedelta(seconds=10 * at))

    assert [found.time.day for found in diary.find("volume-spike")] == [14, 21]


def test_few_calls_with_very_long_answers_are_a_cost_spike(diary):
    diary.habit(range(11))
    dear = [diary.call(diary.at(11, 10, at), written=60_000) for at in range(12)]

    (found,) = diary.find("cost-spike")

    assert diary.find("volume-spike") == []
    assert found.evidence["calls"] == 12
    assert found.evidence["cost"] > 2
    assert found.severity == "high"
    assert set(found.request_ids) == set(dear)


def test_long_answers_that_are_usual_are_no_cost_spike(diary):
    diary.habit(range(12), written=60_000)

    assert diary.find("cost-spike") == []


def test_a_burst_at_an_hour_at_which_an_identity_sleeps_is_found(diary):
    diary.habit(range(12))
    burst = [diary.call(diary.at(11, 2, at)) for at in range(25)]

    (found,) = diary.find("night-burst")

    assert found.time == diary.at(11, 2)
    assert found.evidence["days_near_that_hour"] == 0
    assert set(found.request_ids) == set(burst)


def test_a_job_of_every_night_is_no_night_burst(diary):
    diary.habit(range(12), hours=(2,), each=25)

    assert diary.find("night-burst") == []


def test_a_few_calls_late_at_night_are_no_burst(diary):
    diary.habit(range(12))
    for at in range(15):
        diary.call(diary.at(11, 2, at))

    assert diary.find("night-burst") == []


def test_a_job_that_the_clocks_move_by_an_hour_is_no_night_burst(diary):
    diary.habit(range(10), hours=(6,), each=25)
    diary.habit(range(10, 12), hours=(7,), each=25)

    assert diary.find("night-burst") == []


# Declined ────────────────────────────────────────────────────────────────────────────────────────


def test_many_refusals_within_hours_are_found(diary):
    diary.habit(range(12))
    asked = [diary.call(diary.at(10, 10, 5 * at), stop="refusal") for at in range(6)]

    (found,) = diary.find("refusals")

    assert found.evidence["stops"] == {"refusal": 6}
    assert found.request_ids == asked


def test_a_guardrail_of_invoke_model_counts_as_a_stop(diary):
    diary.habit(range(12))
    beside = {"amazon-bedrock-guardrailAction": "INTERVENED"}
    asked = [diary.call(diary.at(10, 10, at), beside=beside) for at in range(6)]

    (found,) = diary.find("refusals")

    assert found.evidence["stops"] == {"guardrail_intervened": 6}
    assert found.request_ids == asked


def test_a_text_about_guardrails_is_no_stop(diary):
    diary.habit(range(12))
    text = {"note": 'The member is {"amazon-bedrock-guardrailAction":"INTERVENED"}.'}
    for at in range(6):
        diary.call(diary.at(10, 10, at), beside=text)

    assert diary.find("refusals") == []


def test_refusals_that_are_usual_are_not_told(diary):
    for day in range(12):
        for at in range(30):
            stop = "refusal" if at % 5 == 0 else "end_turn"
            diary.call(diary.at(day, 9, at), stop=stop)

    assert diary.find("refusals") == []
