"""The page in Chromium: it draws, it filters, and can be read by everybody."""

from __future__ import annotations

import itertools
import re

import pytest

from outcrop.activity.page import report, serve

Keys = pytest.importorskip("selenium.webdriver.common.keys").Keys
SONNET = "anthropic.claude-sonnet-4-5-20250929-v1:0"
ROLE = "arn:aws:sts::111122223333:assumed-role/nightly"


# A file ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_report_opens_from_a_file_and_loads_nothing(month, opened, reader):
    html = report(opened(month), content=True)
    assert not re.search(r'(?:src|href)="(?!data:,|#)', html)
    run = reader.driver.execute_cdp_cmd
    run("Network.enable", {})
    conditions = {"latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    run("Network.emulateNetworkConditions", {"offline": True, **conditions})
    try:
        reader.open(reader.keep(html))
        assert reader.status() == "All 70 calls are shown."
        assert len(reader.all("#charts svg[role=img]")) == 5
        assert reader.js("return performance.getEntriesByType('resource').length") == 0
        assert reader.complaints() == []
    finally:
        rates = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        run("Network.emulateNetworkConditions", {"offline": False, **rates})


def test_a_report_without_words_says_how_to_read_them(month, opened, reader):
    request_id = month.write(prompt="The password is swordfish")
    reader.open(reader.keep(report(opened(month))) + f"#call={request_id}")
    shown = reader.conversation()
    assert f"outcrop activity show {request_id}" in shown
    assert "swordfish" not in shown


def test_a_call_that_the_file_does_not_have_is_said_to_be_missing(month, opened, reader):
    reader.open(reader.keep(report(opened(month), calls=1)) + "#call=nobody")
    assert "no particulars of the call nobody" in reader.conversation()


# Served ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_served_page_shows_the_same_and_leads_to_conversations(month, opened, reader):
    month.write(day=29, prompt="Where is the van?", answer="In Lyon.")
    with serve(opened(month)) as page:
        reader.open(page.url)
        assert reader.js("return location.href") == page.address  # without the token
        assert reader.status() == "All 71 calls are shown."
        reader.all("#calls tbody a")[0].click()
        reader.until(lambda: "In Lyon." in reader.conversation())
        assert "Where is the van?" in reader.conversation()
        assert reader.complaints() == []


def test_more_calls_come_when_they_are_asked_for(writer, opened, reader):
    for _ in range(130):
        writer.write()
    with serve(opened(writer)) as page:
        reader.open(page.url)
        assert len(reader.calls()) == 100
        reader.all("#more")[0].click()
        reader.until(lambda: len(reader.calls()) == 130)
        assert not reader.all("#more")[0].is_displayed()


def test_a_page_whose_session_ended_says_so(month, opened, reader):
    with serve(opened(month)) as page:
        reader.open(page.url)
        reader.driver.delete_all_cookies()
        reader.visit("errors=1")
        reader.until(
            lambda: "Open the address that the command printed again" in reader.text("#calls > div")
        )


def test_what_a_client_has_recorded_is_on_the_page(bedrock, tmp_path, reader):
    import outcrop.activity
    from outcrop import AnthropicBedrock

    client = AnthropicBedrock(
        aws_access_key=bedrock.access_key,
        aws_secret_key=bedrock.secret_key,
        aws_region=bedrock.region,
        base_url=bedrock.url,
        activity=tmp_path / "activity",
    )
    turns = [{"role": "user", "content": "Which rock is this?"}]
    with client.messages.stream(model="claude-opus-4-8", max_tokens=64, messages=turns) as stream:
        reply = stream.get_final_message()
    client.activity.flush()
    client.activity.close()
    client.close()
    with outcrop.activity.open(tmp_path / "activity") as log, serve(log) as page:
        reader.open(page.url)
        assert reader.status() == "The one call is shown."
        told = dict(zip(reader.texts("#totals dt"), reader.texts("#totals dd"), strict=True))
        assert told["Output tokens"].startswith(f"{reply.usage.output_tokens}")
        assert "not recorded" not in told["Latency, median"]
        reader.all("#calls tbody a")[0].click()
        shown = reader.conversation()
        assert "Which rock is this?" in shown
        assert reply.content[0].text.split()[-1] in shown
        assert reader.complaints() == []


# Filters ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fragment", "count"),
    [
        ("", 70),
        ("model=" + SONNET, 40),
        ("identity=" + ROLE, 30),
        ("region=us-west-2", 30),
        ("from=2026-10-04&to=2026-10-05", 5),
        ("errors=1", 10),
        ("errors=1&from=2026-10-11", 6),
        ("model=nobody's", 0),
    ],
)
def test_filters_are_in_the_address(month, opened, reader, fragment, count):
    reader.open(reader.keep(report(opened(month))) + "#" + fragment)
    expected = "All 70 calls are shown." if count == 70 else f"{count} of 70 calls are shown."
    assert reader.status() == expected
    assert len(reader.calls()) == min(count, 50)
    for name, value in (pair.split("=", 1) for pair in fragment.split("&") if pair):
        field = reader.all(f"[name={name}]")[0]
        assert field.is_selected() if name == "errors" else field.get_property("value") == value


