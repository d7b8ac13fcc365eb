"""What the preflight tells of PDFs; reportlab and a small writer make them, PDFium judges."""

from __future__ import annotations

import io
import tracemalloc
import zlib

import pypdfium2
import pytest
from hypothesis import given, strategies as st
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen import canvas

from outcrop.messages import pdf
from outcrop.messages.media import pdf_pages
from outcrop.messages.pdf import preflight


def made(pages=3, *, encrypt=None, version=(1, 4)):
    file = io.BytesIO()
    writer = canvas.Canvas(file, encrypt=encrypt, pdfVersion=version)
    for number in range(pages):
        writer.drawString(72, 700, f"This is page {number + 1}.")
        writer.showPage()
    writer.save()
    return file.getvalue()


def packed(pages=3, *, first=10, per_stream=100, declare_encrypted=False, redundant=b""):
    """A PDF 1.5 whose page objects stand in object streams (ISO 32000-1, 7.5.7 and 7.5.8)."""
    out = bytearray(b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n")
    rows: dict[int, tuple[int, int, int]] = {0: (0, 0, 65535)}
    kids = range(first, first + pages)
    objects = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: b"<</Type/Pages/Count %d/Kids[%s]>>" % (pages, b" ".join(b"%d 0 R" % k for k in kids)),
        **dict.fromkeys(kids, b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]>>"),
    }
    numbers = list(objects)
    holder = first + pages
    for start in range(0, len(numbers), per_stream):
        inside = numbers[start : start + per_stream]
        table, body = b"", b""
        for place, number in enumerate(inside):
            rows[number] = (2, holder, place)
            table += b"%d %d " % (number, len(body))
            body += objects[number] + b" "
        data = zlib.compress(table + body)
        rows[holder] = (1, len(out), 0)
        head = b"<</Type/ObjStm/N %d/First %d/Length %d/Filter/FlateDecode>>"
        out += b"%d 0 obj\n" % holder + head % (len(inside), len(table), len(data))
        out += b"\nstream\r\n" + data + b"\nendstream\nendobj\n"
        holder += 1
    out += redundant
    where = len(out)
    rows[holder] = (1, where, 0)
    table = b"".join(
        bytes([kind]) + a.to_bytes(4, "big") + b.to_bytes(2, "big")
        for kind, a, b in (rows.get(number, (0, 0, 0)) for number in range(holder + 1))
    )
    data = zlib.compress(table)
    more = b"/Encrypt 7 0 R" if declare_encrypted else b""
    out += b"%d 0 obj\n<</Type/XRef/W[1 4 2]/Size %d/Root 1 0 R%s" % (holder, holder + 1, more)
    out += b"/Length %d/Filter/FlateDecode>>\nstream\n" % len(data) + data
    out += b"\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % where
    return bytes(out)


def updated(data, number):
    """An incremental update that writes one page object anew."""
    where = len(data) + 1
    body = b"%d 0 obj\n<</Type/Page/Parent 1 0 R/Rotate 90>>\nendobj\n" % number
    xref = b"xref\n%d 1\n%010d 00000 n \ntrailer\n<</Size 99>>\n" % (number, where)
    return data + b"\n" + body + xref + b"startxref\n%d\n%%%%EOF\n" % (where + len(body))


def judged(data, password=None):
    with pypdfium2.PdfDocument(data, password=password) as document:
        return len(document)


@pytest.mark.parametrize("pages", [1, 3, 100, 601])
@pytest.mark.parametrize("make", [made, packed])
def test_pages_are_those_that_pdfium_finds(make, pages):
    data = make(pages)
    found = preflight(data)
    assert found.pages == judged(data) == pages
    assert (found.is_pdf, found.encrypted, found.complete) == (True, False, True)
    assert (found.capped, found.size) == (False, len(data))


@pytest.mark.parametrize(("version", "text"), [((1, 4), "1.4"), ((1, 7), "1.7")])
def test_the_version_is_that_of_the_header(version, text):
    assert preflight(made(version=version)).version == text
    assert preflight(packed()).version == "1.5"
    assert preflight(b"%PDF-\n%%EOF").version == ""


@pytest.mark.parametrize("per_stream", [1, 2, 7])
def test_pages_may_be_spread_over_many_object_streams(per_stream):
    data = packed(23, per_stream=per_stream)
    assert preflight(data).pages == judged(data) == 23


def test_a_password_is_seen():
    for key in ("for readers", StandardEncryption("for readers", ownerPassword="for owners")):
        data = made(encrypt=key)
        with pytest.raises(pypdfium2.PdfiumError):
            judged(data)
        assert judged(data, "for readers") == 3
        assert preflight(data).encrypted
        assert preflight(data).pages == 3


@pytest.mark.parametrize("strength", [40, 128])
def test_encryption_is_seen_where_no_password_is_needed(strength):
    data = made(encrypt=StandardEncryption("", ownerPassword="for owners", strength=strength))
    assert judged(data) == 3
    assert preflight(data).encrypted


def test_encryption_is_seen_in_a_cross_reference_stream():
    assert preflight(packed(declare_encrypted=True)).encrypted
    assert not preflight(packed()).encrypted
    assert not preflight(made().replace(b"/Root", b"/EncryptMetadata false/Root")).encrypted


