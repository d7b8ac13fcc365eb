"""Whatever records say, the page shows it, and none of it runs."""

from __future__ import annotations

import pytest

from outcrop.activity.page import report, serve

HOSTILE = [
    "</script><script>window.ran = 1</script>",
    "<img src=x onerror='window.ran = 2'>",
    "<svg onload='window.ran = 3'><animate onbegin='window.ran = 4'></svg>",
    "<!--<script><!--data--><!--script--><!--policy-->",
    "javascript:window.ran=5",
    '"><iframe srcdoc="<script>top.ran=6</script>"></iframe>',
    "${window.ran=7}{{constructor.constructor('window.ran=8')()}}",
    "<style>*{display:none}</style><link rel=stylesheet href=http://127.0.0.1:9/>",
    "__proto__",
    "constructor",
]


def look_at_everything(reader, request_ids):
    """Opens every table and every conversation; what the conversations show, in order."""
    for section in reader.all("#charts section"):
        for summary in section.find_elements("tag name", "summary"):
            summary.click()
    shown = []
    for request_id in request_ids:
        reader.js("location.hash = new URLSearchParams({call: arguments[0]})", request_id)
        reader.until(lambda wanted=request_id: wanted in reader.conversation())
        for summary in reader.all("dialog summary"):
            summary.click()
        shown.append(reader.text("dialog"))
    return shown


@pytest.mark.parametrize("served", [False, True], ids=["file", "served"])
def test_whatever_records_say_is_shown_and_never_run(writer, opened, finding, reader, served):
    ids = []
    for number, text in enumerate(HOSTILE):
        request_id = writer.write(
            day=number,
            request={
                "anthropic_version": text,
                "tools": [{"name": text}],
                "messages": [
                    {"role": text, "content": text},
                    {"role": "user", "content": [{"type": text, "title": text}]},
                    {
                        "role": "user",
                        "content": [
                            {"type": "tool_use", "name": text, "input": {text: text}},
                            {"type": "image", "source": {"type": "url", "url": text}},
                        ],
                    },
                ],
            },
            answer=text,
            identity=text,
            model=text,
            region=text,
            error=text if number % 2 else None,
            request_id=f"{number} {text}",
        )
        ids.append(request_id)
    log = opened(writer)
    found = [finding(text, ids, summary=text) for text in HOSTILE]
    if served:
        with serve(log, findings=found) as page:
            reader.open(page.url)
            shown = look_at_everything(reader, ids)
            complaints = reader.complaints()
    else:
        reader.open(reader.keep(report(log, findings=found, content=True)))
        shown = look_at_everything(reader, ids)
        complaints = reader.complaints()
    for text, conversation in zip(HOSTILE, shown, strict=True):
        assert conversation.count(text) >= 5
    assert reader.js("return window.ran") is None
    assert complaints == []  # not even stopped by the policy: nothing tried
    assert (
        reader.all("#data ~ *:not(script), img, iframe, #charts script, link[rel=stylesheet]") == []
    )


def test_the_policy_stops_code_that_got_in_all_the_same(month, opened, reader):
    html = report(opened(month)).replace("<footer", "<img src=x onerror='window.ran = 1'><footer")
    reader.open(reader.keep(html.replace("</body>", "<script>window.ran = 2</script></body>")))
    assert reader.js("return window.ran") is None
    assert any("Content Security Policy" in line for line in reader.complaints())


def test_characters_that_do_not_show_are_shown(writer, opened, reader):
    joined = "\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"  # Persian, rightly written
    hidden = f"pay \u202egnihton\u202c\U000e0041\u200b now, {joined}"
    request_id = writer.write(prompt=hidden)
    reader.open(reader.keep(report(opened(writer), content=True)) + f"#call={request_id}")
    reader.conversation()
    assert reader.texts(".invisible") == ["U+202E", "U+202C", "U+E0041", "U+200B"]
