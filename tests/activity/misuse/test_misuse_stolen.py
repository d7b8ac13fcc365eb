"""Credentials in the wrong hands, and the control plane: what is found, and near misses."""

from __future__ import annotations

import pytest

MODELS = [
    "us.anthropic.claude-opus-5",
    "us.anthropic.claude-opus-4-8",
    "us.anthropic.claude-sonnet-5-5",
    "us.anthropic.claude-haiku-5-5",
    "us.anthropic.claude-fable-5",
]


def test_two_regions_within_minutes_are_found(diary):
    diary.habit(range(12))
    for day in (1, 2):  # both regions are known, but not at once
        diary.habit([day], hours=(20,), region="eu-west-1")
    away = [diary.call(diary.at(10, 9, 10 + at), region="eu-west-1") for at in range(4)]

    (found,) = diary.find("two-regions")

    assert found.severity == "high"
    assert set(found.evidence["calls"]) == {"us-east-1", "eu-west-1"}
    assert set(away) <= set(found.request_ids)
    assert diary.find("new-region") == []


def test_two_regions_hours_apart_are_a_journey_or_a_change(diary):
    diary.habit(range(12))
    diary.habit([10], hours=(14,), region="eu-west-1")

    assert diary.find("two-regions") == []


def test_a_service_that_always_uses_two_regions_is_left_alone(diary):
    diary.habit(range(12))
    diary.habit(range(12), region="us-west-2")

    assert diary.find("two-regions") == []


def test_a_stray_call_elsewhere_is_not_work_in_two_regions(diary):
    diary.habit(range(12))
    diary.call(diary.at(10, 9, 30), region="eu-west-1")

    assert diary.find("two-regions") == []


def try_models(diary, models, *, each=2, who=None):
    return [
        diary.call(diary.at(9, 3, minute), who, model=model, error="AccessDeniedException")
        for minute, model in enumerate(models * each)
    ]


def test_models_tried_in_vain_and_then_a_burst_are_a_stolen_key(diary):
    diary.habit(range(12))
    tried = try_models(diary, MODELS, who=diary.bob)
    for at in range(40):
        diary.call(diary.at(9, 4, at), diary.bob)

    (found,) = diary.find("model-enumeration")

    assert found.severity == "critical"
    assert found.identity == diary.bob
    assert found.evidence["refusals"] == 10
    assert found.evidence["answers"] == 40
    assert len(found.evidence["tried"]) == 5
    assert set(tried) <= set(found.request_ids)


def test_models_tried_in_vain_alone_are_grave_enough(diary):
    diary.habit(range(12))
    try_models(diary, MODELS, who=diary.bob)

    (found,) = diary.find("model-enumeration")

    assert found.severity == "high"
    assert found.evidence["burst"] is False


def test_a_role_that_lacks_a_permission_tries_one_model_only(diary):
    diary.habit(range(12))
    try_models(diary, MODELS[:1], each=50)

    assert diary.find("model-enumeration") == []


def test_throttled_models_are_not_tried_in_vain(diary):
    diary.habit(range(12))
    for at, model in enumerate(MODELS * 3):
        diary.call(diary.at(9, 3, at), model=model, error="ThrottlingException")

    assert diary.find("model-enumeration") == []


# The trail ───────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def trail(diary):
    """Two weeks in which Alice administers."""
    for day in range(14):
        diary.call(diary.at(day))
        diary.event(diary.at(day), "GetFoundationModelAvailability")
        diary.event(diary.at(day), "GetModelInvocationLoggingConfiguration")
        diary.event(diary.at(day), "ListFoundationModels", diary.bob)
    diary.event(diary.at(1), "PutModelInvocationLoggingConfiguration")
    return diary


def test_a_stranger_who_asks_for_access_is_found(trail):
    asked = trail.event(trail.at(10), "GetFoundationModelAvailability", trail.bob)
    opened = trail.event(
        trail.at(10, 10), "PutUseCaseForModelAccess", trail.bob, address="203.0.113.9"
    )

    (found,) = trail.find("access-probing")

    assert found.severity == "high"
    assert found.identity == trail.bob
    assert found.request_ids == [asked, opened]
    assert found.evidence["source_ips"] == ["192.0.2.7", "203.0.113.9"]


def test_who_asks_every_day_is_no_stranger(trail):
    assert trail.find("access-probing") == []


def test_a_single_question_is_not_probing(trail):
    trail.event(trail.at(10), "GetFoundationModelAvailability", trail.bob)

    assert trail.find("access-probing") == []
    assert len(trail.find("access-probing", events=1)) == 1


def test_whoever_asks_daily_may_still_be_a_stranger_to_opening(trail):
    trail.event(trail.at(10, 11), "CreateFoundationModelAgreement")

    (found,) = trail.find("access-probing")

    assert found.evidence["events"] == {"CreateFoundationModelAgreement": 1}


def test_switching_the_log_off_is_critical_whoever_does_it(trail):
    off = trail.event(trail.at(3), "DeleteModelInvocationLoggingConfiguration")

    (found,) = trail.find("logging-change")

    assert found.severity == "critical"
    assert found.request_ids == [off]


def test_switching_the_log_off_in_vain_is_told_as_such(trail):
    name = "DeleteModelInvocationLoggingConfiguration"
    trail.event(trail.at(10), name, trail.bob, error="AccessDenied")

    (found,) = trail.find("logging-change")

    assert found.severity == "high"
    assert "tried" in found.summary


def test_who_keeps_the_configuration_may_change_it(trail):
    trail.event(trail.at(10), "PutModelInvocationLoggingConfiguration")

    assert trail.find("logging-change") == []


def test_a_stranger_may_not_change_the_configuration(trail):
    trail.event(trail.at(10), "PutModelInvocationLoggingConfiguration", trail.bob)

    (found,) = trail.find("logging-change")

    assert found.identity == trail.bob


def test_without_a_trail_there_is_nothing_to_find_in_it(diary):
    diary.habit(range(12))

    assert diary.find("access-probing", "logging-change") == []
