"""Fits the rates of `outcrop.messages.tokens` anew, and measures how far estimates are off.

    make bench

or, with any Python from 3.12 on that has `requirements.txt` (from the repository):

    PYTHONPATH=src python bench/tokens/run.py

The reference is `ctok`, a public reconstruction of both tokenizers: a proxy, since none of Claude's
own is public. Where it can't run, `--write-texts FILE` writes the texts and `--counts FILE` reads
their counts, from the real CountTokens for instance (`README.md` says how). Written are
`results.json` and `errors.svg` beside this file; `results.json` is what the documentation quotes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections import Counter
from dataclasses import fields, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
from corpora import corpora
from matplotlib import rcParams
from matplotlib.figure import Figure
from scipy.optimize import lsq_linear

from outcrop.catalog import models
from outcrop.messages import prompt_tokens, tokens

HERE: Final = Path(__file__).parent
GENERATIONS: Final[tuple[tokens.Generation, ...]] = ("4.6", "4.7")
#: Names of the tokenizers in ctok.
VERSIONS: Final = {"4.6": "3.0", "4.7": "4.8"}
NAMES: Final = [field.name for field in fields(tokens.Rates)]
#: A short English word is one token, or nearly so: no mixture of texts may make it two.
MOST: Final = {"word": 1.0}
RULES_OF_THUMB: Final = {
    "characters / 4": lambda text: len(text) / 4,
    "bytes / 3": lambda text: len(text.encode()) / 3,
}


def features(text: str) -> list[int]:
    """How much of each priced feature a text has, and last what no rate changes.

    Taken from the product's own code: a rate of one hundred and no other gives the feature.
    """
    nothing = tokens.Rates(**dict.fromkeys(NAMES, 0))
    kept = tokens.RATES["4.6"]

    def price(rates: tokens.Rates) -> int:
        tokens.RATES["4.6"] = rates
        tokens._other.cache_clear()  # noqa: SLF001 - prices of characters are remembered
        return tokens._whole(text, "4.6")  # noqa: SLF001 - hundredths, before rounding

    try:
        fixed = price(nothing)
        found = [price(replace(nothing, **{name: 100})) - fixed for name in NAMES]
    finally:
        tokens.RATES["4.6"] = kept
        tokens._other.cache_clear()  # noqa: SLF001
    return [*(value // 100 for value in found), fixed]


def fit(samples: list[dict[str, Any]], generation: str) -> np.ndarray:
    """Rates in tokens with the least relative error, in the mean; each kind weighs the same.

    A script that stands in none of the samples costs what other scripts do.
    """
    per_kind = Counter(sample["kind"] for sample in samples)
    counts = np.array([sample["counts"][generation] for sample in samples])
    rows = np.array([sample["features"][:-1] for sample in samples]) / counts[:, None]
    wanted = 1 - np.array([sample["features"][-1] / 100 for sample in samples]) / counts
    even = np.array([per_kind[sample["kind"]] ** -0.5 for sample in samples])
    most = np.array([MOST.get(name, np.inf) for name in NAMES])
    weights, rates = even, np.zeros(len(NAMES))
    for _ in range(30):  # squares weighted by the inverse of the last error: absolute errors
        rates = lsq_linear(rows * weights[:, None], wanted * weights, (0, most)).x
        errors = np.abs(rows @ rates - wanted)
        weights = even / np.sqrt(np.maximum(errors, 0.02))
    unseen = rows.sum(axis=0) == 0
    return np.where(unseen, rates[NAMES.index("script")], rates)


def estimated(sample: dict[str, Any], rates: np.ndarray) -> float:
    """Tokens of a sample by some rates."""
    return float(np.dot(sample["features"][:-1], rates)) + sample["features"][-1] / 100


def mean_error(samples: list[dict[str, Any]], generation: str, estimates: list[float]) -> float:
    """Mean signed relative error over some samples."""
    true = [sample["counts"][generation] for sample in samples]
    return float(np.mean([about / told - 1 for about, told in zip(estimates, true, strict=True)]))


def summary(errors: dict[str, float]) -> dict[str, Any]:
    """What a column of errors comes to."""
    low = min(errors, key=lambda kind: errors[kind])
    high = max(errors, key=lambda kind: errors[kind])
    sizes = [abs(error) for error in errors.values()]
    return {
        "mean": round(float(np.mean(sizes)), 3),
        "nine_in_ten": round(float(np.quantile(sizes, 0.9)), 3),
        "lowest": [low, round(errors[low], 3)],
        "highest": [high, round(errors[high], 3)],
    }


def key(text: str) -> str:
    """The name of a text in a file of counts."""
    return hashlib.sha256(text.encode()).hexdigest()


def counted(texts: list[str], file: Path | None) -> tuple[dict[str, dict[str, int]], str]:
    """Generation → text's key → its tokens without the frame of a message; and who counted."""
    if file is not None:
        given = json.loads(file.read_text())
        return given["counts"], given["reference"]
    import ctok  # noqa: PLC0415 - not needed with --counts

    counts: dict[str, dict[str, int]] = {}
    for generation, name in VERSIONS.items():
        frame = len([token for token in ctok.tokenize("x", name) if "pad" in token])
        counts[generation] = {key(text): ctok.token_count(text, name) - frame for text in texts}
    return counts, f"ctok {version('ctok')}"


def recorded() -> list[dict[str, Any]]:
    """Requests whose count AWS has told, with ours."""
    rows = []
    for row in json.loads((HERE / "recorded.json").read_text())["requests"]:
        model = models.find(row["model"])
        assert model is not None
        ours = prompt_tokens.count_request(row["request"], generation=model.tokenizer)
        error = round(ours / row["input_tokens"] - 1, 3)
        rows.append(
            {"name": row["name"], "told": row["input_tokens"], "ours": ours, "error": error}
        )
    return rows