def test_choosing_a_filter_changes_the_address_and_back_takes_it_back(month, opened, reader):
    from selenium.webdriver.support.select import Select

    reader.open(reader.keep(report(opened(month))))
    Select(reader.all("[name=region]")[0]).select_by_value("us-west-2")
    reader.until(lambda: reader.status() == "30 of 70 calls are shown.")
    assert reader.hash() == "#region=us-west-2"
    reader.all("[name=errors]")[0].click()
    reader.until(lambda: reader.status() == "0 of 70 calls are shown.")
    reader.driver.back()
    reader.until(lambda: reader.status() == "30 of 70 calls are shown.")
    assert not reader.all("[name=errors]")[0].is_selected()
    reader.all("button[type=reset]")[0].click()
    reader.until(lambda: reader.status() == "All 70 calls are shown.")


def test_a_click_on_a_day_shows_that_day(month, opened, reader):
    reader.open(reader.keep(report(opened(month))))
    reader.all("#charts .day")[3].click()
    reader.until(lambda: reader.status() == "3 of 70 calls are shown.")
    assert reader.hash() == "#from=2026-10-04&to=2026-10-04"


def test_a_finding_leads_to_its_identity_and_its_calls(month, opened, finding, reader):
    request_id = month.write(day=1, identity=f"{ROLE}/x", prompt="Odd")
    found = [finding(ROLE, [request_id], summary="60 calls in an hour")]
    reader.open(reader.keep(report(opened(month), findings=found, content=True)))
    assert "60 calls in an hour" in reader.text("#findings")
    links = reader.all("#findings tbody a")
    links[0].click()
    reader.until(lambda: reader.status() == "31 of 71 calls are shown.")
    reader.all("#findings tbody a")[1].click()
    reader.until(lambda: "Odd" in reader.conversation())


# Figures ─────────────────────────────────────────────────────────────────────────────────────────


def test_figures_are_those_of_the_records(month, opened, reader):
    log = opened(month)
    reader.open(reader.keep(report(log)))
    [sums] = log.rows(
        """SELECT sum(cost) AS cost, sum(input_tokens) AS input, sum(output_tokens) AS output,
        quantile_cont(latency_ms, 0.5) AS half FROM calls WHERE error IS NULL"""
    )
    told = dict(zip(reader.texts("#totals dt"), reader.texts("#totals dd"), strict=True))
    assert told["Calls"].startswith("70")
    assert told["Input tokens"].startswith(f"{int(sums['input']):,}")
    assert told["Output tokens"].startswith(f"{int(sums['output']):,}")
    digits = 2 if sums["cost"] >= 1 else 4
    assert told["Cost"].startswith(f"${sums['cost']:.{digits}f}")


def test_what_is_not_in_the_figures_is_counted_below_them(month, opened, reader):
    path = next(month.folder.rglob("*Z_1.json.gz"))
    path.write_bytes(path.read_bytes()[:-12])
    log = opened(month)
    assert [one.records_read for one in log.damaged]  # it is damaged
    reader.open(reader.keep(report(log, days=10)))
    notes = reader.text("#notes")
    assert "1 damaged file was read" in notes
    outside = log.rows("SELECT count(*) AS n FROM calls WHERE day < DATE '2026-10-21'")[0]["n"]
    assert f"{outside} calls before or after these days" in notes


def test_what_is_counted_has_whole_numbers_on_its_axis(writer, opened, reader):
    for _ in range(10):
        writer.write(error="ThrottlingException")
    reader.open(reader.keep(report(opened(writer))))
    marks = reader.texts("#charts section:last-child svg text[text-anchor=end]")
    assert marks == ["0", "5", "10"]


