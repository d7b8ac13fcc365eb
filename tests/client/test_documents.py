"""`outcrop.documents`: files become blocks that both APIs take, or an error that mends."""

from __future__ import annotations

import base64
import io
import zipfile
from pathlib import Path

import boto3
import botocore.exceptions
import pytest
from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen import canvas

import outcrop
from outcrop import AnthropicBedrock, documents, errors
from outcrop.bedrock import attachments, names

MODEL = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
OPUS_4_8 = "global.anthropic.claude-opus-4-8"
OLD = "us.anthropic.claude-3-7-sonnet-20250219-v1:0"
MEDIA_TYPES = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "doc": "application/msword",
    "xls": "application/vnd.ms-excel",
    "csv": "text/csv",
    "html": "text/html",
    "md": "text/markdown",
}


def made(pages=3, encrypt=None):
    file = io.BytesIO()
    writer = canvas.Canvas(file, encrypt=encrypt)
    for page in range(pages):
        for line in range(30):
            writer.drawString(72, 750 - 20 * line, f"Page {page + 1}, line {line + 1}: sales grew.")
        writer.showPage()
    writer.save()
    return file.getvalue()


def picture(width=8, height=8, kind="PNG"):
    file = io.BytesIO()
    Image.new("L", (width, height)).save(file, kind)
    return file.getvalue()


def archive(*parts):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as writer:
        for part in parts:
            writer.writestr(part, "<w:document xmlns:w='w'><w:t>Grass is green.</w:t></w:document>")
    return file.getvalue()


PDF = made()
DOCX = archive("[Content_Types].xml", "word/document.xml")
XLSX = archive("[Content_Types].xml", "xl/workbook.xml")
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512)
DOC = OLE + "WordDocument".encode("utf-16-le") + bytes(64)
XLS = OLE + "Workbook".encode("utf-16-le") + bytes(64)
FILES = {
    "docx": DOCX,
    "xlsx": XLSX,
    "doc": DOC,
    "xls": XLS,
    "csv": b"city,sales\nParis,3\n",
    "html": b"<!DOCTYPE html><p>Grass is green.</p>",
    "md": b"# Grass\n\nIt is *green*.\n",
}


def refusal(make, *args, **kwargs):
    with pytest.raises(errors.RequestError) as caught:
        make(*args, **kwargs)
    assert caught.value.mend
    return str(caught.value)


# From a source to its bytes ──────────────────────────────────────────────────────────────────────


def test_path_bytes_and_open_file_give_the_same_block(tmp_path):
    path = tmp_path / "report.pdf"
    path.write_bytes(PDF)
    block = documents.pdf(path)
    assert block == documents.pdf(str(path)) == documents.document(path)
    assert block["title"] == "report.pdf"
    with path.open("rb") as file:
        assert documents.pdf(file) == block
    for data in (PDF, bytearray(PDF), memoryview(PDF), io.BytesIO(PDF)):
        assert documents.pdf(data, title="report.pdf") == block
    assert base64.b64decode(block["source"]["data"]) == PDF


def test_bytes_have_no_title_unless_one_is_given():
    assert "title" not in documents.pdf(PDF)
    assert documents.pdf(PDF, title="Report")["title"] == "Report"


def test_a_file_that_is_not_there_says_so(tmp_path):
    with pytest.raises(FileNotFoundError):
        documents.pdf(tmp_path / "none.pdf")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("https://example.com/a.pdf", "Download it"),
        ("Grass is green.\nSky is blue.", "documents.text"),
        (io.StringIO("Grass"), "Open it with 'rb'"),
        (42, "A int is no source"),
        (b"", "is empty"),
    ],
)
def test_what_is_no_source_is_refused_with_the_mend(source, said):
    assert said in refusal(documents.document, source)


# Which format it is ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("format_", FILES)
@pytest.mark.parametrize("named", [True, False])
def test_a_format_is_found_by_name_or_by_bytes(tmp_path, format_, named):
    if named:
        source = tmp_path / f"file.{format_}"
        source.write_bytes(FILES[format_])
    else:
        source = FILES[format_]
    given = None if named or format_ not in ("csv", "md") else format_
    block = documents.document(source, api="converse", format=given)
    assert block["source"]["media_type"] == MEDIA_TYPES[format_]
    assert base64.b64decode(block["source"]["data"]) == FILES[format_]