def test_what_was_cut_off_is_not_complete():
    data = made(40)
    for part in (data[: len(data) // 2], data[:-6]):
        found = preflight(part)
        assert found.is_pdf
        assert not found.complete
    assert preflight(data[: len(data) // 2]).pages > 0


@pytest.mark.parametrize("tail", [b"", b"\n", b"\0" * 100_000, b"\r\n" * 2000, b"x" * 1000])
def test_blanks_and_a_little_junk_may_follow_the_end(tail):
    assert preflight(made() + tail).complete
    assert judged(made() + tail) == 3


def test_junk_may_come_before_the_header():
    data = b"HTTP/1.1 200 OK\r\n\r\n" + made()
    assert preflight(data).pages == judged(data) == 3
    assert preflight(b"\n" * 1019 + made()).is_pdf
    assert not preflight(b"\n" * 1024 + made()).is_pdf


def test_a_count_is_not_believed():
    data = made().replace(b"/Count 3", b"/Count 999999")
    assert judged(data) == 999_999
    assert preflight(data).pages == 3


@pytest.mark.parametrize(
    "data", [b"", b"%PDF", b"PK\x03\x04", b"<html>%pdf-1.4</html>", b"\0" * 9999]
)
def test_what_is_no_pdf_is_none(data):
    found = preflight(data)
    assert (found.version, found.is_pdf, found.pages, found.size) == (None, False, 0, len(data))
    assert pdf_pages(data) == 1


def test_a_page_that_an_update_wrote_anew_counts_once():
    data = made()
    page = int(data[: data.index(b"/Type /Page\n")].rsplit(b" 0 obj", 1)[0].rsplit(b"\n", 1)[1])
    assert preflight(updated(data, page)).pages == 3
    assert preflight(updated(packed(first=10), 11)).pages == 3


def test_names_that_only_begin_like_it_are_no_pages():
    others = b"<</Type/Pages>><</Type/PageLabel>><</Type/Page.x>><</Type /Page#20>><</Types/Page>>"
    assert preflight(b"%PDF-1.7\n" + others).pages == 0
    assert preflight(b"%PDF-1.7\n<</Type\r\n\t/Page/Parent 1 0 R>>").pages == 1


def stream_of(data, first=8):
    head = b"5 0 obj<</Type/ObjStm/N 1/First %d/Filter/FlateDecode>>stream\n" % first
    return head + data + b"\nendstream endobj\n"


def test_a_bomb_takes_no_more_memory_than_the_limit_allows():
    bomb = stream_of(zlib.compress(bytes(200_000_000), 9))
    data = b"%PDF-1.7\n" + bomb * 20 + b"%%EOF"
    assert len(data) < 5_000_000
    tracemalloc.start()
    try:
        found = preflight(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.capped
    assert peak < 2 * pdf.MOST_INFLATED


def test_a_table_of_a_million_objects_takes_no_more_memory_either():
    body = b"1 0 " * 2_000_000 + b"<</Type/Page>>"
    data = b"%PDF-1.7\n" + stream_of(zlib.compress(body, 9), first=8_000_000) + b"%%EOF"
    tracemalloc.start()
    try:
        preflight(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * pdf.MOST_INFLATED


@pytest.mark.parametrize(
    "data",
    [
        b"/Type/ObjStm " * 20_000,
        stream_of(zlib.compress(b"")) * 20_000,
        stream_of(b"no deflate") * 20_000,
        stream_of(b"\x78\x9c" + b"\0\0\0\xff\xff" * 2_000_000),
    ],
)
def test_counting_stops_when_it_has_gone_through_enough(data):
    assert preflight(b"%PDF-1.7\n" + data).capped


def test_more_pages_than_anybody_counts_are_said_to_be_more():
    objects = b"".join(b"%d 0 obj/Type/Page " % number for number in range(pdf.MOST_PAGES + 5))
    found = preflight(b"%PDF-1.7\n" + objects)
    assert (found.pages, found.capped) == (pdf.MOST_PAGES, True)


PIECES = st.sampled_from(
    [
        b"/Type/Page",
        b"/Type /ObjStm /First 4",
        b"/Encrypt 5 0 R",
        b"1 0 obj",
        b"99999999999999999999 0 obj",
        b">>stream\n",
        zlib.compress(b"1 0 2 9 <</Type/Page>>"),
        b"%%EOF",
        b"/First 999999999",
    ]
)


@given(st.lists(PIECES | st.binary(max_size=20)))
def test_no_data_makes_it_raise(pieces):
    data = b"%PDF-1.7\n" + b"".join(pieces)
    found = preflight(data)
    assert found.size == len(data)
    assert found.pages <= data.count(b"/Page") + 20 * data.count(b"/ObjStm")
    assert pdf_pages(data) >= 1


@given(st.integers(0, 3000), st.binary(min_size=1, max_size=3))
def test_no_damage_makes_it_raise(at, damage):
    data = packed(5)
    at %= len(data)
    for broken in (data[:at], data[:at] + damage + data[at + len(damage) :]):
        assert 0 <= preflight(broken).pages <= 6