def test_a_percentile_is_within_a_tenth(writer, opened, reader):
    for number in range(100):
        writer.write(latency=100 * (number + 1))
    reader.open(reader.keep(report(opened(writer))))
    legend = reader.texts("#charts section:nth-child(4) .legend b")
    seconds = [float(re.match(r"[\d.]+", text)[0]) for text in legend]
    assert seconds == pytest.approx([5.0, 9.0, 9.9], rel=0.1)


def test_each_chart_has_a_table_with_its_figures(month, opened, reader):
    reader.open(reader.keep(report(opened(month))))
    for section in reader.all("#charts section"):
        section.find_element("tag name", "summary").click()
    reader.until(lambda: len(reader.all("#charts table")) == 5)
    rows = reader.texts("#charts section:first-child tbody tr td:nth-child(2)")
    assert sum(map(int, rows)) == 60  # those that succeeded
    rows = reader.texts("#charts section:first-child tbody tr td:nth-child(3)")
    assert sum(map(int, rows)) == 10


# For everybody ───────────────────────────────────────────────────────────────────────────────────


def luminance(colour):
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """WCAG 2.2, "contrast ratio"."""
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_enough_by_day_and_by_night(month, opened, reader, scheme):
    reader.open(reader.keep(report(opened(month))), scheme=scheme)
    names = "text quiet link bad edge s0 s1 s2 s3 s4 s5 s6 ground raised".split()
    colours = reader.js(
        """const probe = document.body.appendChild(document.createElement("p"));
        return Object.fromEntries(arguments[0].map((name) => {
          probe.style.color = `var(--${name})`;
          return [name, getComputedStyle(probe).color];
        }));""",
        names,
    )
    assert (luminance(colours["ground"]) > 0.5) == (scheme == "light")
    for name in ("text", "quiet", "link", "bad"):
        assert contrast(colours[name], colours["ground"]) >= 4.5, name
    assert contrast(colours["quiet"], colours["raised"]) >= 4.5
    for name in ("edge", "s0", "s1", "s2", "s3", "s4", "s5", "s6"):
        assert contrast(colours[name], colours["ground"]) >= 3, name
    page = reader.js("return getComputedStyle(document.body).backgroundColor")
    assert page == colours["ground"]


def test_everything_that_can_be_used_has_a_name(month, opened, finding, reader):
    reader.open(reader.keep(report(opened(month), findings=[finding(ROLE, ["x"])])))
    for control in reader.all("select, input, button, a, summary, svg[role=img], [role=region]"):
        if control.is_displayed():
            assert control.accessible_name.strip(), control.get_attribute("outerHTML")
    for header in reader.all("#breakdowns th, #findings th, #calls th"):
        assert header.get_attribute("scope") in {"row", "col"}
    levels = [
        int(name[1])
        for name in reader.js(
            "return [...document.querySelectorAll('h1, h2, h3, h4')].map((one) => one.localName)"
        )
    ]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert reader.js("return document.documentElement.lang") == "en"


def test_a_conversation_is_opened_and_closed_with_the_keyboard(month, opened, reader):
    reader.open(reader.keep(report(opened(month), content=True)))
    link = reader.all("#calls tbody a")[0]
    reader.js("arguments[0].focus()", link)
    link.send_keys(Keys.ENTER)
    assert "Good morning" in reader.conversation()
    assert reader.js("return document.activeElement.textContent") == "Close"
    reader.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    reader.until(lambda: not reader.all("dialog[open]"))
    assert reader.hash() == ""
    assert reader.js("return document.activeElement === arguments[0]", link)


def test_filters_can_be_reached_with_the_tab_key_in_their_order(month, opened, reader):
    reader.open(reader.keep(report(opened(month))))
    reached = []
    reader.all("body")[0].send_keys(Keys.TAB)
    for _ in range(20):
        name = reader.js("return document.activeElement.name || document.activeElement.type")
        if name not in reached:
            reached.append(name)
        reader.driver.switch_to.active_element.send_keys(Keys.TAB)
    assert reached[:7] == ["model", "identity", "region", "from", "to", "errors", "reset"]


@pytest.mark.parametrize("width", [320, 1280])
def test_no_page_is_wider_than_the_screen(month, opened, finding, reader, width):
    html = report(opened(month), findings=[finding(ROLE, ["x"], summary="word" * 200)])
    reader.open(reader.keep(html), width=width)
    assert reader.js("return document.documentElement.scrollWidth") <= width