def test_bytes_of_a_pdf_outrank_the_name_of_the_file(tmp_path):
    path = tmp_path / "report.txt"
    path.write_bytes(PDF)
    assert documents.document(path)["source"]["media_type"] == "application/pdf"


def test_text_that_mentions_a_pdf_is_text(tmp_path):
    path = tmp_path / "notes.md"
    path.write_bytes(b"A PDF begins with %PDF-1.7.")
    assert documents.document(path)["source"]["type"] == "text"


@pytest.mark.parametrize(
    ("data", "format_", "said"),
    [
        (PDF, "docx", "isn't a docx file: it begins with b'%PDF-1."),
        (b"\x7fELF" + bytes(9), None, "of no known format"),
        (archive("a.txt"), None, "neither docx nor xlsx"),
        (OLE, None, "neither doc nor xls"),
        (b"PK\x03\x04 cut off", None, "a broken archive"),
        (picture(), None, "Use documents.image"),
        (b"x", "pptx", "It is one of pdf, txt, html, md, csv"),
        (b"caf\xe9", "txt", "byte 3 can't be"),
        (b" \n", "txt", "holds no text"),
    ],
)
def test_bytes_that_can_not_be_the_format_are_refused(data, format_, said):
    assert said in refusal(documents.document, data, format=format_)


@pytest.mark.parametrize("data", ["Grün\r\nund".encode("utf-8-sig"), "Grün\nund".encode("utf-16")])
def test_text_is_decoded_by_its_mark(data):
    assert documents.document(data)["source"] == {
        "type": "text",
        "media_type": "text/plain",
        "data": "Grün\nund",
    }


# Modes, and APIs ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("api", [None, "converse", "invoke"])
def test_a_pdf_is_seen_as_pages_over_every_api_by_default(api):
    block = documents.pdf(PDF, api=api)
    # Over Converse that takes citations; over InvokeModel they are the caller's choice.
    assert block.get("citations") == (None if api == "invoke" else {"enabled": True})
    assert documents.pdf(PDF, api=api, citations=True)["citations"] == {"enabled": True}


def test_text_mode_says_that_it_wants_no_citations():
    block = documents.pdf(PDF, mode="text")
    assert block["citations"] == {"enabled": False}
    assert block == documents.pdf(PDF, mode="text", api="converse")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"mode": "text", "api": "invoke"}, "doesn't exist over InvokeModel"),
        ({"mode": "text", "citations": True}, "without citations"),
        ({"citations": False}, "only if citations are enabled"),
        ({"citations": False, "api": "converse"}, "use mode='text' for the text alone"),
        ({"mode": "both"}, "mode='both' isn't known"),
        ({"api": "messages"}, "api='messages' isn't known"),
        ({"cache": "1d"}, "cache='1d' isn't known"),
    ],
)
def test_a_mode_that_an_api_does_not_have_is_refused(options, said):
    assert said in refusal(documents.pdf, PDF, **options)


@pytest.mark.parametrize("api", [None, "invoke"])
@pytest.mark.parametrize("format_", ["csv", "html", "md"])
def test_text_formats_go_as_text_where_their_format_is_not_known(tmp_path, api, format_):
    path = tmp_path / f"file.{format_}"
    path.write_bytes(FILES[format_])
    block = documents.document(path, api=api)
    assert block["source"] == {
        "type": "text",
        "media_type": "text/plain",
        "data": FILES[format_].decode(),
    }
    assert block["title"] == path.name
    # What is to be cited goes as text too, since Converse cites from texts and PDFs only.
    cited = documents.document(path, api="converse", citations=True)
    assert cited["source"] == block["source"]


@pytest.mark.parametrize("api", [None, "invoke"])
@pytest.mark.parametrize("format_", ["doc", "docx", "xls", "xlsx"])
def test_office_files_need_converse(api, format_):
    said = refusal(documents.document, FILES[format_], api=api, format=format_)
    assert "api='converse'" in said
    assert MEDIA_TYPES[format_] in said
    said = refusal(documents.document, FILES[format_], api="converse", citations=True)
    assert "cites from PDFs and texts" in said


