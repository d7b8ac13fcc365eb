"""Percent-encoding; the judge is `urllib.parse.quote`."""

from __future__ import annotations

from urllib.parse import quote

from hypothesis import given, strategies as st

from outcrop.wire import uri


@given(st.text(st.characters()), st.sampled_from(["", "/", ":"]))
def test_it_encodes_as_quote_does(text, safe):
    assert uri.encode(text, safe=safe) == quote(text, safe=safe, errors="surrogatepass")


def test_every_byte():
    text = "".join(map(chr, range(256)))
    assert uri.encode(text) == quote(text, safe="")
    assert uri.encode("/model/us.anthropic.x:0/é", safe="/") == "/model/us.anthropic.x%3A0/%C3%A9"
