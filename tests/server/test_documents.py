"""The local Bedrock reads documents and cites them; what it refuses of them.

PDFs are made by reportlab, judged by pypdfium2 itself; office files are made by hand after
ECMA-376; requests go through boto3.

Refusals: real replies of Bedrock and of Anthropic's API, as publicly reported; those marked (?) in
`outcrop.bedrock.pdfs` aren't certain.
"""

from __future__ import annotations

import base64
import io
import json
import logging
import sys
import zipfile
from contextlib import closing, suppress

import boto3
import pypdfium2
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import given, settings, strategies as st
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from outcrop.server import documents, formats, pdfium, text_mode
from outcrop.server.actors import Ask, CitedText, Text, chat, citing
from outcrop.server.actors.parrot import Parrot
from outcrop.server.documents import Source
from outcrop.testing import local_bedrock

MODEL = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
COUNTED = "anthropic.claude-sonnet-4-20250514-v1:0"
#: A day on which models that can be counted for were to be had.
THEN = "2026-01-01"
THE_MODEL_SAYS = "The model returned the following errors: "

PAGES = (
    "The Rock Report\nThe harbour was built in 1871. It is made of granite.",
    "The lighthouse keeper was called Agnes Moor. She kept\nthe light for thirty years.",
    "Basalt comes from lava. Ships avoid the reef.",
)
#: A question, the page that answers it (from 1), and the answer.
ASKED = [
    ("When was the harbour built?", 1, "The harbour was built in 1871."),
    ("What was the lighthouse keeper called?", 2, "The lighthouse keeper was called Agnes Moor."),
    ("For how many years did she keep the light?", 2, "She kept the light for thirty years."),
    ("Where does basalt come from?", 3, "Basalt comes from lava."),
    ("What is the first thing on page 3?", 3, "Basalt comes from lava."),
]


def made(*pages, encrypt=None):
    out = io.BytesIO()
    canvas = Canvas(out, encrypt=encrypt)
    for page in pages:
        for at, line in enumerate(page.split("\n")):
            canvas.drawString(72, 800 - 16 * at, line)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


PDF = made(*PAGES)


def one_line(text):
    return " ".join(text.split())


def page_text(data, number):
    """What stands on a page, counted from 1, as pypdfium2 reads it."""
    with pypdfium2.PdfDocument(data) as pdf:
        page = pdf[number - 1]
        return one_line(page.get_textpage().get_text_bounded())


@pytest.fixture(scope="module")
def bedrock():
    with local_bedrock(auth=False, today=THEN) as server:
        client = boto3.client(
            "bedrock-runtime",
            endpoint_url=server.url,
            region_name="us-east-1",
            aws_access_key_id=server.access_key,
            aws_secret_access_key=server.secret_key,
            config=Config(retries={"total_max_attempts": 1}),
        )
        yield client
        client.close()


def pdf_block(data=PDF, *, cite=True, title="Rock"):
    encoded = base64.b64encode(data).decode()
    return {
        "type": "document",
        "title": title,
        "source": {"type": "base64", "media_type": "application/pdf", "data": encoded},
        "citations": {"enabled": cite},
    }


def invoked(client, question, *blocks):
    content = [*blocks, {"type": "text", "text": question}]
    body = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 1000,
        "messages": [{"role": "user", "content": content}],
    }
    reply = client.invoke_model(modelId=MODEL, body=json.dumps(body))
    return json.loads(reply["body"].read())


def document(data=PDF, *, format="pdf", cite=True, name="Rock"):  # noqa: A002 - Converse's word
    block = {"format": format, "name": name, "source": {"bytes": data}}
    return {"document": {**block, "citations": {"enabled": cite}}}


def conversed(client, question, *blocks):
    messages = [{"role": "user", "content": [*blocks, {"text": question}]}]
    return client.converse(modelId=MODEL, messages=messages)


def texts(reply):
    """The text of a Converse reply that cites nothing."""
    return "".join(block["text"] for block in reply["output"]["message"]["content"])


