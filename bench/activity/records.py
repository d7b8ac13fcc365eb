"""One call as AWS's `ModelInvocationLog` record, whichever operation it was.

Rules: a record is written here by hand, from AWS's description of it, not by the product that reads
it; what a `Call` doesn't say comes from its identity's habits.
Source: Amazon Bedrock User Guide, "Monitor model invocation using CloudWatch Logs and Amazon S3".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from company import Identity, pick
from speech import SYSTEMS, Speech

if TYPE_CHECKING:
    from datetime import datetime
    from random import Random

#: A document that lies in an object of its own; its record has the path.
LARGE: Final = 110 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that was planned; None is what its identity would do anyway.

    Attributes:
        who: Whose habits it has.
        request_id: Its ID.
        arn: Who calls, if not `who`.
        region: Where.
        model: Model ID as called.
        operation: Of `bedrock-runtime`.
        prompt: The user's message.
        answer: What Claude says.
        tokens: Read and written.
        error: AWS's name of the refusal.
        stop: Anthropic's stop reason, or `guardrail_intervened`.
    """

    who: Identity
    request_id: str
    arn: str | None = None
    region: str | None = None
    model: str | None = None
    operation: str | None = None
    prompt: str | None = None
    answer: str | None = None
    tokens: tuple[int, int] | None = None
    error: str | None = None
    stop: str | None = None


def new_id(rng: Random) -> str:
    """A request ID: a UUID of version 4."""
    digits = f"{rng.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


