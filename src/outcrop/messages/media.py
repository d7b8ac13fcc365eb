"""What the first bytes of an image tell, and how many pages a PDF is charged for.

Rules: nothing here raises on damaged data, and nothing reads more than it is given.

Sources: the PNG specification (W3C, "IHDR"), GIF89a, RFC 9649 (WebP), ITU-T T.81 annex B (JPEG).
"""

from __future__ import annotations

from typing import Final

from outcrop.messages.pdf import count_pages

_BYTES_PER_PAGE: Final = 100_000  # ours, for PDFs whose page objects can't be seen


def pdf_pages(data: bytes) -> int:
    """About how many pages a PDF has, at least 1: its page objects, or else by its size."""
    return count_pages(data)[0] or 1 + len(data) // _BYTES_PER_PAGE


def image_type(head: bytes) -> str | None:
    """The media type of an image, from the beginning of its file; None if it is none of Claude's.

    Those are PNG, JPEG, GIF and WebP.
    """
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return "image/png"
    if head[:3] == b"\xff\xd8\xff":
        return "image/jpeg"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "image/gif"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return None


def image_size(head: bytes) -> tuple[int, int] | None:
    """Width and height in pixels, from the beginning of a PNG, JPEG, GIF or WebP file.

    None if it is none of these, or if what is given ends before the size.
    """
    size: tuple[int, int] | None = None
    if head[:8] == b"\x89PNG\r\n\x1a\n" and len(head) >= 24:
        size = _big(head[16:20]), _big(head[20:24])
    elif head[:6] in (b"GIF87a", b"GIF89a") and len(head) >= 10:
        size = _little(head[6:8]), _little(head[8:10])
    elif head[:4] == b"RIFF" and head[8:12] == b"WEBP" and len(head) >= 30:
        size = _webp_size(head)
    elif head[:2] == b"\xff\xd8":
        size = _jpeg_size(head)
    return size if size and min(size) > 0 else None


def _webp_size(head: bytes) -> tuple[int, int] | None:
    """RFC 9649: a lossy frame, a lossless one, or the extended header."""
    match head[12:16]:
        case b"VP8 ":
            return _little(head[26:28]) & 0x3FFF, _little(head[28:30]) & 0x3FFF
        case b"VP8L":
            bits = _little(head[21:25])
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8X":
            return 1 + _little(head[24:27]), 1 + _little(head[27:30])
        case _:
            return None


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    """ITU-T T.81, annex B: segments up to the start of a frame (SOF)."""
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker = head[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return _big(head[at + 7 : at + 9]), _big(head[at + 5 : at + 7])
        at += 2 + max(2, _big(head[at + 2 : at + 4]))
    return None


def _big(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")
