"""Secrets in prompts: keys, tokens and passwords that were sent to a model.

Rules: SQL cuts out what may be a secret, detect-secrets' detectors and a few of our own decide, on
each text once; nothing is verified with its issuer and nothing leaves the machine; a secret is
never kept in a finding, only its kind, its public beginning and its length.
Source: the detectors of detect-secrets 1.5 (Yelp); GitHub, "Behind GitHub's new authentication
token formats"; Amazon Bedrock User Guide, "API keys" (`ABSK…`, `bedrock-api-key-…`).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from outcrop.activity.misuse.findings import Detector, Finding, Severity, Threshold
from outcrop.activity.misuse.material import Hit, Scan, episodes, ids, quote
from outcrop.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from outcrop.activity.misuse.material import Material


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A secret that was found; its text only serves to tell it from others.

    Attributes:
        kind: What it is.
        text: Itself.
        shown: What may be shown of it.
    """

    kind: str
    text: str
    shown: str

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Secret({self.kind!r}, {self.shown!r})"


_WORDS: Final = "password|passwd|pwd|passphrase|secret|api_?key|access_?key|auth_?token"
_ASSIGNED: Final = r"[\\\"' ]{0,6}(?::=|=>|[:=])[\\\"' ]{0,6}[^\s\"'\\,;]{8,100}"
#: What may be a secret, in JSON. Alternatives are tried in this order.
_CANDIDATES: Final = "|".join(
    (
        r"(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[0-9A-Z]{16}",
        r"BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----.{0,160}",
        r"gh[pousr]_[A-Za-z0-9_]{36,}|github_pat_[A-Za-z0-9_]{22,}|glpat-[A-Za-z0-9_-]{20,64}",
        r"xox[a-z]-[0-9A-Za-z-]{10,}|https://hooks\.slack\.com/services/[A-Za-z0-9/_]{20,90}",
        r"(?:sk|rk)_live_[0-9a-zA-Z]{24,}|sk-ant-[A-Za-z0-9_-]{20,}",
        r"sk-[A-Za-z0-9_-]{0,90}T3BlbkFJ[A-Za-z0-9_-]{20,}",
        r"ABSK[A-Za-z0-9+/]{60,}={0,2}|bedrock-api-key-[A-Za-z0-9+/]{60,}={0,2}",
        r"eyJ[A-Za-z0-9_=-]{10,}\.[A-Za-z0-9_=-]{10,}\.[A-Za-z0-9_.+/=-]{10,}",
        r"://[^\s:/@\"\\]{1,64}:[^\s:/@\"\\]{6,128}@[A-Za-z0-9\[]",
        r"SG\.[a-zA-Z0-9_-]{22}\.[a-zA-Z0-9_-]{43}|npm_[A-Za-z0-9]{36}",
        r"pypi-AgE[A-Za-z0-9_-]{50,}|AccountKey=[a-zA-Z0-9+/=]{88}",
        rf"(?i:{_WORDS})[A-Za-z_]{{0,20}}{_ASSIGNED}",
    )
)
#: The cheapest that lets none of them through.
_HINT: Final = (
    r"AKIA|ASIA|ABIA|ACCA|A3T|PRIVATE KEY|gh[pousr]_|github_pat_|glpat-|xox[a-z]-|hooks\.slack|"
    r"_live_|sk-|ABSK|bedrock-api-key|eyJ|://[^\s:/@]{1,64}:[^\s/@]{3,128}@|SG\.|npm_|pypi-|"
    rf"AccountKey=|(?i:{_WORDS})"
)

#: Kinds of detect-secrets → how much of their beginning says only what it is.
_PREFIXES: Final = {"AWS Access Key": 4, "GitHub Token": 4, "GitLab Token": 6, "Slack Token": 5}
_LOUD: Final = ("AWS", "Private Key", "Amazon Bedrock", "Anthropic", "Stripe")

#: Our own, with how much of the beginning is public.
_OWN: Final = (
    ("Amazon Bedrock API key", re.compile(r"ABSK[A-Za-z0-9+/]{60,}={0,2}"), 4),
    ("Amazon Bedrock API key", re.compile(r"bedrock-api-key-[A-Za-z0-9+/]{60,}={0,2}"), 16),
    ("Anthropic API key", re.compile(r"sk-ant-[A-Za-z0-9_-]{20,}"), 7),
    ("GitHub Token", re.compile(r"github_pat_[A-Za-z0-9_]{22,}"), 11),
    ("Password", re.compile(r"(?::=|=>|[:=])[\\\"' ]{0,6}([^\s\"'\\,;]{8,100})\Z"), 0),
)
_PLACEHOLDER: Final = re.compile(
    r"(?i)example|changeme|change_me|your|placeholder|redacted|dummy|sample|x{4,}|\*{3,}|\.{3,}|"
    r"secret|passw|token|"  # says what it is instead of being it
    r"[\[\](){}<>$%]|environ|getenv|process\.env|self\.|config\."
)
#: The token on the front page of jwt.io, and its like.
_DOCUMENTED: Final = ("eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiw",)
_BODY: Final = re.compile(r"[A-Za-z0-9+/]{32}")


@cache
def _plugins() -> tuple[Any, ...]:
    """The detectors of detect-secrets that know a secret by its form."""
    try:
        from detect_secrets.plugins import (
            aws,
            azure_storage_key,
            basic_auth,
            github_token,
            gitlab_token,
            jwt,
            npm,
            openai,
            private_key,
            pypi_token,
            sendgrid,
            slack,
            stripe,
        )
    except ImportError as error:
        raise ConfigurationError(
            "The detector `secrets` needs detect-secrets: pip install 'outcrop[activity]'"
        ) from error
    return (
        aws.AWSKeyDetector(),
        azure_storage_key.AzureStorageKeyDetector(),
        github_token.GitHubTokenDetector(),
        gitlab_token.GitLabTokenDetector(),
        jwt.JwtTokenDetector(),
        npm.NpmDetector(),
        openai.OpenAIDetector(),
        private_key.PrivateKeyDetector(),
        pypi_token.PypiTokenDetector(),
        sendgrid.SendGridDetector(),
        slack.SlackDetector(),
        stripe.StripeDetector(),
        basic_auth.BasicAuthDetector(),
    )