def test_only_pdfs_have_pages():
    assert "is for PDFs" in refusal(documents.document, b"Grass", mode="visual")


@pytest.mark.parametrize(
    ("cache", "control"),
    [
        (True, {"type": "ephemeral"}),
        ("5m", {"type": "ephemeral", "ttl": "5m"}),
        ("1h", {"type": "ephemeral", "ttl": "1h"}),
    ],
)
def test_a_cache_point_may_follow(cache, control):
    assert documents.pdf(PDF, cache=cache)["cache_control"] == control
    assert documents.text("Grass", cache=cache)["cache_control"] == control
    assert documents.image(picture(), cache=cache)["cache_control"] == control


# What Bedrock would refuse ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"Grass is green.", "is no PDF: it begins with b'Grass is'"),
        (made(encrypt=StandardEncryption("", ownerPassword="x")), "is encrypted"),
        (PDF[: len(PDF) // 2], "breaks off"),
        (b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\n%%EOF\n", "no page that could be found"),
        (made(601), "has 601 pages, and no model takes more than 600"),
    ],
)
def test_a_pdf_that_claude_can_not_read_is_refused_before_it_is_sent(tmp_path, data, said):
    path = tmp_path / "report.pdf"
    path.write_bytes(data)
    message = refusal(documents.pdf, path)
    assert said in message
    assert message.startswith("report.pdf ")
    assert documents.pdf(path, check=False)["type"] == "document"


def test_a_model_has_its_own_limit_of_pages():
    long = made(101)
    assert documents.pdf(long, model=OPUS_4_8)
    assert "takes 100 in a request" in refusal(documents.pdf, long, model=MODEL)
    # Text is extracted of any number of pages.
    assert documents.pdf(long, model=MODEL, mode="text")


def test_converse_takes_small_documents_but_any_pdf_from_claude_4_on():
    large = b"x" * 4_718_593
    assert documents.document(large)
    assert "Converse takes 4,718,592 of a txt" in refusal(documents.document, large, api="converse")
    padded = PDF + bytes(4_718_593)
    assert documents.pdf(padded, api="converse", model=MODEL)
    assert "Converse takes 4,718,592 of a pdf" in refusal(
        documents.pdf, padded, api="converse", model=OLD
    )


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_an_image_is_what_its_bytes_say(tmp_path, kind):
    path = tmp_path / "image.png"
    path.write_bytes(picture(kind=kind))
    source = documents.image(path)["source"]
    assert source["media_type"] == f"image/{kind.lower()}"
    assert base64.b64decode(source["data"]) == path.read_bytes()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (PDF, "Use documents.pdf"),
        (b"BM" + bytes(64), "Convert it to one of them"),
        (picture(8001, 1), "8,001 by 1 pixels, and an image may have 8,000 a side"),
        (picture() + bytes(3_932_161), "and an image may have 5,242,880"),
    ],
)
def test_an_image_that_claude_does_not_take_is_refused(data, said):
    assert said in refusal(documents.image, data)


def test_a_limit_names_its_source_and_its_day():
    limits = [value for value in vars(attachments).values() if isinstance(value, attachments.Limit)]
    assert len(limits) >= 10
    for limit in limits:
        assert limit.most > 0
        assert limit.what
        assert limit.source
        assert limit.as_of.startswith("20")


# A whole request ─────────────────────────────────────────────────────────────────────────────────


def user(*content):
    return {"role": "user", "content": [*content]}


SAID = {"type": "text", "text": "What is this?"}


