"""What foreign clients sign is verified as they sent it, and refused in every altered form."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import pytest

from outcrop import errors
from outcrop.wire import sigv4_verify
from outcrop.wire.credentials import Credentials


def verify(request: dict[str, Any], keys: Credentials) -> None:
    method, target, headers = request["method"], request["target"], request["headers"]
    claim = sigv4_verify.read_claim(method, target, headers)
    sigv4_verify.verify(
        claim,
        keys,
        method=method,
        target=target,
        headers=headers,
        body=request["body"],
        now=request["now"],
        services=("bedrock", "sts"),
    )


def altered(request: dict[str, Any]):
    """Each way to alter a request, by what is altered."""
    headers = request["headers"]
    other_method = "PUT" if request["method"] == "POST" else "POST"
    yield "method", {**request, "method": other_method}
    yield "path", {**request, "target": "/x" + request["target"]}
    query = "&x=1" if "?" in request["target"] else "?x=1"
    yield "query", {**request, "target": request["target"] + query}
    yield "body", {**request, "body": request["body"] + b" "}
    signed = sigv4_verify.read_claim(request["method"], request["target"], headers).signed_headers
    for place, (name, value) in enumerate(headers):
        changed = [*headers]
        if name == "authorization":
            head, _, signature = value.rpartition("=")
            flipped = ("0" if signature[0] != "0" else "1") + signature[1:]
            changed[place] = (name, f"{head}={flipped}")
            yield "signature", {**request, "headers": changed}
            for was, now in (("/us-west-2/", "/us-east-1/"), ("/bedrock/", "/sts/")):
                if was in value:
                    changed = [*headers]
                    changed[place] = (name, value.replace(was, now))
                    yield was, {**request, "headers": changed}
        elif name in signed:
            changed[place] = (name, value + "x")
            yield f"header {name}", {**request, "headers": changed}
            dropped = [pair for pair in headers if pair[0] != name]
            yield f"no header {name}", {**request, "headers": dropped}


def test_what_a_client_signs_is_verified_and_no_altered_form_of_it(signed):
    assert signed
    for request in signed:
        request["headers"] = [(name, value) for name, value in request["headers"]]
        request["body"] = b64decode(request["body"])
        keys = Credentials(*request["keys"])
        verify(request, keys)
        for what, variant in altered(request):
            with pytest.raises(errors.APIStatusError) as refusal:
                verify(variant, keys)
            assert refusal.value.status_code in (400, 403), what
