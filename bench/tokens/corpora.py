"""Texts to count, by kind: taken from what is installed, made up, or short and free.

Rules: the same versions give the same texts; nothing is fetched, and nothing of others is kept
here but the first article of the Universal Declaration of Human Rights, which the United Nations
gives to everybody (https://www.ohchr.org/en/human-rights/universal-declaration/translations). A
kind of which nothing is installed is left out.
"""

from __future__ import annotations

import base64
import gzip
import json
import random
import re
import sysconfig
import uuid
from importlib.metadata import metadata
from importlib.resources import files
from pathlib import Path
from pydoc_data.topics import topics
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SAMPLE: Final = 4_000  # characters
SAMPLES: Final = 4  # of a kind, at most
LEAST: Final = 120  # characters: less says little about a rate

_STDLIB: Final = Path(sysconfig.get_path("stdlib"))
_HERE: Final = Path(__file__).parent


def corpora() -> dict[str, list[str]]:
    """Kind → its samples."""
    found = dict(_installed())
    found |= dict(_made_up(random.Random(20261122)))  # noqa: S311 - texts, not secrets
    languages = json.loads((_HERE / "languages.json").read_text(encoding="utf-8"))
    for language, row in languages.items():
        found[language] = _translations(row["catalogue"], row["manual"], row.get("article", ""))
    return {kind: samples for kind, samples in found.items() if samples}


def _installed() -> Iterator[tuple[str, list[str]]]:
    yield "licences", _cut(_read([_STDLIB / "LICENSE.txt", _HERE.parents[1] / "LICENSE"]))
    yield "Python", _cut(_read(_STDLIB / f"{name}.py" for name in _MODULES))
    yield "documentation", _cut(_topics())
    descriptions = (
        metadata(name).get_payload() for name in ("botocore", "ctok", "matplotlib", "numpy")
    )
    yield "Markdown", _cut(str(text) for text in descriptions)
    headers = Path(sysconfig.get_path("include"))
    yield "C", _cut(_read(headers / f"{name}.h" for name in ("unicodeobject", "pyport", "object")))
    themes = Path(str(files("sphinx"))) / "themes"
    yield "JavaScript", _cut(_read(sorted(themes.glob("basic/static/*.js"))))
    yield "CSS and HTML", _cut(_read([*themes.glob("*/*.html"), *themes.glob("*/static/*.css*")]))
    yield "JSON, indented", _cut([json.dumps(_service_model(), indent=2, ensure_ascii=False)])
    yield "JSON, compact", _cut([json.dumps(_service_model(), separators=(",", ":"))])
    yield "tests", _cut(_read(_STDLIB / "test" / f"test_{name}.py" for name in _MODULES))


_MODULES: Final = ("argparse", "dataclasses", "heapq", "tarfile")


def _made_up(dice: random.Random) -> Iterator[tuple[str, list[str]]]:
    raw = [dice.randbytes(2_000) for _ in range(2)]
    yield "hex", [data.hex() for data in raw]
    yield "base64", [base64.b64encode(data).decode() for data in raw]
    ids = [str(uuid.UUID(bytes=dice.randbytes(16))) for _ in range(60)]
    yield "UUIDs", ["\n".join(ids)]
    rows = [
        f"{at},{dice.random():.4f},{dice.randrange(10**6)},2026-11-{at % 30 + 1:02}"
        for at in range(100)
    ]
    yield "numbers", ["id,share,amount,day\n" + "\n".join(rows)]
    lines = [
        f"2026-11-22T{at % 24:02}:15:{at % 60:02}.{dice.randrange(1000):03}Z "
        f"{dice.choice(('INFO', 'WARN', 'ERROR'))} [worker-{at % 7}] "
        f"GET /api/v{at % 3}/orders/{dice.randrange(10**5)} took {dice.randrange(900)} ms"
        for at in range(60)
    ]
    yield "logs", ["\n".join(lines)]
    table = [f"| {at} | {dice.choice(_WORDS)} | {dice.randrange(100)} % |" for at in range(120)]
    yield "tables", ["| no | what | share |\n|---|---|---|\n" + "\n".join(table)]
    yield "shouting", [" ".join(dice.choice(_WORDS).upper() for _ in range(500))]
    faces = [chr(dice.randrange(0x1F600, 0x1F645)) for _ in range(200)]
    yield "emoji", ["".join(faces), " ".join(f"{dice.choice(_WORDS)} {face}" for face in faces)]
    yield "short questions", list(_QUESTIONS)


_WORDS: Final = (
    "order",
    "invoice",
    "river",
    "engine",
    "tokens",
    "weather",
    "winter",
    "answer",
    "market",
    "quarter",
    "signal",
    "bridge",
    "garden",
    "reliable",
    "internal",
    "complete",
    "estimate",
    "northern",
)
_QUESTIONS: Final = (
    (
        "What should I look at first when a service that answered in 20 ms yesterday takes 2 s "
        "today, and only for the customers of one region, while all our dashboards stay green?"
    ),
    (
        "Could you rewrite this paragraph so that a patient without any medical training "
        "understands which of the two treatments is the safer one, and why it takes longer?"
    ),
    (
        "How many days are there between the 3rd of March and the 22nd of November, if the year is "
        "a leap year and the first day isn't counted?"
    ),
)


def _topics() -> list[str]:
    """Python's reference manual, as `help()` has it."""
    return [topics[name] for name in sorted(topics)][: SAMPLES * 4]


def _service_model() -> Any:
    path = files("botocore") / "data" / "sts" / "2011-06-15"
    for name in ("service-2.json", "service-2.json.gz"):
        file = path / name
        if file.is_file():
            data = file.read_bytes()
            model = json.loads(gzip.decompress(data) if name.endswith("gz") else data)
            return model["shapes"]
    return {}


def _translations(catalogue: str, manual: str, article: str) -> list[str]:
    """Messages of Sphinx, and pages of the system's manual where there are any."""
    path = Path(str(files("sphinx"))) / "locale" / catalogue / "LC_MESSAGES" / "sphinx.po"
    messages: list[str] = []
    if path.is_file():
        po = path.read_text(encoding="utf-8")
        for message in re.findall(r'^msgstr ((?:".*"\n)+)', po, re.MULTILINE)[1:]:
            text = "".join(json.loads(line) for line in message.splitlines() if line != '""')
            if text:
                messages.append(text)
    pages = sorted(Path("/usr/share/man", manual, "man1").glob("*.1.gz"))
    prose = [
        _unroffed(gzip.decompress(page.read_bytes()).decode("utf-8", "replace")) for page in pages
    ]
    prose = [page for page in prose if len(page) > SAMPLE]
    return [*_cut([article]), *_cut(["\n".join(messages)])[:2], *_cut(prose[:1])[:1]]


def _unroffed(page: str) -> str:
    """The words of a manual page, without its requests to the typesetter."""
    lines = [line for line in page.splitlines() if line and line[0] not in ".'"]
    return re.sub(r"\\f.|\\&|\\", "", "\n".join(lines))


def _read(paths: Iterable[Path]) -> list[str]:
    return [path.read_text(encoding="utf-8") for path in paths if path.is_file()]


def _cut(texts: Iterable[str]) -> list[str]:
    """Samples from the middle of each text: beginnings are alike."""
    samples: list[str] = []
    for text in texts:
        start = max(0, (len(text) - SAMPLE) // 2)
        sample = text[start : start + SAMPLE].strip()
        if len(sample) >= min(LEAST, 40 if not sample.isascii() else LEAST):
            samples.append(sample)
    return samples[:SAMPLES]
