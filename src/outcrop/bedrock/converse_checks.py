"""What Converse refuses by itself, before the model is asked, in its words.

Rules: shapes have been checked before (types, lengths, patterns, as botocore has them); the first
fault is the one that is told; what the model refuses is in `checks` and `conversation`.

Sources: refusals of Converse as publicly reported; botocore
`bedrock-runtime/2023-09-30/service-2.json` (documentation of `Message`, `DocumentBlock`). Texts
that no report shows are marked (?).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from outcrop.bedrock import sources
from outcrop.bedrock.attachments import CONVERSE_DOCUMENTS
from outcrop.bedrock.names import is_safe
from outcrop.errors import ValidationException

if TYPE_CHECKING:
    from collections.abc import Iterator

Document = dict[str, Any]

#: The formats that Claude can cite from, through Converse.
CITED_FORMATS: Final = ("pdf", "txt")

#: Reported for cache points of which Bedrock can make no `cache_control`; that those without a
#: block of their own are among them is reported for the first of a message only (?).
_UNPLACED: Final = "The model returned the following errors: {path}.type: Field required"
_NOT_UTF8: Final = (
    "The bytes at {path}.source.bytes aren't text in UTF-8, and citations from a txt document are "
    "places in its text. Send the text in UTF-8, or leave citations out."  # (?)
)
_NAME: Final = (
    "The document file name can only contain alphanumeric characters, whitespace characters, "
    "hyphens, parentheses, and square brackets. The name can't contain more than one consecutive "
    "whitespace character. Check that the file name conforms to these restrictions and retry your "
    "request."
)


def check(given: Document) -> None:
    """Nothing, if Converse hands a request on to the model.

    Args:
        given: The fields of a Converse request.

    Raises:
        ValidationException: Converse refuses it.
    """
    messages: list[Document] = given.get("messages") or []
    if messages and messages[0]["role"] == "assistant":
        raise ValidationException(
            "A conversation must start with a user message. Try again with a conversation that "
            "starts with a user message."
        )
    for at, message in enumerate(messages):
        _check_message(f"messages.{at}", message)
    for at, part in enumerate(given.get("system") or []):
        if "text" in part and not part["text"].strip():
            raise ValidationException(_blank("SystemContentBlock", f"system.{at}"))  # (?)
    _check_documents(messages)
    _check_tools(messages, configured=bool(given.get("toolConfig")))
    _check_cache_points(given)
    paths: list[str] = given.get("additionalModelResponseFieldPaths") or []
    for path in paths:
        if not path.startswith("/"):
            raise ValidationException(
                f"The additionalModelResponseFieldPaths entry {path} isn't a valid JSON Pointer."
            )  # (?)


def _blank(kind: str, path: str) -> str:
    return (
        f"The text field in the {kind} object at {path} is blank. Add text to the text field, and "
        "try again."
    )


def _check_message(path: str, message: Document) -> None:
    content: list[Document] = message["content"]
    if not content:
        raise ValidationException(
            f"The content field in the Message object at {path} is empty. Add a ContentBlock "
            "object to the content field and try again."
        )
    for at, block in enumerate(content):
        if "text" in block and not block["text"].strip():
            raise ValidationException(_blank("ContentBlock", f"{path}.content.{at}"))


def _documents(path: str, content: list[Document]) -> Iterator[tuple[str, Document]]:
    for at, block in enumerate(content):
        here = f"{path}.content.{at}"
        if "document" in block:
            yield f"{here}.document", block["document"]
        elif "toolResult" in block:
            yield from _documents(f"{here}.toolResult", block["toolResult"]["content"])


def _check_documents(messages: list[Document]) -> None:
    names: set[str] = set()
    count = 0
    for at, message in enumerate(messages):
        found = list(_documents(f"messages.{at}", message["content"]))
        for path, document in found:
            count += 1
            _check_document(path, document)
            if document["name"] in names:
                raise ValidationException(
                    "Messages can't contain duplicate document names. Rename the document and "
                    "retry your request."
                )
            names.add(document["name"])
        said = any("text" in block or "toolResult" in block for block in message["content"])
        if found and not said:
            raise ValidationException(
                "A text block must be included when using documents. Add a text block and retry "
                "your request."
            )
    if count > CONVERSE_DOCUMENTS.most:
        raise ValidationException(
            f"You can't include more than {CONVERSE_DOCUMENTS.most} documents in a request."
        )


def _check_document(path: str, document: Document) -> None:
    if not is_safe(document["name"]):
        raise ValidationException(_NAME)
    if "text" in document["source"]:
        raise ValidationException(
            f"DocumentSource object at {path}.source must set one of the following keys: bytes, "
            "s3Location."
        )
    citations: Document = document.get("citations") or {}
    cited = citations.get("enabled")
    if cited and "bytes" in document["source"] and document.get("format") not in CITED_FORMATS:
        raise ValidationException(
            "Unsupported document format. Only txt and pdf formats are supported when citations "
            "are enabled"
        )
    data = document["source"].get("bytes")
    if cited and data and document.get("format") == "txt" and sources.decode(data) is None:
        raise ValidationException(_NOT_UTF8.format(path=path))


def _check_cache_points(given: Document) -> None:
    """Each cache point comes right after what it is for."""
    config: Document = given.get("toolConfig") or {}
    _check_places("tools", config.get("tools") or [])
    _check_places("system", given.get("system") or [])
    for at, message in enumerate(given.get("messages") or []):
        _check_places(f"messages.{at}.content", message["content"])


def _check_places(path: str, content: list[Document]) -> None:
    taken = True
    for at, block in enumerate(content):
        if "cachePoint" in block and taken:
            raise ValidationException(_UNPLACED.format(path=f"{path}.{at}"))
        taken = "cachePoint" in block


def _check_tools(messages: list[Document], *, configured: bool) -> None:
    called: list[str] = []
    for at, message in enumerate(messages):
        if message["role"] == "system":
            continue
        content: list[Document] = message["content"]
        uses = [block["toolUse"]["toolUseId"] for block in content if "toolUse" in block]
        results = [block["toolResult"]["toolUseId"] for block in content if "toolResult" in block]
        if (uses or results) and not configured:
            raise ValidationException(
                "The toolConfig field must be defined when using toolUse and toolResult content "
                "blocks."
            )
        answered = set(results)
        if missing := [one for one in called if one not in answered]:
            raise ValidationException(
                f"Expected toolResult blocks at messages.{at}.content for the following Ids: "
                f"{', '.join(missing)}"
            )
        if len(results) > len(called):
            raise ValidationException(
                f"The number of toolResult blocks at messages.{at}.content exceeds the number of "
                "toolUse blocks of previous turn."
            )
        called = uses
