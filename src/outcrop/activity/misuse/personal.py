"""Personal data in prompts: cards, bank accounts, US social security numbers, lists of mails.

Rules: only what can be checked is looked for: a card has its issuer's beginning and a right check
digit, an account its country's length and a right remainder, so that order numbers aren't cards;
names, addresses and single mail addresses are in every second message of a support desk and are
no findings; a finding never holds a number, only how many there were.
Source: ISO/IEC 7812-1 (Luhn); ISO 13616 and SWIFT's IBAN registry (lengths; remainder 1 modulo 97);
US Social Security Administration, "Social Security Number Randomization" (numbers never given).
"""

from __future__ import annotations

import re
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Final

from outcrop.activity.misuse.findings import Detector, Finding, Severity, Threshold
from outcrop.activity.misuse.material import Hit, Scan, episodes, ids, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from outcrop.activity.misuse.material import Material

#: Lengths of account numbers by country.
_IBAN_LENGTHS: Final = {
    country: int(length)
    for length, countries in (
        line.split(": ")
        for line in (
            "15: NO",
            "16: BE",
            "18: DK FO FI GL NL SD",
            "19: MK SI",
            "20: AT BA EE KZ XK LT LU MN",
            "21: CH HR LI LV",
            "22: BG BH CR DE GB GE IE ME RS VA",
            "23: AE GI IL IQ OM SO TL",
            "24: AD CZ ES MD PK RO SA SE SK TN VG",
            "25: LY PT ST",
            "26: IS TR",
            "27: BI DJ FR GR IT MC MR SM",
            "28: AL AZ BY CY DO GT HU LB NI PL SV",
            "29: BR EG PS QA UA",
            "30: JO KW MU YE",
            "31: MT SC",
            "32: LC",
            "33: RU",
        )
    )
    for country in countries.split()
}

#: Numbers for tests, published by card schemes and payment services.
_TEST_CARDS: Final = frozenset(
    [
        "4111111111111111",
        "4242424242424242",
        "4012888888881881",
        "4000056655665556",
        "5555555555554444",
        "5105105105105100",
        "5200828282828210",
        "2223003122003222",
        "378282246310005",
        "371449635398431",
        "378734493671000",
        "6011111111111117",
        "6011000990139424",
        "4000000000000002",
        "5454545454545454",
        "4444333322221111",
        "4917610000000000",
        "4000002500003155",
        "4000000000009995",
    ]
)
#: Accounts that stand for an example in the registry and in manuals.
_TEST_ACCOUNTS: Final = frozenset(
    [
        "DE89370400440532013000",
        "GB29NWBK60161331926819",
        "GB82WEST12345698765432",
        "NL91ABNA0417164300",
        "FR1420041010050500013M02606",
        "ES9121000418450200051332",
        "CH9300762011623852957",
        "AT611904300234573201",
        "BE68539007547034",
        "IT60X0542811101000000123456",
    ]
)
#: On an advertisement, in a film, in every form that shows how it is filled in.
_TEST_NUMBERS: Final = frozenset(("078-05-1120", "219-09-9999", "123-45-6789", "111-11-1111"))

# What stands before a number, and after it: not a letter, a digit or a dash, or it is part of a
# longer one. RE2 can't look around, so the neighbour is read too, an escape of JSON as one.
_BEFORE: Final = r"(?:^|[^0-9A-Za-z._/-]|\\[nrt])"
_AFTER: Final = r"(?:$|[^0-9A-Za-z_/-])"

_START: Final = r"(?:4\d{3}|5[1-5]\d{2}|2[2-7]\d{2}|6011|65\d{2})"
#: Sixteen digits in a row are an order number more often than a card, and one in ten has the right
#: check digit by chance: alone they count only if they are written as cards are, or named one.
_GROUPED: Final = rf"{_START}(?:[ -]\d{{4}}){{3}}|3[47]\d{{2}}[ -]\d{{6}}[ -]\d{{5}}"
_BARE: Final = rf"{_START}\d{{12}}|3[47]\d{{13}}"
_NAMES: Final = (
    r"(?i:card|karte|carte|tarjeta|visa|master ?card|maestro|amex|american express|\bpan)"
    r"(?i: ?(?:number|no|nr|num|nummer|numero|numéro|n°|pan)\b\.?)?(?i: is| was| lautet| est| es)?"
    r"[\s:=#\"'\\]{0,8}"
)
#: Or if there are many in a request and most are right.
_MANY_BARE: Final = 5
_MOSTLY: Final = 0.6
_ACCOUNT: Final = r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?"
_NUMBER: Final = r"\d{3}-\d{2}-\d{4}"
_MAIL: Final = r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"


def _bare(text: str) -> str:
    return re.sub(r"[ -]", "", text)


def is_card(text: str) -> bool:
    """Whether it is the number of a payment card that isn't one for tests (ISO/IEC 7812-1)."""
    digits = _bare(text)
    return (
        digits not in _TEST_CARDS
        and len(set(digits)) > 2
        and not sum(
            sum(divmod(int(digit) * (1 + at % 2), 10)) for at, digit in enumerate(reversed(digits))
        )
        % 10
    )


