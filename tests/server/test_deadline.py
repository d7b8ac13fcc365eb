"""One slow PDF is one request's trouble: all others are answered, or told at once that it's busy.

PDFium is itself, but for a page that ends when the test says so: no PDF takes for ever on every
machine.
"""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from reportlab.pdfgen.canvas import Canvas

from outcrop import documents as blocks
from outcrop.server import deadline, documents, formats, pdfium, runtime
from outcrop.testing import local_bedrock

MODEL = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
COUNTED = "anthropic.claude-sonnet-4-20250514-v1:0"
#: A day on which models that can be counted for were to be had.
THEN = "2026-01-01"


@pytest.fixture(scope="module")
def pdf(tmp_path_factory):
    path = tmp_path_factory.mktemp("pdf") / "a.pdf"
    canvas = Canvas(str(path))
    for text in ("Granite is hard.", "Chalk is soft."):
        canvas.drawString(72, 800, text)
        canvas.showPage()
    canvas.save()
    return path.read_bytes()


@pytest.fixture
def endless(monkeypatch):
    """A PDFium whose pages end when `go` is set; `begun` has one for each page that it came to."""
    go, begun = threading.Event(), []
    read_page = pdfium._text

    def page(*arguments):
        begun.append(threading.current_thread().name)
        go.wait()
        return read_page(*arguments)

    monkeypatch.setattr(pdfium, "_text", page)
    monkeypatch.setitem(deadline.within.__kwdefaults__, "seconds", 0.2)
    pdfium._make_reader.cache_clear()
    yield go, begun
    go.set()
    pdfium._make_reader.cache_clear()


@pytest.fixture
def bedrock():
    with local_bedrock(auth=False, today=THEN) as server, contextlib.closing(connect(server)) as it:
        yield it


def connect(server):
    return boto3.client(
        "bedrock-runtime",
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        config=Config(retries={"total_max_attempts": 1}, max_pool_connections=50),
    )


def asked(data, format_="pdf", *, cite=False):
    document = {"format": format_, "name": "Rock", "source": {"bytes": data}}
    document["citations"] = {"enabled": cite}
    return [{"role": "user", "content": [{"document": document}, {"text": "What is hard?"}]}]


def refusal(client, messages):
    with pytest.raises(ClientError) as caught:
        client.converse(modelId=MODEL, messages=messages)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


@pytest.mark.parametrize("cite", [False, True])
def test_a_pdf_that_never_ends_is_refused_and_keeps_nobody_else_waiting(
    bedrock, endless, pdf, cite
):
    go, begun = endless
    unavailable = (503, "ServiceUnavailableException")
    assert refusal(bedrock, asked(pdf, cite=cite)) == unavailable
    with ThreadPoolExecutor(40) as pool:
        others = [pool.submit(refusal, bedrock, asked(pdf, cite=cite)) for _ in range(40)]
        assert {other.result() for other in others} == {unavailable}
    assert begun == ["outcrop-pdfium"]  # the one page that PDFium is at
    text = bedrock.converse(modelId=MODEL, messages=asked(b"Granite is hard.", "txt"))
    assert "Granite is hard." in json.dumps(text["output"])
    go.set()
    while pdfium._reader().is_busy:
        pass
    read = bedrock.converse(modelId=MODEL, messages=asked(pdf, cite=cite))
    assert "Granite is hard." in json.dumps(read["output"])


@pytest.mark.anyio
async def test_all_pdfs_of_a_request_have_one_deadline(endless, pdf):
    _, begun = endless
    content = [blocks.pdf(pdf, title=str(number)) for number in range(5)]
    request = {"messages": [{"role": "user", "content": content}]}
    with pytest.raises(deadline.OverdueError):
        await deadline.within(lambda: documents.read(request))
    assert len(begun) == 1


@pytest.mark.anyio
async def test_what_begins_after_the_deadline_is_not_begun():
    done = []
    with pytest.raises(deadline.OverdueError):
        await deadline.within(lambda: done.append(1), seconds=0)
    assert done == []

    def read_late():
        while deadline.left() > 0:
            pass
        formats.read(b"Granite", "txt")  # which looks at the deadline, too

    with pytest.raises(deadline.OverdueError):
        await deadline.within(read_late, seconds=0.01)


@pytest.mark.anyio
async def test_no_more_than_a_few_wait_for_pdfium():
    reader, go, inside = pdfium.Reader(), threading.Event(), threading.Event()
    until = pdfium.time.monotonic() + 60

    def page():
        inside.set()
        go.wait()
        return ("text",)

    with ThreadPoolExecutor(pdfium.WAITING + 1) as pool:
        first = pool.submit(reader.read, page, until)
        inside.wait()
        waiting = [pool.submit(reader.read, lambda: (), until) for _ in range(pdfium.WAITING)]
        while not reader._waiting.full():
            pass
        with pytest.raises(deadline.OverdueError, match="too many PDFs are being read"):
            reader.read(lambda: (), until)
        go.set()
        assert first.result() == ("text",)
        assert [one.result() for one in waiting] == [()] * pdfium.WAITING
    assert deadline.THREADS > pdfium.WAITING + 1


def test_outside_of_a_request_there_is_no_deadline_and_too_slow_a_pdf_is_estimated_by_its_pages(
    endless, pdf, monkeypatch
):
    assert deadline.left() == float("inf")
    monkeypatch.setattr(deadline, "SECONDS", 0.01)
    assert blocks.estimate(pdf).basis == "pages"


@pytest.mark.parametrize(
    "escape", [lambda body: body, lambda body: body.replace(b"Model", b"M\\u006fdel")]
)
def test_count_tokens_looks_at_what_is_in_base64_off_the_event_loop(
    bedrock, monkeypatch, pdf, escape
):
    names = []
    count = runtime.count_tokens

    def counted(*arguments, **more):
        names.append(threading.current_thread().name)
        return count(*arguments, **more)

    monkeypatch.setattr(runtime, "count_tokens", counted)

    def spoil(request, **_):
        request.body = escape(request.body)
        request.headers["Content-Length"] = str(len(request.body))

    bedrock.meta.events.register("before-send.bedrock-runtime.CountTokens", spoil)
    body = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": [blocks.pdf(pdf)]}],
    }
    asked = {"invokeModel": {"body": json.dumps(body)}}
    assert bedrock.count_tokens(modelId=COUNTED, input=asked)["inputTokens"] > 0
    assert names[0].startswith("outcrop-documents")
    assert b'"document"' not in base64.b64encode(json.dumps(body).encode())
