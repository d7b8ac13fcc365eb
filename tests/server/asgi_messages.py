"""What the ASGI applications of the HTTP server's tests say and hear."""

from __future__ import annotations


def start(status=200, *headers):
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def part(body=b"", *, more=False):
    return {"type": "http.response.body", "body": body, "more_body": more}


async def body_of(receive):
    body, more = b"", True
    while more:
        message = await receive()
        assert message["type"] == "http.request", message
        body += message["body"]
        more = message["more_body"]
    return body
