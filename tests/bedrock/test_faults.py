from __future__ import annotations

import json

import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.parsers import RestJSONParser
from botocore.session import Session

from outcrop import errors
from outcrop.bedrock import faults, invoke_stream
from outcrop.wire.http import HeaderMap

#: Statuses of AWS's own service model; the classes have to agree with it.
MODEL = Session().get_service_model("bedrock-runtime")
MODELLED = {
    name: shape.metadata["error"]["httpStatusCode"]
    for name in MODEL.shape_names
    if (shape := MODEL.shape_for(name)).metadata.get("exception")
}


@pytest.mark.parametrize("name", sorted(MODELLED))
def test_every_exception_of_the_service_model_has_a_class_with_its_status(name: str):
    assert errors.BY_NAME[name].status == MODELLED[name]


@pytest.mark.parametrize("name", sorted(errors.BY_NAME))
def test_what_is_written_is_read_back(name: str):
    error = errors.BY_NAME[name]("the words")
    status, headers, body = faults.write_fault(error)
    read = faults.read_fault(status, HeaderMap([*headers, ("x-amzn-RequestId", "r-1")]), body)
    assert read.request_id == "r-1"
    assert read.status_code == error.status
    if name != "UnknownOperationException":  # XML, and named by its status only
        assert type(read) is errors.BY_NAME[name]
        assert read.message == "the words"
        assert read.aws_name == name


@pytest.mark.parametrize("name", sorted(set(errors.BY_NAME) - {"UnknownOperationException"}))
def test_botocore_reads_the_same_name_and_words(name: str):
    status, headers, body = faults.write_fault(errors.BY_NAME[name]("the words"))
    shape = MODEL.operation_model("InvokeModel").output_shape
    parsed = RestJSONParser().parse(
        {"status_code": status, "headers": {k.lower(): v for k, v in headers}, "body": body}, shape
    )
    assert parsed["Error"]["Code"] == name
    assert parsed["Error"]["Message"] == "the words"


def test_a_denial_by_iam_says_message_with_a_capital_m():
    _, _, body = faults.write_fault(errors.AuthorizationDenied("no"))
    assert json.loads(body) == {"Message": "no"}
    read = faults.read_fault(403, HeaderMap([("x-amzn-errortype", "AccessDeniedException")]), body)
    assert (type(read), read.message) == (errors.AccessDeniedException, "no")


def test_anthropics_own_envelope_is_read_too():
    body = b'{"type":"error","error":{"type":"invalid_request_error","message":"too long"}}'
    read = faults.read_fault(400, HeaderMap(), body)
    assert (type(read), read.message) == (errors.BadRequestError, "too long")


@pytest.mark.parametrize("body", [b"", b"<html>gateway</html>", b"\xff\xfe", b"[1]", b'"x"'])
def test_a_body_of_any_kind_gives_an_error_by_its_status(body: bytes):
    read = faults.read_fault(503, HeaderMap(), body)
    assert isinstance(read, errors.InternalServerError)
    assert read.status_code == 503
    assert read.message


def test_the_daily_quota_is_not_worth_a_retry():
    daily = errors.ThrottlingException("Too many tokens per day, please wait before trying again.")
    minute = errors.ThrottlingException("Too many tokens, please wait before trying again.")
    for error, expected in ((daily, False), (minute, True)):
        status, headers, body = faults.write_fault(error)
        assert faults.read_fault(status, HeaderMap(headers), body).retryable is expected


def test_an_exception_in_a_stream_is_read_by_us_and_by_botocore():
    frame = invoke_stream.write_exception(errors.ThrottlingException("slow down"))
    reader = invoke_stream.EventReader()
    assert reader.feed(frame) == []
    with pytest.raises(errors.ThrottlingException, match="slow down") as caught:
        reader.raise_fault()
    assert caught.value.status_code == 200
    buffer = EventStreamBuffer()
    buffer.add_data(frame)
    (event,) = buffer
    assert event.headers[":exception-type"] == "throttlingException"
    assert json.loads(event.payload) == {"message": "slow down"}