def cited(message):
    """The cited blocks of a Messages reply: text and citation."""
    found = [(b["text"], b["citations"]) for b in message["content"] if b.get("citations")]
    return [(text, citation) for text, (citation,) in found]


def refused(call, *arguments):
    with pytest.raises(ClientError) as caught:
        call(*arguments)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    return caught.value.response["Error"]["Message"]


# Citing a PDF ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("question", "page", "answer"), ASKED)
def test_invoke_model_cites_the_page_on_which_it_stands(bedrock, question, page, answer):
    ((text, citation),) = cited(invoked(bedrock, question, pdf_block()))
    assert text == answer
    assert citation["type"] == "page_location"
    assert (citation["start_page_number"], citation["end_page_number"]) == (page, page + 1)
    assert (citation["document_index"], citation["document_title"]) == (0, "Rock")
    assert one_line(citation["cited_text"]) in page_text(PDF, page)


@pytest.mark.parametrize(("question", "page", "answer"), ASKED)
def test_converse_cites_the_page_on_which_it_stands(bedrock, question, page, answer):
    content = conversed(bedrock, question, document())["output"]["message"]["content"]
    (block,) = [block["citationsContent"] for block in content if "citationsContent" in block]
    assert block["content"] == [{"text": answer}]
    (citation,) = block["citations"]
    assert citation["location"] == {
        "documentPage": {"documentIndex": 0, "start": page, "end": page + 1}
    }
    assert one_line(citation["sourceContent"][0]["text"]) in page_text(PDF, page)


def test_a_stream_of_converse_cites_too(bedrock):
    question, page, answer = ASKED[2]
    messages = [{"role": "user", "content": [document(), {"text": question}]}]
    with closing(bedrock.converse_stream(modelId=MODEL, messages=messages)["stream"]) as stream:
        deltas = [e["contentBlockDelta"]["delta"] for e in stream if "contentBlockDelta" in e]
    (citation,) = [delta["citation"] for delta in deltas if "citation" in delta]
    assert citation["location"]["documentPage"]["start"] == page
    assert answer in "".join(delta.get("text", "") for delta in deltas)


def test_documents_are_numbered_through_the_whole_request(bedrock):
    first, second = pdf_block(), pdf_block(made("Marble is a metamorphic rock."), title="Marble")
    ((_, citation),) = cited(invoked(bedrock, "What is marble?", first, second))
    assert (citation["document_index"], citation["document_title"]) == (1, "Marble")


def test_a_document_that_came_with_the_question_is_cited_even_if_no_word_is_shared(bedrock):
    ((text, _),) = cited(invoked(bedrock, "Hm?", pdf_block()))
    assert text in one_line(PAGES[0])


@pytest.mark.parametrize(("question", "count"), [(ASKED[1][0], 1), ("Thank you!", 0)])
def test_a_document_of_an_earlier_turn_is_cited_if_it_answers(bedrock, question, count):
    turns = [
        {"role": "user", "content": [pdf_block(), {"type": "text", "text": "Read it."}]},
        {"role": "assistant", "content": "I did."},
        {"role": "user", "content": question},
    ]
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 100, "messages": turns}
    reply = bedrock.invoke_model(modelId=MODEL, body=json.dumps(body))
    assert len(cited(json.loads(reply["body"].read()))) == count


def test_what_a_prompt_dictates_is_not_cited(bedrock):
    message = invoked(bedrock, "[[reply: just this]]", pdf_block())
    assert message["content"] == [{"type": "text", "text": "just this"}]


def test_without_citations_the_answer_is_plain_text(bedrock):
    message = invoked(bedrock, ASKED[2][0], pdf_block(cite=False))
    assert not cited(message)
    assert ASKED[2][2] in message["content"][0]["text"]


# Citing other sources ────────────────────────────────────────────────────────────────────────────

TEXT = "Grass is green.  The sky is blue?\n\n Émile’s boat — it floats! The end"  # noqa: RUF001 - as typed


