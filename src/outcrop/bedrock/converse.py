"""Requests of Converse: a Messages request in AWS's own shapes, and back.

Content is in `blocks`, replies are in `converse_reply`, streams in `converse_stream`, and what
Converse refuses by itself in `converse_checks`.

Rules: what Converse has no field for goes into `additionalModelRequestFields`, which Bedrock merges
into what the model reads; Converse's own top-level fields may stand in a Messages request as they
are (`guardrailConfig`, `requestMetadata`, …). What nobody knows comes through.

Source: botocore `bedrock-runtime/2023-09-30/service-2.json` (`ConverseRequest`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from outcrop.bedrock import blocks
from outcrop.bedrock.given import fields, items
from outcrop.bedrock.invoke import dump, with_betas
from outcrop.bedrock.mapping import BEDROCK_FIELDS, HEADERS, INFERENCE, TOOL, TOOL_CHOICES
from outcrop.bedrock.names import Names
from outcrop.errors import RequestError, ValidationException

if TYPE_CHECKING:
    from collections.abc import Mapping

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Extras:
    """What a Converse request asks of Bedrock rather than of the model.

    Attributes:
        guardrail_config: `guardrailConfig`.
        performance_config: `performanceConfig`, which comes back.
        service_tier: `serviceTier`, which comes back.
        request_metadata: For the invocation log.
        response_field_paths: JSON pointers to what shall come back of the model's own reply.
        prompt_variables: `promptVariables`, for prompts kept at Bedrock.
    """

    guardrail_config: Document | None = None
    performance_config: Document | None = None
    service_tier: Document | None = None
    request_metadata: Document | None = None
    response_field_paths: list[str] = field(default_factory=list[str])
    prompt_variables: Document | None = None


# Asking half ─────────────────────────────────────────────────────────────────────────────────────


def write_ask(document: Mapping[str, Any]) -> bytes:
    """The body that Converse reads, from a Messages request.

    Raises:
        RequestError: For what Converse has no counterpart for, or JSON can't hold.
    """
    return dump(write_fields(document))


def write_fields(document: Mapping[str, Any]) -> Document:
    """The fields of a Converse request, from a Messages request; see `ROWS`.

    Raises:
        RequestError: For what Converse has no counterpart for.
    """
    given = {name: value for name, value in with_betas(document).items() if value is not None}
    body: Document = {name: given.pop(name) for name in BEDROCK_FIELDS if name in given}
    names = Names()
    body["messages"] = [
        _write_message(message, f"messages.{at}", names)
        for at, message in enumerate(items(given.pop("messages", None), "messages"))
    ]
    if system := given.pop("system", None):
        body["system"] = blocks.write_content(system, "system", names)
    inference = {theirs: given.pop(ours) for ours, theirs in INFERENCE.items() if ours in given}
    if inference:
        body["inferenceConfig"] = inference
    if inference.get("stopSequences"):
        paths = items(
            body.get("additionalModelResponseFieldPaths", ()), "additionalModelResponseFieldPaths"
        )
        if STOP_SEQUENCE not in paths:
            if len(paths) >= MOST_PATHS:
                raise RequestError(
                    f"additionalModelResponseFieldPaths has {len(paths)} paths, and Converse takes "
                    f"{MOST_PATHS}: none is left for {STOP_SEQUENCE}, by which it is told which of "
                    "the stop_sequences it was.",
                    mend=f"Have {STOP_SEQUENCE} in place of another, or leave stop_sequences out.",
                )
            body["additionalModelResponseFieldPaths"] = [*paths, STOP_SEQUENCE]
    _write_tools(given, body)
    _write_output_config(given, body)
    if given:
        body["additionalModelRequestFields"] = given
    return body


#: botocore: `additionalModelResponseFieldPaths`.
MOST_PATHS: Final = 10
#: Where a reply of the model's own says which stop sequence ended it.
STOP_SEQUENCE: Final = "/stop_sequence"


def _write_message(given: object, path: str, names: Names) -> Document:
    message = dict(fields(given, path))
    role = message.pop("role", None)
    content = blocks.write_content(
        message.pop("content", None), f"{path}.content", names, cited=role == "assistant"
    )
    written = {"role": role, "content": content}
    for name, value in message.items():
        if value is not None:
            raise RequestError(
                f"{path}.{name}={value!r:.80} has no counterpart in a message of Converse.",
                mend="Leave it out, or use api='invoke'.",
            )
    return written


def _write_tools(given: Document, body: Document) -> None:
    """Moves tools and the choice among them; what Converse can't say stays in `given`."""
    written: list[Document] = []
    others: list[Any] = []
    for at, item in enumerate(items(given.pop("tools", None), "tools")):
        tool = {k: v for k, v in fields(item, f"tools.{at}").items() if v is not None}
        if tool.get("type", "custom") != "custom" or tool.keys() - TOOL.keys() - {
            "type",
            "cache_control",
        }:
            others.append(item)
            continue
        spec = {theirs: tool[ours] for ours, theirs in TOOL.items() if ours in tool}
        if "inputSchema" in spec:
            spec["inputSchema"] = {"json": spec["inputSchema"]}
        if not spec.get("description"):
            spec.pop("description", None)  # Converse takes no empty one
        written.append({"toolSpec": spec})
        if "cache_control" in tool:
            point = blocks.write_cache_point(tool["cache_control"], f"tools.{at}.cache_control")
            written.append(point)
    if others:
        given["tools"] = others
    if not written:
        return
    config: Document = {"tools": written}
    body["toolConfig"] = config
    if "tool_choice" in given:
        choice = dict(fields(given["tool_choice"], "tool_choice"))
        kind = choice.pop("type", None)
        if not choice.get("disable_parallel_tool_use"):
            choice.pop("disable_parallel_tool_use", None)
        if kind in TOOL_CHOICES and choice.keys() <= ({"name"} if kind == "tool" else set()):
            config["toolChoice"] = {kind: choice}
            del given["tool_choice"]