def measure(samples: list[dict[str, Any]], generation: tokens.Generation) -> dict[str, Any]:
    """Errors by kind of text, of the shipped rates, of rates fitted without that kind, of rules."""
    kinds = list(dict.fromkeys(sample["kind"] for sample in samples))
    shipped = np.array([getattr(tokens.RATES[generation], name) / 100 for name in NAMES])
    refitted = fit(samples, generation)
    columns: dict[str, dict[str, float]] = {"shipped": {}, "re-fitted": {}, "held out": {}}
    columns |= {name: {} for name in RULES_OF_THUMB}
    for kind in kinds:
        inside = [sample for sample in samples if sample["kind"] == kind]
        outside = fit([sample for sample in samples if sample["kind"] != kind], generation)
        for name, rates in (("shipped", shipped), ("re-fitted", refitted), ("held out", outside)):
            ours = [estimated(sample, rates) for sample in inside]
            columns[name][kind] = mean_error(inside, generation, ours)
        for name, rule in RULES_OF_THUMB.items():
            columns[name][kind] = mean_error(
                inside, generation, [rule(sample["text"]) for sample in inside]
            )
    return {
        "shipped_rates": {name: getattr(tokens.RATES[generation], name) for name in NAMES},
        "refitted_rates": {
            name: round(100 * value) for name, value in zip(NAMES, refitted, strict=True)
        },
        "summary": {name: summary(column) for name, column in columns.items()},
        "errors": {
            name: {kind: round(error, 3) for kind, error in column.items()}
            for name, column in columns.items()
        },
    }


def show(results: dict[str, Any]) -> None:
    """The tables, on standard output."""
    for generation in GENERATIONS:
        told = results["generations"][generation]
        columns = list(told["errors"])
        print(f"\nClaude {'up to 4.6' if generation == '4.6' else 'from 4.7'}: error in %, by kind")
        print(f"{'':18}" + "".join(f"{name:>16}" for name in columns))
        for kind in told["errors"]["shipped"]:
            row = "".join(f"{100 * told['errors'][name][kind]:>+16.0f}" for name in columns)
            print(f"{kind:18}{row}")
        for what in ("mean", "nine_in_ten"):
            row = "".join(f"{100 * told['summary'][name][what]:>16.1f}" for name in columns)
            print(f"{'|error|, ' + what.replace('_', ' '):18}{row}")
        print("rates shipped:  ", told["shipped_rates"])
        print("rates re-fitted:", told["refitted_rates"])
    print("\nAgainst what AWS has told")
    for row in results["recorded"]:
        print(f"{row['name']:28}{row['told']:>6}{row['ours']:>6}{100 * row['error']:>+6.0f} %")


def plot(results: dict[str, Any], path: Path) -> None:
    """One dot for each kind of text and estimator."""
    rcParams["svg.hashsalt"] = "outcrop"  # the same figures give the same file
    rcParams["svg.fonttype"] = "none"
    figure = Figure(figsize=(11, 9), layout="constrained")
    halves = figure.subplots(1, 2, sharey=True)
    for axes, generation in zip(halves, GENERATIONS, strict=True):
        told = results["generations"][generation]
        kinds = sorted(told["errors"]["shipped"], key=lambda kind: told["errors"]["shipped"][kind])
        styles = {"shipped": "o", "held out": "x", "characters / 4": "^", "bytes / 3": "v"}
        for name, marker in styles.items():
            errors = [100 * told["errors"][name][kind] for kind in kinds]
            alpha = 1.0 if name in ("shipped", "held out") else 0.35
            axes.scatter(errors, kinds, marker=marker, label=name, alpha=alpha)
        axes.axvline(0, color="grey", linewidth=0.8)
        axes.set_xlim(-85, 85)
        axes.set_xlabel("error of the estimate, %")
        axes.set_title("Claude up to 4.6" if generation == "4.6" else "Claude from 4.7")
        axes.grid(axis="y", alpha=0.2)
    halves[0].legend(loc="lower right")
    figure.suptitle(f"Token estimates against {results['reference']}, {results['date']}")
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Counts, fits, measures, shows, writes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--counts", type=Path, help="counts of the texts, instead of ctok's")
    parser.add_argument("--write-texts", type=Path, help="only write the texts, to be counted")
    parser.add_argument("--check", action="store_true", help="write no results")
    arguments = parser.parse_args()

    texts = [(kind, text) for kind, found in corpora().items() for text in found]
    if arguments.write_texts:
        named = {key(text): text for _, text in texts}
        arguments.write_texts.write_text(json.dumps(named, ensure_ascii=False, indent=1))
        return
    counts, reference = counted([text for _, text in texts], arguments.counts)
    samples = [
        {
            "kind": kind,
            "text": text,
            "features": features(text),
            "counts": {generation: counts[generation][key(text)] for generation in GENERATIONS},
        }
        for kind, text in texts
    ]
    results = {
        "date": datetime.now(UTC).date().isoformat(),
        "reference": reference,
        "kinds": len({kind for kind, _ in texts}),
        "samples": len(texts),
        "characters": sum(len(text) for _, text in texts),
        "generations": {generation: measure(samples, generation) for generation in GENERATIONS},
        "recorded": recorded(),
    }
    show(results)
    if not arguments.check:
        (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n")
        plot(results, HERE / "errors.svg")


if __name__ == "__main__":
    main()