def test_the_characters_of_a_text_are_those_that_are_cited(bedrock):
    block = {
        "type": "document",
        "title": "Colours",
        "source": {"type": "text", "media_type": "text/plain", "data": TEXT},
        "citations": {"enabled": True},
    }
    ((_, citation),) = cited(invoked(bedrock, "What does the boat of Émile do?", block))
    assert citation["type"] == "char_location"
    assert TEXT[citation["start_char_index"] : citation["end_char_index"]] == citation["cited_text"]
    assert citation["cited_text"] == "Émile’s boat — it floats!"  # noqa: RUF001 - the same


def test_the_characters_of_a_text_file_in_converse_are_those_that_are_cited(bedrock):
    reply = conversed(bedrock, "Which colour is the sky?", document(TEXT.encode(), format="txt"))
    content = reply["output"]["message"]["content"]
    (block,) = [block["citationsContent"] for block in content if "citationsContent" in block]
    place = block["citations"][0]["location"]["documentChar"]
    assert TEXT[place["start"] : place["end"]] == "The sky is blue?"


def test_a_block_of_content_is_cited_whole(bedrock):
    blocks = ["One. Two.", "Slate splits into plates. Roofs are made of it."]
    block = {
        "type": "document",
        "source": {"type": "content", "content": [{"type": "text", "text": t} for t in blocks]},
        "citations": {"enabled": True},
    }
    ((text, citation),) = cited(invoked(bedrock, "What are roofs made of?", block))
    assert text == "Roofs are made of it."
    assert citation == {
        "type": "content_block_location",
        "cited_text": blocks[1],
        "document_index": 0,
        "document_title": None,
        "start_block_index": 1,
        "end_block_index": 2,
    }


def test_a_search_result_is_cited_by_its_source(bedrock):
    def result(source, text):
        content = [{"type": "text", "text": text}]
        about = {"type": "search_result", "source": source, "title": "T", "content": content}
        return {**about, "citations": {"enabled": True}}

    results = [
        result("https://a.test", "Tin melts early."),
        result("https://b.test", "Gold lasts."),
    ]
    ((_, citation),) = cited(invoked(bedrock, "Which metal lasts? Gold?", *results))
    assert citation == {
        "type": "search_result_location",
        "cited_text": "Gold lasts.",
        "source": "https://b.test",
        "title": "T",
        "search_result_index": 1,
        "start_block_index": 0,
        "end_block_index": 1,
    }


@given(text=st.text(max_size=300), question=st.text(max_size=60))
@settings(max_examples=200)
def test_whatever_is_cited_of_a_text_stands_there(text, question):
    source = Source(0, "text", None, (text,), cite=True, last=True)
    for piece in citing.answer(question, [source]):
        if isinstance(piece, CitedText):
            (citation,) = piece.citations
            start, end = citation["start_char_index"], citation["end_char_index"]
            assert text[start:end] == citation["cited_text"] == citation["cited_text"].strip()
            assert citation["cited_text"]


def test_a_summary_begins_with_the_first_sentences():
    source = Source(0, "text", None, ("First. Second. Third.",), cite=True)
    pieces = citing.answer("Summarize it in 2 sentences.", [source])
    assert [p.text for p in pieces if isinstance(p, CitedText)] == ["First.", "Second."]


# Converse's text mode ────────────────────────────────────────────────────────────────────────────


def test_without_citations_converse_charges_the_text_only(bedrock):
    visual = conversed(bedrock, ASKED[2][0], document())["usage"]["inputTokens"]
    reply = conversed(bedrock, ASKED[2][0], document(cite=False))
    # Anthropic, "PDF support": about 7,000 tokens for 3 pages, about 1,000 in text mode.
    assert 6000 < visual < 8000
    assert reply["usage"]["inputTokens"] < visual / 7
    assert ASKED[2][2] in texts(reply)