def test_a_request_within_the_limits_passes():
    small = documents.image(picture(2000, 4))
    documents.check([user(documents.pdf(PDF), *[small] * 21, SAID)], api="converse", model=MODEL)
    documents.check([{"role": "user", "content": "Hi"}])


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        ([documents.text("Grass")] * 6, {"api": "converse"}, "6 documents"),
        ([documents.image(picture(2001, 1))] * 21, {}, "messages.0.content.0 has 2,001 by 1"),
        ([documents.image(picture())] * 101, {"model": MODEL}, "101 images and 0 documents"),
        ([documents.pdf(made(51))] * 2, {"model": MODEL}, "have 102 pages together"),
        ([documents.pdf(b"no PDF", check=False)], {}, "messages.0.content.0 is no PDF"),
        (
            [documents.image(picture() + bytes(3_900_000))] * 4,
            {},
            "20,800,",
        ),
        (
            [documents.text("x" * 5_000_000)],
            {"api": "converse"},
            "messages.0.content.0 has about 5,000,000 bytes",
        ),
    ],
)
def test_documents_and_images_together_may_be_too_much(content, options, said):
    assert said in refusal(documents.check, [user(*content, SAID)], **options)


def test_pages_whose_text_alone_is_read_do_not_count():
    content = [documents.pdf(made(101), mode="text")]
    documents.check([user(*content, SAID)], api="converse", model=MODEL)
    assert "101 pages" in refusal(documents.check, [user(*content, SAID)], model=MODEL)


def test_over_converse_a_text_must_stand_beside_a_document():
    messages = [user(documents.text("Grass is green."))]
    documents.check(messages, api="invoke")
    assert "messages.0.content" in refusal(documents.check, messages, api="converse")


# In Converse's own shape ─────────────────────────────────────────────────────────────────────────


