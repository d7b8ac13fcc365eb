"""Signatures of thinking, and sealed thinking, as the local Bedrock makes and verifies them.

Rules: a signature holds the thinking that it signs, as Claude's do, so that a block whose text was
omitted can still be told from a forged one; sealing the same text gives the same signature. The key
is a constant and no secret: a conversation that a test suite has kept is good after a restart and
on every machine; whoever wants to forge thinking of a stand-in may.

The bytes: tag 0x12 and length (as protobuf writes field 2), the code of 32 bytes, the text
encrypted, and 0x18 0x01; the code is an HMAC-SHA-256 of kind and text, and starts the key stream
(SHAKE-256), as in SIV modes of encryption (RFC 5297). Claude's are of that outer form, inside
they're unknown.

Sources: Anthropic, "Thinking" ("preserving thinking blocks") and "Troubleshooting thinking", for
what is refused and in which words; others as publicly reported, uncertain ones marked (?).
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from typing import Any, Final, Literal, cast

from outcrop.errors import ValidationException

Document = dict[str, Any]
Kind = Literal["thinking", "redacted_thinking"]

_KEY: Final = b"outcrop local bedrock: thinking of a stand-in"
_CODE: Final = 32  # bytes
_FIELD: Final = b"\x12"
_END: Final = b"\x18\x01"


def sign(text: str) -> str:
    """The signature of some thinking."""
    return seal("thinking", text)


def redact(text: str) -> str:
    """Thinking as the `data` of a `redacted_thinking` block."""
    return seal("redacted_thinking", text)


def seal(kind: Kind, text: str) -> str:
    """A text encrypted and authenticated, as base64; what is of one kind isn't of the other."""
    plain = text.encode("utf-8", "surrogatepass")
    code = _authenticate(kind, plain)
    inner = code + _encrypt(code, plain)
    return b64encode(_FIELD + _length(len(inner)) + inner + _END).decode("ascii")


def unseal(kind: Kind, sealed: str) -> str | None:
    """The text that was sealed; None if it wasn't sealed here, or has been altered."""
    try:
        data = b64decode(sealed, validate=True)
    except (Base64Error, ValueError):
        return None
    start = len(_FIELD) + 1
    while start < len(data) and data[start - 1] & 0x80:  # the length's further bytes
        start += 1
    inner = data[start : -len(_END)]
    plain = _encrypt(inner[:_CODE], inner[_CODE:])
    try:
        text = plain.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None
    # What was sealed here is sealed again to the same, frame and all.
    return text if hmac.compare_digest(seal(kind, text).encode(), sealed.encode()) else None


def check(document: Document) -> None:
    """Nothing, if all thinking in a conversation was made here and is as it was made.

    That holds for every turn, and whether the request wants thinking or not (?).

    Args:
        document: A Messages request whose conversation is in order.

    Raises:
        ValidationException: A block is foreign or altered.
    """
    messages = cast("list[Document]", document["messages"])
    said = [at for at, message in enumerate(messages) if message["role"] == "assistant"]
    for at in said:
        content = messages[at]["content"]
        if isinstance(content, str):
            continue
        for number, block in enumerate(cast("list[Document]", content)):
            path = f"messages.{at}.content.{number}"
            if block["type"] == "thinking":
                _check_thinking(path, block, latest=at == said[-1])
            elif (
                block["type"] == "redacted_thinking"
                and unseal("redacted_thinking", block["data"]) is None
            ):
                raise ValidationException(f"{path}: Invalid `data` in `redacted_thinking` block")


def _check_thinking(path: str, block: Document, *, latest: bool) -> None:
    text: str = block["thinking"]
    if not text and not block["signature"]:
        raise ValidationException(f"{path}.thinking: each thinking block must contain thinking")
    signed = unseal("thinking", block["signature"])
    # Text that was omitted comes back empty.
    if signed is not None and text in ("", signed):
        return
    if signed is not None and latest:
        raise ValidationException(
            f"{path}: `thinking` or `redacted_thinking` blocks in the latest assistant message "
            "cannot be modified. These blocks must remain as they were in the original response."
        )
    # Of altered text in an earlier message the words aren't known (?).
    raise ValidationException(f"{path}: Invalid `signature` in `thinking` block")


def _authenticate(kind: Kind, plain: bytes) -> bytes:
    return hmac.digest(_KEY, kind.encode() + b"\0" + plain, "sha256")


def _encrypt(code: bytes, text: bytes) -> bytes:
    """The text with the key stream of a code laid over it; done twice, it is the text again."""
    stream = hashlib.shake_256(_KEY + code).digest(len(text))
    mixed = int.from_bytes(text, "big") ^ int.from_bytes(stream, "big")
    return mixed.to_bytes(len(text), "big")


def _length(size: int) -> bytes:
    """A length as protobuf writes numbers: seven bits a byte, the lowest first."""
    written = bytearray()
    while size > 0x7F:
        written.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([*written, size])