@pytest.mark.parametrize("cite", [True, False])
def test_count_tokens_counts_what_converse_charges(bedrock, cite):
    messages = [{"role": "user", "content": [document(cite=cite), {"text": "Read it."}]}]
    counted = bedrock.count_tokens(modelId=COUNTED, input={"converse": {"messages": messages}})
    reply = bedrock.converse(modelId=f"us.{COUNTED}", messages=messages)
    assert counted["inputTokens"] == reply["usage"]["inputTokens"]


def archived(**parts):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml"), text)
    return out.getvalue()


W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
X = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
DOCX = archived(
    word__document_xml=f"<w:document {W}><w:body><w:p><w:r><w:t>The ferry leaves </w:t></w:r>"
    "<w:r><w:t>at noon.</w:t></w:r></w:p><w:p><w:r><w:t>Bring &amp; share.</w:t></w:r></w:p>"
    "</w:body></w:document>"
)
XLSX = archived(
    xl__workbook_xml=f'<workbook {X}><sheets><sheet name="Fares"/></sheets></workbook>',
    xl__sharedStrings_xml=f"<sst {X}><si><t>ferry</t></si><si><r><t>no</t></r><r><t>on</t></r></si>"
    "</sst>",
    xl__worksheets__sheet1_xml=f'<worksheet {X}><sheetData><row><c t="s"><v>0</v></c><c t="s">'
    '<v>1</v></c><c><v>12.5</v></c></row><row><c t="inlineStr"><is><t>boat</t></is></c></row>'
    "</sheetData></worksheet>",
)
HTML = b"""<html><head><title>T</title></head><body><h1>Ferry &amp; boat</h1>
<script>document.write("<p>hidden</p>")</script><p>It leaves
<b>at</b> noon."""
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512)


@pytest.mark.parametrize(
    ("format_", "data", "text"),
    [
        ("txt", b"The ferry leaves at noon.", "The ferry leaves at noon."),
        ("txt", "At noon: café".encode("utf-16"), "At noon: café"),
        ("txt", "At noon: café".encode("cp1252"), "At noon: café"),
        ("md", b"# Ferry\r\n\r\nIt leaves *at noon*.", "# Ferry\n\nIt leaves *at noon*."),
        ("csv", b"what,when\nferry,noon\n", "what,when\nferry,noon"),
        ("html", HTML, "Ferry & boat\n\nIt leaves at noon."),
        ("docx", DOCX, "The ferry leaves at noon.\nBring & share."),
        ("xlsx", XLSX, "ferry,noon,12.5\nboat"),
        ("doc", OLE + b"The ferry leaves.\x00\x01" + "At noon.".encode("utf-16-le"),
         "The ferry leaves.\nAt noon."),
        ("xls", OLE + b"ferry fares", "ferry fares"),
    ],
)  # fmt: skip
def test_the_text_of_each_format_is_found(format_, data, text):
    assert formats.read(data, format_) == text


@pytest.mark.parametrize(("format_", "data"), [("docx", DOCX), ("xlsx", XLSX)])
def test_converse_answers_from_an_office_file(bedrock, format_, data):
    said = texts(
        conversed(bedrock, "When does the ferry go?", document(data, format=format_, cite=False))
    )
    assert "noon" in said


@pytest.mark.parametrize("format_", ["docx", "xlsx", "doc", "xls", "md", "csv"])
def test_bytes_of_another_format_are_refused(bedrock, format_):
    wrong = document(b"\0\1no such thing", format=format_, cite=False)
    assert refused(conversed, bedrock, "Read it.", wrong) == (
        f"{THE_MODEL_SAYS}messages.0.content.0.source.bytes: The document source bytes could not "
        "be parsed as the specified format. If using a text-based format, try source.text instead "
        "of source.bytes."
    )


def test_an_archive_that_would_fill_the_memory_is_read_up_to_a_bound():
    body = "<w:p><w:r><w:t>" + "a" * 1_000_000 + "</w:t></w:r></w:p>"
    bomb = archived(word__document_xml=f"<w:document {W}>{body * 80}</w:document>")
    assert len(bomb) < 1_000_000
    assert len(formats.read(bomb, "docx")) <= formats.CHARACTERS