def test_content_of_converse_has_bytes_and_names_of_its_own():
    report = documents.pdf(PDF, title="Q3: sales!.pdf", cache="1h")
    content = documents.converse_content(
        "What is this?", report, report, documents.image(picture())
    )
    citations = {"enabled": True}
    one = {"format": "pdf", "name": "Q3 sales", "source": {"bytes": PDF}, "citations": citations}
    point = {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert content == [
        {"text": "What is this?"},
        {"document": one},
        point,
        {"document": {**one, "name": "Q3 sales (2)"}},
        point,
        {"image": {"format": "png", "source": {"bytes": picture()}}},
    ]
    assert report["source"]["data"]  # the block itself isn't touched


def test_what_is_in_a_tool_result_has_bytes_too():
    result = {
        "type": "tool_result",
        "tool_use_id": "t",
        "content": [documents.pdf(PDF), documents.image(picture())],
    }
    hidden = {"type": "redacted_thinking", "data": "shh"}
    told, thought = documents.converse_content(result, hidden)
    document, image = told["toolResult"]["content"]
    assert document["document"]["source"] == {"bytes": PDF}
    assert image["image"]["source"] == {"bytes": picture()}
    assert thought["reasoningContent"] == {"redactedContent": b"shh"}


def test_data_that_is_not_base64_is_refused():
    source = {"type": "base64", "media_type": "image/png", "data": "§"}
    block = {"type": "image", "source": source}
    assert "isn't base64" in refusal(documents.converse_content, block)


def test_a_name_is_repaired_only_on_request():
    block = documents.pdf(PDF)
    assert documents.converse_block(block)["document"]["name"] == "Document 1"
    named = documents.converse_block(block, name="Report (final)")
    assert named["document"]["name"] == "Report (final)"
    assert "Use 'a b', or repair_name=True" in refusal(documents.converse_block, block, name="a.b")
    repaired = documents.converse_block(block, name="a.b", repair_name=True)
    assert repaired["document"]["name"] == "a b"
    assert "converse_content" in refusal(documents.converse_block, documents.pdf(PDF, cache=True))


@pytest.mark.parametrize("title", ["Report", "a.b", "…", "  x\t y ", "report.pdf", "a" * 300, ""])
def test_names_are_those_that_converse_takes(title):
    assert names.is_safe(documents.safe_name(title))
    made_unique = documents.unique_names([title] * 12)
    assert len(set(made_unique)) == 12
    assert all(names.is_safe(name) for name in made_unique)


# Estimates ───────────────────────────────────────────────────────────────────────────────────────


def test_a_pdf_as_pages_is_estimated_higher_than_its_text():
    visual, text = documents.estimate(PDF), documents.estimate(PDF, mode="text")
    assert (visual.mode, visual.pages, visual.basis) == ("visual", 3, "text")
    assert (text.mode, text.pages, text.basis) == ("text", 3, "text")
    for one in (visual, text):
        assert 0 < one.low <= one.tokens <= one.high
    assert visual.tokens - text.tokens == 6000  # as published: 7,000 - 1,000 for 3 pages


def test_without_pdfium_the_published_figures_of_a_page_are_taken(monkeypatch):
    from outcrop.server import pdfium

    monkeypatch.setattr(pdfium, "is_installed", lambda: False)
    text = documents.estimate(PDF, mode="text")
    assert (text.low, text.tokens, text.high, text.basis) == (999, 4500, 9000, "pages")
    visual = documents.estimate(PDF)
    assert visual.tokens == 4500 + 6000
    assert visual.basis == "pages"


def test_an_image_costs_what_the_published_formula_says():
    image = picture(560, 280)
    assert documents.estimate(image).tokens == 20 * 10
    assert documents.estimate(image).basis == "size"


@pytest.mark.parametrize("format_", ["docx", "csv", "html", "md"])
def test_other_documents_are_estimated_by_their_text(format_):
    found = documents.estimate(FILES[format_], format=format_)
    assert 3 <= found.tokens <= 30
    assert (found.mode, found.pages, found.basis) == ("text", None, "text")


def test_what_can_not_be_read_has_no_estimate():
    assert "encrypted" in refusal(documents.estimate, made(encrypt="x"))
    assert "mode='both' isn't known" in refusal(documents.estimate, PDF, mode="both")
    assert "can't be read as docx" in refusal(documents.estimate, b"PK\x03\x04", format="docx")


# Against the local Bedrock ───────────────────────────────────────────────────────────────────────


@pytest.fixture(params=["invoke", "converse"])
def client(request, bedrock):
    with AnthropicBedrock(
        aws_access_key=bedrock.access_key,
        aws_secret_key=bedrock.secret_key,
        aws_region="us-west-2",
        base_url=bedrock.url,
        max_retries=0,
        api=request.param,
    ) as client:
        yield client


def ask(client, *content):
    return client.messages.create(
        model=MODEL, max_tokens=64, messages=[user(*content, SAID)]
    ).usage.input_tokens


def test_a_block_that_is_written_once_is_right_over_both_apis(client):
    content = [
        documents.pdf(PDF, title="Q3: sales.pdf", context="Of last year."),
        documents.document(FILES["md"], format="md", title="notes.md"),
        documents.text("Grass is green.", title="notes.md"),
        documents.image(picture()),
    ]
    assert ask(client, *content) > 3 * 1500


def test_over_converse_text_mode_costs_a_fraction(bedrock):
    with AnthropicBedrock(
        aws_access_key=bedrock.access_key,
        aws_secret_key=bedrock.secret_key,
        aws_region="us-west-2",
        base_url=bedrock.url,
        api="converse",
    ) as client:
        visual = ask(client, documents.pdf(PDF))
        text = ask(client, documents.pdf(PDF, mode="text"))
        for format_, data in FILES.items():
            block = documents.document(data, api="converse", format=format_)
            assert ask(client, block) < 200
    assert text < visual / 3
    estimate = documents.estimate(PDF, mode="text", model=MODEL)
    assert estimate.low <= text <= estimate.high


def test_boto3_takes_content_in_its_own_shape_and_sees_the_same_refusals(bedrock):
    client = boto3.client(
        "bedrock-runtime",
        region_name="us-west-2",
        endpoint_url=bedrock.url,
        aws_access_key_id=bedrock.access_key,
        aws_secret_access_key=bedrock.secret_key,
    )

    def converse(*parts):
        content = documents.converse_content("What is this?", *parts)
        return client.converse(modelId=MODEL, messages=[{"role": "user", "content": content}])

    assert converse(documents.pdf(PDF), documents.image(picture()))["output"]["message"]
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        converse(documents.image(picture(8001, 1), check=False))
    assert caught.value.response["Error"] == {
        "Code": "ValidationException",
        "Message": "The model returned the following errors: messages.0.content.1.image.source."
        "bytes: At least one of the image dimensions exceed max allowed size: 8000 pixels",
    }


def test_the_front_door_has_the_room():
    assert outcrop.documents is documents
    assert "documents" in dir(outcrop)
    assert Path(documents.__file__).parent.name == "documents"
