"""Records as AWS delivers them, read by the engine; and somebody who looks at the page."""

from __future__ import annotations

import gzip
import os
import shutil
import time
from datetime import UTC, datetime, timedelta

import orjson
import pytest

import outcrop.activity
from outcrop.activity.misuse.findings import Finding
from outcrop.bedrock.invocation_log import Invocation, dump, object_key, write_record

SONNET = "anthropic.claude-sonnet-4-5-20250929-v1:0"
HAIKU = "anthropic.claude-haiku-4-5-20251001-v1:0"
ANNA = "arn:aws:iam::111122223333:user/anna"
ROLE = "arn:aws:sts::111122223333:assumed-role/nightly"
FIRST = datetime(2026, 10, 1, 12, tzinfo=UTC)


class Writer:
    """Writes records where AWS would deliver them."""

    def __init__(self, folder):
        self.folder = folder
        self.count = 0

    def write(
        self,
        *,
        day=0,
        model=f"global.{SONNET}",
        identity=ANNA,
        region="us-east-1",
        prompt="Good morning",
        answer="Good morning to you",
        request=None,
        response=None,
        operation="InvokeModel",
        tokens=(100, 50, 0, 0),
        error=None,
        latency=None,
        request_id=None,
    ):
        """Writes one call, and returns its request ID."""
        self.count += 1
        request_id = request_id or f"00000000-0000-4000-8000-{self.count:012d}"
        began = (FIRST + timedelta(days=day, seconds=self.count)).timestamp()
        reads = {"cache_read_input_tokens": tokens[2], "cache_creation_input_tokens": tokens[3]}
        usage = {"input_tokens": tokens[0], "output_tokens": tokens[1], **reads}
        asked = request or {"max_tokens": 99, "messages": [{"role": "user", "content": prompt}]}
        answered = response or {
            "role": "assistant",
            "content": [{"type": "text", "text": answer}],
            "stop_reason": "end_turn",
            "usage": usage,
        }
        record = write_record(
            Invocation(
                operation=operation,
                model_id=model,
                region=region,
                request_id=request_id,
                began=began,
                request=orjson.dumps(asked),
                response=b"" if error else orjson.dumps(answered),
                account="111122223333",
                identity={"arn": identity},
                error=error,
                more={"latencyMs": latency} if latency else None,
            )
        )
        key = object_key(
            began, prefix="", account="111122223333", region="us-east-1", unique=f"{self.count:x}"
        )
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(dump(record) + b"\n"))
        return request_id


@pytest.fixture
def writer(tmp_path):
    return Writer(tmp_path / "records")


@pytest.fixture
def opened():
    """Opens a writer's records; closes them at the end."""
    logs = []

    def open_records(writer):
        logs.append(outcrop.activity.open(writer.folder))
        return logs[-1]

    yield open_records
    for log in logs:
        log.close()


def finding_of(identity, request_ids, *, summary="many calls at night", severity="high"):
    moment = FIRST.replace(tzinfo=None)
    return Finding(
        detector="night-burst",
        severity=severity,
        identity=identity,
        time=moment,
        until=moment + timedelta(hours=1),
        summary=summary,
        request_ids=list(request_ids),
    )


@pytest.fixture
def month(writer):
    """Thirty days with two people, two models and two regions; every third day has an error."""
    for day in range(30):
        writer.write(day=day, latency=1000 + 10 * day)
        writer.write(
            day=day,
            model=f"us.{HAIKU}",
            identity=f"{ROLE}/{day:032x}",
            tokens=(1000, 20, 300, 40),
            region="us-west-2",
            latency=400,
        )
        if day % 3 == 0:
            writer.write(day=day, error="ThrottlingException", prompt="Too much")
    return writer


@pytest.fixture
def finding():
    return finding_of


@pytest.fixture(scope="session")
def chromium():
    """A headless Chromium."""
    from selenium import webdriver

    browser = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not (browser and driver):
        reason = "neither Chromium nor its chromedriver is on the PATH"
        if os.environ.get("OUTCROP_TESTS_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for argument in (
        "--headless=new",
        "--no-sandbox",  # containers run as root; the pages are ours
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--disable-background-networking",
        "--lang=en",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield started
    finally:
        started.quit()


def until(condition, *, seconds=20):
    """What the condition gives, as soon as it is true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it didn't come to that"
        time.sleep(0.02)
    return found


class Reader:
    """Somebody who looks at the page."""

    def __init__(self, driver, folder):
        self.driver = driver
        self.folder = folder

    until = staticmethod(until)

    def keep(self, html):
        """Writes a report, and gives its address."""
        path = self.folder / "report.html"
        path.write_text(html, "utf-8")
        return path.as_uri()

    def open(self, address, *, scheme="light", width=1280):
        run = self.driver.execute_cdp_cmd
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        run("Emulation.setEmulatedMedia", {"features": features})
        run(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
        )
        self.driver.get("about:blank")
        self.driver.get_log("browser")
        self.driver.get(address)
        until(lambda: self.status().endswith("shown.") and self.calls() is not None)
        return self

    def js(self, code, *arguments):
        return self.driver.execute_script(code, *arguments)

    def all(self, selector):
        return self.driver.find_elements("css selector", selector)

    def text(self, selector):
        return self.js("return document.querySelector(arguments[0])?.textContent", selector)

    def texts(self, selector):
        code = "return [...document.querySelectorAll(arguments[0])].map(one => one.textContent)"
        return self.js(code, selector)

    def status(self):
        return self.text("#status") or ""

    def calls(self):
        """Rows of the list of calls, None while it's on its way."""
        if not self.text("#calls > div"):
            return None
        return self.texts("#calls tbody tr")

    def hash(self):
        return self.js("return decodeURIComponent(location.hash)")

    def visit(self, fragment):
        """Changes the part of the address after the `#`, as a link would."""
        self.js("location.hash = arguments[0]", fragment)

    def conversation(self):
        """What the open conversation shows, as soon as it does."""
        loaded = "dialog[open] dl, dialog[open] div p:not(.quiet)"
        until(lambda: self.all(loaded))
        return self.js("return document.querySelector('dialog').innerText")

    def complaints(self):
        """What the browser's console says: errors, and breaches of the policy."""
        return [line["message"] for line in self.driver.get_log("browser")]


@pytest.fixture
def reader(chromium, tmp_path):
    return Reader(chromium, tmp_path)
