"""A call's steps, driven by hand: each test reads as a sequence diagram."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from outcrop import errors
from outcrop.bedrock import faults, invoke_stream
from outcrop.bedrock.call import (
    Call,
    Close,
    Identified,
    Identify,
    Instant,
    Now,
    ReadAll,
    ReadSome,
    Roll,
    Send,
    Sleep,
    Timeout,
    complete,
    open_stream,
)
from outcrop.bedrock.retry import Policy
from outcrop.bedrock.routes import route
from outcrop.wire.credentials import ApiKey, Credentials
from outcrop.wire.http import HeaderMap, Request

KEYS = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "content": []}
START = {"type": "message_start", "message": MESSAGE}


@dataclass
class Answer:
    status: int
    headers: HeaderMap
    body: bytes = b""
    request: Any = None
    reader: Any = None


def call(**policy: Any) -> Call:
    request = Request("POST", "https://bedrock.example", "/model/m/invoke", [], b"{}")
    return Call(request, route("m", "us-east-1", request.origin), Policy(**policy), Timeout())


def refusal(error: errors.APIStatusError) -> Answer:
    status, headers, body = faults.write_fault(error)
    return Answer(status, HeaderMap(headers), body)


OK = Answer(200, HeaderMap(), orjson.dumps(MESSAGE))
THROTTLED = refusal(errors.ThrottlingException("wait"))


class Script:
    """Answers steps from a list; keeps what was asked."""

    def __init__(self, *replies: Any) -> None:
        self.replies = list(replies)
        self.steps: list[Any] = []
        self.clock = 1000.0
        self.fetching = 0.0  # seconds that credentials take

    def run(self, steps: Any) -> Any:
        reply: Any = None
        failure: Exception | None = None
        while True:
            try:
                step = steps.throw(failure) if failure else steps.send(reply)
            except StopIteration as stop:
                return stop.value
            self.steps.append(step)
            reply = failure = None
            match step:
                case Now():
                    reply = Instant(self.clock, self.clock)
                case Roll():
                    reply = 0.0
                case Identify():
                    asked = self.clock
                    self.clock += self.fetching
                    reply = Identified(KEYS, asked, self.clock)
                case Sleep(seconds):
                    self.clock += seconds
                case ReadAll(response):
                    reply = response.body
                case Close():
                    pass
                case _:
                    reply = self.replies.pop(0)
            if isinstance(reply, Exception):
                failure, reply = reply, None

    def kinds(self) -> list[type]:
        return [type(step) for step in self.steps]


def test_a_call_identifies_signs_and_sends_once():
    script = Script(OK)
    done = script.run(complete(call()))
    assert done.document == MESSAGE
    assert done.retries == 0
    assert script.kinds() == [Identify, Send]
    headers = dict(script.steps[-1].request.headers)
    assert headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/")


def test_an_api_key_is_sent_as_a_bearer_token_and_nothing_is_signed():
    script = Script(OK)
    steps = complete(call())
    step = next(steps)
    while not isinstance(step, Send):
        step = steps.send(Identified(ApiKey("k"), 0, 0))
    assert step.request.headers == [("Authorization", "Bearer k")]
    assert script.steps == []


def test_throttling_is_waited_out():
    script = Script(THROTTLED, THROTTLED, OK)
    assert script.run(complete(call(max_retries=2))).retries == 2
    assert [step.seconds for step in script.steps if isinstance(step, Sleep)] == [0.5, 1.0]


def test_the_deadline_counts_from_when_credentials_are_asked_for():
    script = Script(THROTTLED, OK)
    script.fetching = 100.0
    assert script.run(complete(call(deadline=101))).retries == 1
    script = Script(THROTTLED, OK)
    script.fetching = 100.0
    with pytest.raises(errors.ThrottlingException):
        script.run(complete(call(deadline=100)))


def test_each_attempt_is_signed_at_its_own_time():
    script = Script(THROTTLED, OK)
    script.run(complete(call()))
    dates = [
        dict(step.request.headers)["X-Amz-Date"] for step in script.steps if isinstance(step, Send)
    ]
    assert len(dates) == 2


def test_retries_end():
    script = Script(*[THROTTLED] * 3)
    with pytest.raises(errors.ThrottlingException):
        script.run(complete(call(max_retries=2)))
    assert script.kinds().count(Send) == 3


def test_a_refusal_that_no_retry_helps_is_raised_at_once():
    script = Script(refusal(errors.ValidationException("no")))
    with pytest.raises(errors.ValidationException, match="no"):
        script.run(complete(call()))
    assert script.kinds().count(Send) == 1


def test_a_lost_connection_is_tried_again():
    script = Script(errors.APIConnectionError("reset"), OK)
    assert script.run(complete(call())).retries == 1


def test_an_expired_token_is_renewed_once_without_counting_as_a_retry():
    expired = refusal(
        errors.ExpiredTokenException("The security token included in the request is expired")
    )
    script = Script(expired, OK)
    assert script.run(complete(call(max_retries=0))).retries == 0
    assert [step.renew for step in script.steps if isinstance(step, Identify)] == [False, True]
    assert Sleep not in script.kinds()
    twice = Script(expired, expired)
    with pytest.raises(errors.ExpiredTokenException):
        twice.run(complete(call(max_retries=5)))
    assert twice.kinds().count(Send) == 2


def test_a_reply_that_is_no_message_says_so():
    with pytest.raises(errors.APIResponseValidationError, match="base_url"):
        Script(Answer(200, HeaderMap(), b"<html>")).run(complete(call()))


def stream_of(*chunks: bytes | Exception | None) -> tuple[Any, ...]:
    return (Answer(200, HeaderMap()), *chunks)


def test_a_stream_is_open_when_its_first_event_has_come():
    frame = invoke_stream.write_event(START, padding=3)
    script = Script(*stream_of(frame[:10], frame[10:]))
    opened = script.run(open_stream(call()))
    assert opened.first == [START]
    assert script.kinds() == [Identify, Send, ReadSome, ReadSome]


def test_an_exception_in_the_first_frame_is_retried():
    fault = invoke_stream.write_exception(errors.ThrottlingException("busy"))
    frame = invoke_stream.write_event(START, padding=3)
    script = Script(*stream_of(fault), *stream_of(frame))
    assert script.run(open_stream(call())).first == [START]
    assert Close in script.kinds()


def test_a_stream_that_ends_before_its_first_event_is_retried_then_raised():
    script = Script(*stream_of(None), *stream_of(None))
    with pytest.raises(errors.StreamTruncatedError):
        script.run(open_stream(call(max_retries=1)))
    assert script.kinds().count(Send) == 2


def test_a_refused_stream_raises_what_its_body_says():
    script = Script(refusal(errors.ValidationException("no such model")))
    with pytest.raises(errors.ValidationException, match="no such model"):
        script.run(open_stream(call()))
    assert ReadAll in script.kinds()


def test_events_before_a_fault_in_the_same_read_are_handed_out_first():
    data = invoke_stream.write_event(START, padding=3) + invoke_stream.write_exception(
        errors.ModelStreamErrorException("broke")
    )
    opened = Script(*stream_of(data)).run(open_stream(call()))
    assert opened.first == [START]
    with pytest.raises(errors.ModelStreamErrorException, match="broke"):
        opened.reader.raise_fault()
