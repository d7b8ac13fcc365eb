from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from outcrop import errors
from outcrop.bedrock.retry import FIRST_WAIT, LONGEST_WAIT, Policy

THROTTLED = errors.ThrottlingException("Too many requests, please wait before trying again.")


@given(retries=st.integers(0, 20), roll=st.floats(0, 1, exclude_max=True))
def test_waits_double_up_to_a_limit_with_up_to_a_quarter_off(retries: int, roll: float):
    wait = Policy(max_retries=50, deadline=None).delay(
        THROTTLED, retries=retries, elapsed=0, roll=roll
    )
    full = min(FIRST_WAIT * 2**retries, LONGEST_WAIT)
    assert wait is not None
    assert 0.75 * full <= wait <= full


def test_no_more_retries_than_allowed():
    policy = Policy(max_retries=2)
    assert policy.delay(THROTTLED, retries=1, elapsed=0, roll=0) is not None
    assert policy.delay(THROTTLED, retries=2, elapsed=0, roll=0) is None


def test_retry_after_goes_before_the_own_wait():
    error = errors.ThrottlingException("wait", retry_after=3.5)
    assert Policy().delay(error, retries=0, elapsed=0, roll=0.9) == 3.5


def test_a_retry_after_of_more_than_a_minute_is_not_slept_through():
    error = errors.ThrottlingException("wait", retry_after=3600)
    assert Policy().delay(error, retries=0, elapsed=0, roll=0) == FIRST_WAIT


def test_no_attempt_starts_after_the_deadline():
    policy = Policy(max_retries=9, deadline=10)
    assert policy.delay(THROTTLED, retries=0, elapsed=9.4, roll=0) is not None
    assert policy.delay(THROTTLED, retries=0, elapsed=9.5, roll=0) is None


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.ServiceUnavailableException("x"), True),
        (errors.ModelNotReadyException("x"), True),
        (errors.InternalServerException("x"), True),
        (errors.ModelTimeoutException("x"), True),
        (errors.APIConnectionError("x"), True),
        (errors.APITimeoutError("x"), True),
        (errors.ValidationException("x"), False),
        (errors.AccessDeniedException("x"), False),
        (errors.ResourceNotFoundException("x"), False),
        (errors.ModelErrorException("x"), False),
        (errors.ServiceQuotaExceededException("x"), False),
    ],
)
def test_only_what_can_help_is_retried(error: errors.APIError, expected: bool):
    wait = Policy().delay(error, retries=0, elapsed=0, roll=0)
    assert (wait is not None) is expected