def test_a_cell_that_is_said_again_and_again_is_read_up_to_a_bound():
    cell = '<c t="s"><v>0</v></c>'
    bomb = archived(
        xl__workbook_xml=f'<workbook {X}><sheets><sheet name="S"/></sheets></workbook>',
        xl__sharedStrings_xml=f"<sst {X}><si><t>{'a' * 1_000_000}</t></si></sst>",
        xl__worksheets__sheet1_xml=f"<worksheet {X}><row>{cell * 400_000}</row></worksheet>",
    )
    assert len(formats.read(bomb, "xlsx")) <= formats.CHARACTERS


def test_an_archive_of_very_many_files_is_not_opened():
    with pytest.raises(formats.UnparsableError):
        formats.read(DOCX + b"PK\x01\x02" * 20_000, "docx")


def test_entities_of_an_office_file_are_not_expanded():
    entities = '<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
    bomb = archived(word__document_xml=f"{entities}<w:document {W}>&b;</w:document>")
    with pytest.raises(formats.UnparsableError):
        formats.read(bomb, "docx")


@given(st.sampled_from(["html", "docx", "xlsx", "doc", "xls", "txt"]), st.binary(max_size=400))
@settings(max_examples=200)
def test_whatever_the_bytes_are_they_are_read_or_told_apart(format_, data):
    for given_ in (data, OLE + data, DOCX[:100] + data, DOCX[:-40] + data):
        with suppress(formats.UnparsableError):
            assert isinstance(formats.read(given_, format_), str)


def test_a_document_becomes_one_text_in_its_place():
    block = {**pdf_block(b"", cite=False), "context": "Old."}
    block["source"] = {"type": "text", "media_type": "text/plain", "data": "Grass is green."}
    kept = pdf_block()
    asked = {"messages": [{"role": "user", "content": [block, kept]}]}
    before = json.dumps(asked)
    content = text_mode.inline(asked)["messages"][0]["content"]
    assert content[0]["type"] == "text"
    assert content[1] == kept
    assert json.dumps(asked) == before
    (source,) = documents.read({"messages": [{"role": "user", "content": content[:1]}]})
    assert (source.title, source.text, source.cite) == ("Rock.txt", "Grass is green.", False)


# Refusals ────────────────────────────────────────────────────────────────────────────────────────

LOCKED = made("Secret.", encrypt=StandardEncryption("user", ownerPassword="owner"))
INVOKE_PLACE = "messages.0.content.0.pdf.source.base64.data: "
CONVERSE_PLACE = f"{THE_MODEL_SAYS}messages.0.content.0.image.source.bytes: "


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"no such thing", "The PDF specified was not valid."),
        (b"%PDF-1.7\nno page", "The PDF specified was not valid."),
        (LOCKED, "The PDF specified is password protected."),
    ],
)
def test_a_bad_pdf_is_refused(bedrock, data, said):
    assert refused(invoked, bedrock, "Read it.", pdf_block(data)) == INVOKE_PLACE + said
    for cite in (True, False):
        block = document(data, cite=cite)
        assert refused(conversed, bedrock, "Read it.", block) == CONVERSE_PLACE + said


def test_a_pdf_that_was_cut_off_cannot_be_processed(bedrock):
    cut = made(*PAGES * 20)[:9000]
    assert refused(invoked, bedrock, "Read it.", pdf_block(cut)) == "Could not process PDF"
    said = refused(conversed, bedrock, "Read it.", document(cut))
    assert said == f"{THE_MODEL_SAYS}Could not process PDF"
    said = refused(conversed, bedrock, "Read it.", document(cut, cite=False))
    assert said == f"{CONVERSE_PLACE}The PDF specified was not valid."


def test_more_than_100_pages_are_refused(bedrock):
    long = made(*["A page."] * 60), made(*["A page."] * 41)
    said = "A maximum of 100 PDF pages may be provided."
    blocks = [pdf_block(data) for data in long]
    assert refused(invoked, bedrock, "Read it.", *blocks) == said
    blocks = [document(data, name=f"Part {at}") for at, data in enumerate(long)]
    assert refused(conversed, bedrock, "Read it.", *blocks) == THE_MODEL_SAYS + said