class Writer:
    """Makes records of calls."""

    def __init__(self, speech: Speech, rng: Random) -> None:
        self._speech = speech
        self._rng = rng

    def ordinary(self, who: Identity) -> Call:
        """A call of which nothing is planned."""
        rng = self._rng
        error = stop = None
        dice = rng.random()
        for name, share in who.wrong.items():
            dice -= share
            if dice < 0:
                error = name
                break
        if error is None and rng.random() < 0.0015:  # a model declines, or a guardrail steps in
            stop = rng.choice(("refusal", "guardrail_intervened"))
        return Call(who=who, request_id=new_id(rng), error=error, stop=stop)

    def write(self, call: Call, moment: datetime, day: int) -> tuple[dict[str, Any], str | None]:
        """The record, and the prompt where it is too long to stand in it."""
        rng, who = self._rng, call.who
        region = call.region or pick(who.places, rng)
        model = call.model or who.model(day, region, rng)
        operation = call.operation or pick(who.operations, rng)
        read, written = call.tokens or (
            max(8, int(rng.lognormvariate(0, 0.4) * who.tokens[0])),
            max(3, int(rng.lognormvariate(0, 0.5) * who.tokens[1])),
        )
        cached = call.error is None and rng.random() < who.cached
        prompt = call.prompt or self._speech.prompt(who.topic, rng)
        answer = call.answer or self._speech.answer(rng)
        history = (
            (self._speech.prompt(who.topic, rng), self._speech.answer(rng))
            if call.prompt is None and rng.random() < 0.2
            else None
        )
        counts = {
            "inputTokenCount": read,
            "cacheReadInputTokenCount": 2048 if cached else 0,
            "cacheWriteInputTokenCount": 2048
            if not cached and rng.random() < who.cached / 9
            else 0,
        }
        converse = operation.startswith("Converse")
        asked = (_converse if converse else _invoke)(who, prompt, history)
        record: dict[str, Any] = {
            "timestamp": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
            "accountId": who.account,
            "region": region,
            "requestId": call.request_id,
            "operation": operation,
            "modelId": model,
            "input": {"inputContentType": "application/json", "inputBodyJson": asked},
        }
        if call.error is None:
            record["input"] |= counts
            usage = (read, written, counts)
            latency = 350 + written * 14 + rng.randrange(400)
            stop = call.stop or ("end_turn" if rng.random() < 0.96 else "max_tokens")
            if stop in ("refusal", "guardrail_intervened") and call.answer is None:
                answer = "I can't help with that."
            body: Any
            if converse:
                body = _converse_reply(answer, stop, usage, latency)
            elif operation == "InvokeModel":
                body = _reply(answer, stop, usage, model)
            else:
                body = _events(answer, stop, usage, model, latency)
            record["output"] = {
                "outputContentType": "application/json",
                "outputBodyJson": body,
                "outputTokenCount": written,
            }
        record["identity"] = {"arn": call.arn or who.session_arn(day, rng)}
        if call.error is None:
            record["inferenceRegion"] = region
        if who.metadata:
            record["requestMetadata"] = dict(who.metadata)
        if call.error is not None:
            record["errorCode"] = call.error
        record |= {"schemaType": "ModelInvocationLog", "schemaVersion": "1.0"}
        long = who.topic == "claims" and call.prompt is None and rng.random() < 0.003
        return record, (f"{prompt} " * (LARGE // len(prompt) + 1) if long else None)


def _invoke(who: Identity, prompt: str, history: tuple[str, str] | None) -> dict[str, Any]:
    messages: list[dict[str, Any]] = []
    if history:
        messages = [
            {"role": "user", "content": history[0]},
            {"role": "assistant", "content": history[1]},
        ]
    return {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 2048,
        "system": SYSTEMS[who.topic],
        "messages": [*messages, {"role": "user", "content": prompt}],
    }


def _converse(who: Identity, prompt: str, history: tuple[str, str] | None) -> dict[str, Any]:
    messages: list[dict[str, Any]] = []
    if history:
        messages = [
            {"role": "user", "content": [{"text": history[0]}]},
            {"role": "assistant", "content": [{"text": history[1]}]},
        ]
    asked: dict[str, Any] = {
        "messages": [*messages, {"role": "user", "content": [{"text": prompt}]}],
        "system": [{"text": SYSTEMS[who.topic]}],
        "inferenceConfig": {"maxTokens": 2048},
    }
    if who.metadata:
        asked["requestMetadata"] = dict(who.metadata)
    return asked


_Usage = tuple[int, int, dict[str, int]]


def _converse_reply(answer: str, stop: str, usage: _Usage, latency: int) -> dict[str, Any]:
    read, written, counts = usage
    cached, wrote = counts["cacheReadInputTokenCount"], counts["cacheWriteInputTokenCount"]
    return {
        "metrics": {"latencyMs": latency},
        "output": {"message": {"content": [{"text": answer}], "role": "assistant"}},
        "stopReason": "content_filtered" if stop == "refusal" else stop,
        "usage": {
            "cacheReadInputTokens": cached,
            "cacheWriteInputTokens": wrote,
            "inputTokens": read,
            "outputTokens": written,
            "totalTokens": read + written + cached + wrote,
        },
    }


def _usage(usage: _Usage) -> dict[str, int]:
    read, written, counts = usage
    return {
        "input_tokens": read,
        "cache_creation_input_tokens": counts["cacheWriteInputTokenCount"],
        "cache_read_input_tokens": counts["cacheReadInputTokenCount"],
        "output_tokens": written,
    }


def _message(usage: _Usage, model: str) -> dict[str, Any]:
    return {
        "model": model.rsplit("anthropic.", maxsplit=1)[-1],
        "id": f"msg_bdrk_01{usage[0]:011d}{usage[1]:011d}",
        "type": "message",
        "role": "assistant",
    }


def _reply(answer: str, stop: str, usage: _Usage, model: str) -> dict[str, Any]:
    body = {
        **_message(usage, model),
        "content": [{"type": "text", "text": answer}],
        "stop_reason": "end_turn" if stop == "guardrail_intervened" else stop,
        "stop_sequence": None,
        "usage": _usage(usage),
    }
    if stop == "guardrail_intervened":  # InvokeModel tells it beside Anthropic's members
        body["amazon-bedrock-guardrailAction"] = "INTERVENED"
    return body


def _events(
    answer: str, stop: str, usage: _Usage, model: str, latency: int
) -> list[dict[str, Any]]:
    middle = len(answer) // 2
    read, written, counts = usage
    end: dict[str, Any] = {
        "type": "message_stop",
        "amazon-bedrock-invocationMetrics": {
            "inputTokenCount": read,
            "outputTokenCount": written,
            "invocationLatency": latency,
            "firstByteLatency": 250 + latency // 9,
            **{name: count for name, count in counts.items() if name != "inputTokenCount"},
        },
    }
    if stop == "guardrail_intervened":
        end["amazon-bedrock-guardrailAction"] = "INTERVENED"
    return [
        {
            "type": "message_start",
            "message": {
                **_message(usage, model),
                "content": [],
                "usage": _usage((read, 1, counts)),
            },
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *(
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": piece},
            }
            for piece in (answer[:middle], answer[middle:])
        ),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {
                "stop_reason": "end_turn" if stop == "guardrail_intervened" else stop,
                "stop_sequence": None,
            },
            "usage": {"output_tokens": written},
        },
        end,
    ]