def _write_output_config(given: Document, body: Document) -> None:
    if "output_config" not in given:
        return
    asked = fields(given.pop("output_config"), "output_config")
    config = {name: value for name, value in asked.items() if value is not None}
    written: Document = {}
    format_ = config.get("format")
    if format_ is not None:
        shape = fields(format_, "output_config.format")
        if shape.keys() == {"type", "schema"} and shape["type"] == "json_schema":
            where = "output_config.format.schema"
            schema = dump(fields(shape["schema"], where), path=where).decode()
            structure = {"jsonSchema": {"schema": schema}}
            written["textFormat"] = {"type": "json_schema", "structure": structure}
            del config["format"]
    if "effort" in config:
        written["effort"] = config.pop("effort")
    if written:
        body["outputConfig"] = written
    if config:
        given["output_config"] = config


def write_headers(headers: Mapping[str, str], body: Document) -> dict[str, str]:
    """Moves headers of InvokeModel that are fields of Converse into its body.

    Args:
        headers: Of the call.
        body: Gets the fields; what it has already wins.

    Returns:
        The other headers.

    Raises:
        RequestError: The metadata isn't a JSON object.
    """
    left: dict[str, str] = {}
    for name, value in headers.items():
        place = HEADERS.get(name.lower())
        if place is None:
            left[name] = value
            continue
        outer, inner = place
        if inner is None:
            try:
                body.setdefault(outer, msgspec.json.decode(value, type=Document))
            except msgspec.DecodeError as error:
                raise RequestError(
                    f"The header {name!r} isn't a JSON object.", mend='Write {"key": "value"}.'
                ) from error
        else:
            given = value.lower() if inner == "trace" else value
            body[outer] = {inner: given, **(body.get(outer) or {})}
    return left


# Answering half ──────────────────────────────────────────────────────────────────────────────────


def parse(body: bytes) -> Document:
    """The JSON object of a request.

    Raises:
        ValidationException: It is none.
    """
    try:
        return msgspec.json.decode(body, type=Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ValidationException(
            "The request body isn't a valid JSON object."  # (?)
        ) from None


def read_ask(given: Document) -> tuple[Document, Extras]:
    """The Messages request in a Converse request, and what it asks of Bedrock.

    Args:
        given: Its fields, whose shapes are as botocore has them.

    Raises:
        ValidationException: A schema isn't JSON, or an additional field is one that Converse has.
    """
    document: Document = {}
    if "messages" in given:
        document["messages"] = [
            {**message, "content": blocks.read_content(message["content"])}
            for message in given["messages"]
        ]
    if given.get("system"):
        document["system"] = blocks.read_content(given["system"])
    inference: Document = given.get("inferenceConfig") or {}
    document |= {
        ours: inference[theirs] for ours, theirs in INFERENCE.items() if theirs in inference
    }
    _read_tools(given.get("toolConfig") or {}, document)
    _read_output_config(given.get("outputConfig") or {}, document)
    more = given.get("additionalModelRequestFields")
    for name, value in (cast("Document", more) if isinstance(more, dict) else {}).items():
        before = document.get(name)
        if name == "tools" and isinstance(before, list) and isinstance(value, list):
            document[name] = [*before, *value]
        elif name == "output_config" and isinstance(before, dict) and isinstance(value, dict):
            document[name] = before | value
        elif before is not None or name in ("messages", "system"):
            raise ValidationException(
                f"The additional field {name} conflicts with an existing field."
            )
        else:
            document[name] = value
    return document, Extras(
        guardrail_config=given.get("guardrailConfig"),
        performance_config=given.get("performanceConfig"),
        service_tier=given.get("serviceTier"),
        request_metadata=given.get("requestMetadata"),
        response_field_paths=list(given.get("additionalModelResponseFieldPaths") or ()),
        prompt_variables=given.get("promptVariables"),
    )


def _read_tools(config: Document, document: Document) -> None:
    tools: list[Document] = []
    for given in config.get("tools") or ():
        if "cachePoint" in given and blocks.takes_cache_point(tools):
            tools[-1]["cache_control"] = blocks.read_cache_point(given["cachePoint"])
        elif "toolSpec" in given:
            spec = given["toolSpec"]
            tool = {ours: spec[theirs] for ours, theirs in TOOL.items() if theirs in spec}
            tool["input_schema"] = spec["inputSchema"].get("json")
            tools.append(tool)
        else:
            tools.append({"type": next(iter(given), ""), **given})
    if tools:
        document["tools"] = tools
    choices: dict[str, Document] = config.get("toolChoice") or {}
    for kind in TOOL_CHOICES:
        if kind in choices:
            document["tool_choice"] = {"type": kind, **choices[kind]}


def _read_output_config(config: Document, document: Document) -> None:
    read: Document = {}
    if "textFormat" in config:
        definition: Document = config["textFormat"]["structure"].get("jsonSchema") or {}
        try:
            schema = msgspec.json.decode(definition.get("schema", ""), type=Document)
        except msgspec.DecodeError:
            raise ValidationException(
                "The schema in outputConfig.textFormat isn't a valid JSON object."  # (?)
            ) from None
        read["format"] = {"type": "json_schema", "schema": schema}
    if "effort" in config:
        read["effort"] = config["effort"]
    if read:
        document["output_config"] = read