def secrets_in(text: str) -> list[Secret]:
    """The secrets in a text that was cut out of a prompt.

    Placeholders, the keys of AWS's documentation and passwords that are words aren't secrets.
    """
    found: dict[str, Secret] = {}
    for kind, pattern, public in _OWN:
        for match in pattern.finditer(text):
            whole = match[match.lastindex or 0]
            if kind != "Password" or _is_password(whole):
                found.setdefault(whole, Secret(kind, whole, _shown(whole, public)))
    for plugin in _plugins():
        for whole in plugin.analyze_string(text):
            kind = (
                "Password in a URL"
                if plugin.secret_type.startswith("Basic")
                else plugin.secret_type
            )
            if _is_secret(kind, whole, text):
                # Of a private key only the first line is matched: it isn't the secret.
                name = text if kind == "Private Key" else whole
                shown = whole if kind == "Private Key" else _shown(whole, _PREFIXES.get(kind, 0))
                found.setdefault(name, Secret(kind, name, shown))
    named = [secret for secret in found.values() if secret.kind != "Password"]
    # A key after `api_key =` is a password by its place; its own kind says more.
    return [
        secret
        for secret in found.values()
        if secret.kind != "Password"
        or not any(secret.text in one.text or one.text in secret.text for one in named)
    ]


def _is_secret(kind: str, whole: str, text: str) -> bool:
    if kind == "Private Key":
        return bool(_BODY.search(text.partition("-----")[2].replace("\n", "")))
    if kind == "AWS Access Key":
        return not whole.endswith("EXAMPLE") and "EXAMPLEKEY" not in whole
    if kind == "JSON Web Token":
        return whole.count(".") == 2 and not any(one in whole for one in _DOCUMENTED)
    if kind == "Password in a URL":
        return not _PLACEHOLDER.search(whole) and len(set(whole)) >= 4
    return True


def _is_password(text: str) -> bool:
    """Whether it looks made up by a machine or with care: letters, digits, and not too regular."""
    from detect_secrets.filters import heuristic

    return (
        not _PLACEHOLDER.search(text)
        and any(letter.isdigit() for letter in text)
        and any(letter.isalpha() for letter in text)
        and not heuristic.is_potential_uuid(text)
        and not heuristic.is_sequential_string(text)
        and "://" not in text
        and _entropy(text) >= 2.8
    )


def _entropy(text: str) -> float:
    """Shannon's, in bits a character."""
    size = len(text)
    return -sum(count / size * math.log2(count / size) for count in Counter(text).values())


def _shown(text: str, public: int) -> str:
    return f"{text[:public]}… ({len(text)} characters)"


def _scans(_: Mapping[str, float]) -> Sequence[Scan]:
    return (
        Scan(
            name="secrets",
            hint=_HINT,
            sure=f"regexp_matches(said, {quote(_CANDIDATES)})",
            cut=f"regexp_extract_all(said, {quote(_CANDIDATES)})",
        ),
    )


def find_secrets(material: Material, limits: Mapping[str, float]) -> Iterator[Finding]:
    """Secrets in requests, by identity and kind."""
    read = cache(secrets_in)
    found: dict[tuple[str, str], list[tuple[Hit, Secret]]] = {}
    for hit in material.hits("secrets"):
        for secret in {secret for piece in hit.pieces for secret in read(piece)}:
            found.setdefault((hit.who, secret.kind), []).append((hit, secret))
    gap = timedelta(hours=24)
    for (who, kind), pairs in sorted(found.items(), key=lambda item: item[0]):
        for episode in episodes(((hit.time, (hit, secret)) for hit, secret in pairs), gap):
            different = {secret for _, (_, secret) in episode}
            if len(different) < limits["secrets"]:
                continue
            requests = list(dict.fromkeys(hit.request_id for _, (hit, _) in episode))
            severity: Severity = "critical" if kind.startswith(_LOUD) else "high"
            yield Finding(
                detector=SECRETS.name,
                severity="medium" if kind == "Password" else severity,
                identity=who,
                time=episode[0][0],
                until=episode[-1][0],
                summary=f"{kind}: {len(different)} in {len(requests)} requests.",
                evidence={
                    "kind": kind,
                    "secrets": len(different),
                    "shown": sorted({secret.shown for secret in different})[:5],
                    "requests": len(requests),
                },
                request_ids=ids([requests]),
            )


SECRETS: Final = Detector(
    name="secrets",
    title="Secrets in prompts",
    meaning="A key, token, password or private key was sent to a model, in a message, a system "
    "prompt, a document or a tool's result. It lies in the log since then: it should be changed, "
    "and whoever may read the log counts. Keys of the documentation and placeholders aren't told.",
    thresholds={"secrets": Threshold(1, "different secrets of a kind")},
    evidence={
        "kind": "what it is",
        "secrets": "how many different ones",
        "shown": "their public beginnings and lengths, five at most",
        "requests": "that had them",
    },
    severity="critical for keys of AWS, Bedrock, Anthropic and Stripe and for private keys, medium "
    "for what follows the word password, else high",
    needs=frozenset({"contents"}),
    find=find_secrets,
    source="detect-secrets 1.5",
    scans=_scans,
)