def test_the_pages_of_a_pdf_in_text_mode_are_not_limited(bedrock):
    long = made(*[f"This is sheet {at}." for at in range(101)])
    assert "sheet 77." in texts(conversed(bedrock, "Sheet 77?", document(long, cite=False)))


# Reading ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_pdf_that_lies_about_its_pages_is_read_by_those_that_it_has():
    lie = PDF.replace(b"/Count 3", b"/Count 999999")
    assert lie != PDF
    (source,) = documents.read({"messages": [{"role": "user", "content": [pdf_block(lie)]}]})
    assert len(source.parts) <= 3


def test_documents_in_tool_results_are_read_in_their_place():
    result = {"type": "tool_result", "tool_use_id": "t", "content": [pdf_block(), pdf_block()]}
    turns = [
        {"role": "user", "content": [pdf_block(cite=False)]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "n"}]},
        {"role": "user", "content": [result]},
    ]
    found = documents.read({"messages": turns})
    assert [(one.index, one.cite, one.last) for one in found] == [
        (0, False, False),
        (1, True, True),
        (2, True, True),
    ]


@given(
    st.recursive(
        st.none() | st.text() | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(
            st.sampled_from(["type", "content", "source", "data", "text", "title", "citations"]),
            inner | st.sampled_from(["document", "tool_result", "search_result", "text", "base64"]),
        ),
    )
)  # fmt: skip
def test_whatever_a_message_holds_it_is_read(content):
    asked = {"messages": [{"role": "user", "content": content}, content]}
    for source in documents.read(asked):
        assert isinstance(source.text, str)
    assert documents.as_text(asked, documents.read(asked)) is not asked


def test_a_small_model_reads_the_text_of_a_pdf():
    asked = {"messages": [{"role": "user", "content": [pdf_block(cite=False)]}]}
    (turn,) = chat.read(documents.as_text(asked, documents.read(asked)))[1:]
    assert one_line(turn["content"]) == one_line(" ".join(PAGES))


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_without_pypdfium2_only_the_pages_are_counted(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    pdfium.is_installed.__globals__["_pdfium"].cache_clear()
    try:
        with caplog.at_level(logging.WARNING):
            block = pdf_block()
            asked = {"messages": [{"role": "user", "content": [block]}], "max_tokens": 99}
            sources = documents.read(asked)
            documents.read(asked)
            content = conversed_content(document(cite=False))
        answer = [piece async for piece in Parrot().answer(Ask(asked, "m", sources=sources))]
    finally:
        pdfium.is_installed.__globals__["_pdfium"].cache_clear()
    assert sources[0].parts == ("", "", "")
    assert caplog.text.count("pip install 'outcrop[pdf]'") == 1
    assert f"A PDF of 3 pages, {len(PDF):,} bytes." in content
    assert all(isinstance(piece, Text) for piece in answer)
    assert "a PDF “Rock” of 3 pages" in "".join(piece.text for piece in answer)


def conversed_content(block):
    """What Bedrock makes of a document without citations."""
    source = {"type": "base64", "media_type": "application/pdf"}
    source["data"] = base64.b64encode(block["document"]["source"]["bytes"]).decode()
    given_ = {"type": "document", "title": "Rock", "source": source}
    read = text_mode.inline({"messages": [{"role": "user", "content": [given_]}]})
    return read["messages"][0]["content"][0]["text"]


def test_a_document_that_stands_as_text_is_told_in_linear_time():
    from outcrop.server import documents

    tags = "</document_context><document_content>" * 200_000  # minutes, if each were tried
    text = f'<document index="1"><document_context>{tags}'
    assert not documents.is_inlined({"type": "text", "text": text})
    whole = f"{text}\n</document_content>\n</document>"
    assert documents.is_inlined({"type": "text", "text": whole})