def is_account(text: str) -> bool:
    """Whether it begins with an international bank account number that isn't an example."""
    whole = text.replace(" ", "")
    whole = whole[: _IBAN_LENGTHS.get(whole[:2], 0)]
    return (
        len(whole) == _IBAN_LENGTHS.get(text[:2])
        and whole not in _TEST_ACCOUNTS
        and int("".join(str(int(letter, 36)) for letter in whole[4:] + whole[:4])) % 97 == 1
    )


def is_social_security(text: str) -> bool:
    """Whether it may be a US social security number: some areas, groups and serials never are."""
    area, group, serial = text.split("-")
    return (
        text not in _TEST_NUMBERS
        and area not in ("000", "666")
        and area < "900"
        and group != "00"
        and serial != "0000"
    )


#: Scan → pattern; the numbers are in its group.
_PATTERNS: Final = {
    "grouped card": f"{_BEFORE}({_GROUPED}){_AFTER}",
    "named card": rf"{_NAMES}({_BARE}){_AFTER}",
    "bare card": f"{_BEFORE}({_BARE}){_AFTER}",
    "account": f"{_BEFORE}({_ACCOUNT}){_AFTER}",
    "social security": f"{_BEFORE}({_NUMBER}){_AFTER}",
}
#: Kind → scans and check.
_KINDS: Final[dict[str, tuple[tuple[str, ...], Callable[[str], bool]]]] = {
    "payment card": (("grouped card", "named card", "bare card"), is_card),
    "bank account (IBAN)": (("account",), is_account),
    "US social security number": (("social security",), is_social_security),
}


def _scans(limits: Mapping[str, float]) -> Sequence[Scan]:
    hint = "|".join(f"(?:{_BEFORE}{one})" for one in (_GROUPED, _BARE, _ACCOUNT, _NUMBER))
    ones = [
        Scan(
            name=name,
            hint=hint,
            sure=f"regexp_matches(asked, {quote(pattern)})",
            cut=f"regexp_extract_all(asked, {quote(pattern)}, 1)",
        )
        for name, pattern in _PATTERNS.items()
    ]
    # Only how many there are is taken from a list of mail addresses.
    least = int(limits["mails"])
    count = f"len(list_distinct(regexp_extract_all(asked, {quote(_MAIL)})))"
    mails = Scan(
        name="mails",
        hint=r"@[^@]+@[^@]+@",
        sure=f"len(asked) - len(replace(asked, '@', '')) >= {least}",
        cut=f"CASE WHEN {count} >= {least} THEN [({count})::VARCHAR] ELSE [] END",
    )
    return (*ones, mails)


def find_personal_data(material: Material, limits: Mapping[str, float]) -> Iterator[Finding]:
    """Personal data in requests, by identity and kind."""
    found: dict[tuple[str, str], list[tuple[Hit, tuple[str, ...]]]] = {}
    for kind, (scans, check) in _KINDS.items():
        checked = cache(check)
        for scan in scans:
            for hit in material.hits(scan):
                values = tuple(filter(checked, hit.pieces))
                if scan == "bare card" and (
                    len(values) < _MANY_BARE or len(values) < _MOSTLY * len(hit.pieces)
                ):
                    continue
                if values:
                    found.setdefault((hit.who, kind), []).append((hit, values))
    for hit in material.hits("mails"):
        found.setdefault((hit.who, "list of mail addresses"), []).append((hit, hit.pieces))
    gap = timedelta(hours=24)
    for (who, kind), pairs in sorted(found.items(), key=lambda item: item[0]):
        listed = kind.startswith("list")
        moments = sorted(
            ((hit.time, (hit, values)) for hit, values in pairs), key=lambda moment: moment[0]
        )
        for episode in episodes(moments, gap):
            values = {value for _, (_, some) in episode for value in some}
            count = max(map(int, values)) if listed else len({_bare(value) for value in values})
            requests = list(dict.fromkeys(hit.request_id for _, (hit, _) in episode))
            severity: Severity = "high" if count >= limits["many"] else "medium"
            yield Finding(
                detector=PERSONAL_DATA.name,
                severity="low" if listed and count < 5 * limits["mails"] else severity,
                identity=who,
                time=episode[0][0],
                until=episode[-1][0],
                summary=f"{kind[0].upper()}{kind[1:]}: {count} in {len(requests)} requests.",
                evidence={"kind": kind, "different": count, "requests": len(requests)},
                request_ids=ids([requests]),
            )


PERSONAL_DATA: Final = Detector(
    name="personal-data",
    title="Personal data in prompts",
    meaning="Numbers of payment cards, bank accounts or US social security were sent to a model, "
    "or a whole list of mail addresses, in a message, a document or a tool's result. It may be "
    "what the service is for; then its log needs the protection that such data needs. Numbers for "
    "tests aren't told. Names, addresses and telephone numbers aren't looked for: no pattern is "
    "sure of them.",
    thresholds={
        "mails": Threshold(20, "different mail addresses in one request make a list"),
        "many": Threshold(10, "different numbers of a kind: high from there on"),
    },
    evidence={
        "kind": "of data",
        "different": "numbers in all; of lists, the addresses of the longest",
        "requests": "that had them",
    },
    severity="high if there are many, low for short lists of mail addresses, else medium",
    needs=frozenset({"contents"}),
    find=find_personal_data,
    source="ISO/IEC 7812-1; ISO 13616",
    scans=_scans,
)
