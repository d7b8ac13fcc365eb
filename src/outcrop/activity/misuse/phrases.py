"""Phrases that try to turn the model: jailbreaks, and injections in what it is given to read.

Rules: only what users and tools say is looked at, not system prompts, which often quote such
phrases to forbid them; a phrase weighs 3 if it is enough by itself, less if it takes others in the
same request; what an identity sends day by day, such as a template or a test, is told at first and
then no more; a finding names the phrases' kinds and doesn't quote. It is a list of known words:
whoever writes differently, in a language that isn't here, or encodes the text, isn't found.
Source: families as in OWASP, "LLM01:2025 Prompt Injection"; Shen et al., "Do Anything Now:
Characterizing and Evaluating In-The-Wild Jailbreak Prompts" (2023).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from outcrop.activity.misuse.findings import Detector, Finding, Threshold
from outcrop.activity.misuse.material import Hit, Scan, episodes, ids, quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from outcrop.activity.misuse.material import Material


@dataclass(frozen=True, slots=True)
class Phrase:
    """A family of phrases.

    Attributes:
        name: What findings call it.
        weight: 3 if it is enough by itself; 2 or 1 if not.
        pattern: RE2, any case; a space is any white space.
    """

    name: str
    weight: int
    pattern: str


_DROP: Final = (
    r"(?:ignor|disregard|forget|neglect|overrid|discard|bypass|circumvent|abandon|violat)\w*"
)
_EARLIER: Final = (
    r"(?:previous|prior|above|earlier|preceding|foregoing|initial|original|existing|former|past)"
)
_ORDERS: Final = r"(?:instruction|directive|prompt|rule|guideline|command|order|constraint)s?"
_LIMITS: Final = (
    r"(?:restriction|limit|limitation|rule|filter|guideline|boundar|polic|law|censorship)\w*"
)
_KINDS: Final = (
    r"(?:(?:moral|ethical|content|safety|security|legal|usage|any|all|its|your|the|of) )*"
)
_NOT: Final = (
    r"(?:never|do not|don(?:'|\x{2019})t|must not|may not|can ?not|can(?:'|\x{2019})t|without)"
)
_SUBJECT: Final = r"(?:AI|assistant|chat ?bot|bot|model|persona|DAN|you)\b"
_HAS_NO: Final = r"(?:with(?:out| no)|ha(?:s|ve|ving) no)"
_SHOW: Final = (
    r"(?:print|show|reveal|repeat|output|display|give|tell|leak|dump|recite|disclose|expose)"
)

#: What is looked for.
PHRASES: Final = (
    Phrase(
        "drop the instructions",
        3,
        rf"{_DROP} (?:\w+ ){{0,4}}{_EARLIER} (?:\w+ )?{_ORDERS}",
    ),
    Phrase(
        "drop the instructions",
        3,
        rf"{_DROP} (?:\w+ ){{0,3}}{_ORDERS} "
        r"(?:above|so far|before|(?:that )?you (?:were|have|got))",
    ),
    Phrase(
        "drop the instructions",
        3,
        rf"{_DROP} (?:everything|all|anything)(?: that| of)? (?:you|the above|above|before)",
    ),
    Phrase("drop the directions", 2, rf"{_DROP} (?:\w+ ){{0,4}}{_EARLIER} (?:\w+ )?directions?"),
    Phrase("drop the instructions", 3, rf"{_DROP} (?:all )?(?:of )?the above(?: and|,|\.|:)"),
    Phrase(
        "drop the instructions",
        3,
        rf"(?:{_EARLIER} {_ORDERS}|{_ORDERS} above) (?:are|is|were) (?:now |hereby )?"
        r"(?:void|invalid|cancel|obsolete|null|lifted|suspended|no longer)",
    ),
    Phrase(
        "drop its rules",
        3,
        rf"{_DROP} (?:all )?(?:of )?your (?:\w+ ){{0,2}}"
        r"(?:guideline|rule|instruction|restriction|polic|filter|programming|training|ethic|safe)\w*",
    ),
    Phrase(
        "drop the instructions",
        3,
        rf"{_DROP} (?:all|any|every) (?:of )?(?:the |these |those |other )?{_ORDERS}",
    ),
    Phrase(
        "drop the instructions",
        2,
        rf"{_DROP} (?:the |these |those |system )?{_ORDERS}(?: and|,|\.|!|;|:)",
    ),
    Phrase(
        "drop its rules",
        3,
        rf"(?:{_DROP}|disabl\w*|deactivat\w*|turn off) (?:all |any |every |the |of )*"
        r"(?:safety|ethical|content|moral) "
        r"(?:guideline|protocol|polic|rule|filter|measure|restriction|constraint)\w*",
    ),
    Phrase("drop its rules", 1, r"(?:overrid|bypass|disabl|circumvent)\w* (?:the )?security"),
    Phrase(
        "drop its rules",
        3,
        r"(?:safety|content|ethical|moderation|security) "
        r"(?:rule|filter|guideline|polic|measure|check|feature|restriction|protocol)\w* "
        r"(?:\w+ ){0,3}(?:off|disabled|deactivated|lifted|suspended|removed)",
    ),
    Phrase(
        "a persona without limits",
        3,
        rf"{_SUBJECT}[^.!?]{{0,60}}{_HAS_NO} {_KINDS}"
        r"(?:restriction|filter|guideline|boundar|censorship|law)\w*",
    ),
    Phrase(
        "a persona without limits",
        3,
        rf"{_SUBJECT}[^.!?]{{0,60}}{_HAS_NO} (?:any |of |its )*"
        rf"(?:moral|ethical|content|safety|legal) {_LIMITS}",
    ),
    Phrase(
        "a persona without limits",
        3,
        rf"{_SUBJECT}[^.!?]{{0,60}}freed? (?:of|from) {_KINDS}{_LIMITS}",
    ),
    Phrase(
        "a persona without limits",
        3,
        r"(?:unrestricted|unfiltered|uncensored|unaligned|amoral|jailbroken)\b[^.!?]{0,40} "
        r"(?:AI|model|chat ?bot|bot|assistant)\b",
    ),
    Phrase(
        "a persona without limits",
        3,
        r"(?:unrestricted|unfiltered|uncensored|unaligned|amoral|jailbroken) "
        r"(?:AI|model|chat ?bot|bot|assistant|language model|version)",
    ),
    Phrase("a known persona", 2, r"(?:are|be|as|become|called) (?-i:DAN|STAN|AIM|DUDE)\b"),
    Phrase(
        "a persona that means harm",
        2,
        r"\b(?:evil|malicious|rogue) (?:robot|AI|chat ?bot|bot|assistant|twin|version)",
    ),
    Phrase("a persona without limits", 3, r"do anything now|broken free (?:of|from)"),
    Phrase(
        "a persona without limits",
        1,
        r"(?:pretend|act as|acting as|role-?play|stay in (?:character|that role)|you are now|"
        r"from now on you)",
    ),
    Phrase("a mode without limits", 3, r"you (?:are|(?:'|\x{2019})re) (?:now )?in \w+ mode"),
    Phrase(
        "a mode without limits",
        1,
        r"(?:developer|debug|god|jailbreak|DAN|unrestricted|sudo|maintenance) mode",
    ),
    Phrase("anything goes", 2, r"generate any (?:\w+ )?content|allowed or not"),
    Phrase(
        "show the system prompt",
        2,
        r"first (?:\d+ )?(?:words|sentences|lines) of your (?:output|prompt|instruction|answer)",
    ),
    Phrase("jailbreak", 1, r"jail-?br(?:eak|oken)"),
    Phrase("never refuse", 1, rf"{_NOT} (?:ever )?(?:refus\w+|say no|declin\w+)"),
    Phrase(
        "never refuse",
        3,
        rf"(?:comply|answer|respond|reply|obey)\b[^.!?]{{0,40}}(?:without|no) {_KINDS}"
        r"(?:refus\w+|restriction\w*|filter\w*|limitation\w*|censor\w*)",
    ),
    Phrase(
        "never refuse",
        1,
        rf"{_NOT} (?:include|add|give|any|use)\b[^.!?]{{0,25}}(?:warning|disclaimer|refusal)",
    ),
    Phrase(
        "never refuse",
        3,
        r"(?:begin|start) (?:your |the )?(?:answer|reply|response|message) with "
        r".{0,4}(?:sure|absolutely|of course|certainly|yes)\b",
    ),
    Phrase(
        "show the system prompt",
        3,
        rf"{_SHOW} (?:\w+ ){{0,5}}your (?:\w+ )?"
        r"(?:system|initial|hidden|original|secret|first) ?(?:prompt|instruction|message)s?",
    ),
    Phrase(
        "show the system prompt",
        1,
        rf"(?:{_SHOW} (?:\w+ ){{0,5}}|your )(?:system|initial|hidden|original|secret) ?"
        r"(?:prompt|instruction|message)s?",
    ),
    Phrase(
        "show the system prompt",
        3,
        r"(?:repeat|print|output|copy) (?:\w+ ){0,2}"
        r"(?:words|text|everything|sentences|lines) above",
    ),
    Phrase(
        "show the system prompt",
        3,
        r"instructions? (?:at|from|in) the (?:beginning|start|top) of th(?:is|e) "
        r"(?:conversation|chat|prompt)",
    ),
    Phrase("false authority", 2, r"(?:<|\[|#)/?(?:system|admin|developer)(?:>|\]|:)"),
    Phrase("new instructions", 2, r"new (?:system )?instructions?:"),
    Phrase(
        "false authority", 3, r"system (?:prompt )?override|(?:<|\[)(?:\|?im_start\|?|INST)(?:>|\])"
    ),
    Phrase(
        "behind the user's back",
        3,
        r"(?:hide|conceal|keep) (?:this|it|that) (?:\w+ )?from the (?:user|customer|human|reader)",
    ),
    Phrase(
        "behind the user's back",
        2,
        rf"{_NOT} (?:tell|inform|alert|notify|telling|informing|mention)\b(?: this| it)?"
        r"(?: to)?(?: the user| this| the customer| anyone)",
    ),
    Phrase(
        "send it elsewhere",
        1,
        r"(?:send|forward|post|upload|mail|transmit|exfiltrate)\b[^.!?]{0,60}"
        r"(?:https?://|(?:link|address|URL|mailbox) (?:below|above))",
    ),
    Phrase(
        "a story as a cover",
        3,
        r"(?:grandm|grandf|grandp|deceased|late (?:grand)?mother)\w*\b.{0,100}"
        r"(?:napalm|bomb|explosive|poison|meth\b|activation key|serial number|weapon)",
    ),
    Phrase(
        "a story as a cover",
        3,
        r"(?:imagine|suppose|hypothetical|fictional|play a game|story)\b.{0,100}"
        rf"(?:\bno|without) {_KINDS}{_LIMITS}",
    ),
    Phrase(
        "drop the instructions (de)",
        3,
        r"(?:vergiss|vergesst|ignorier\w*|missacht\w*) (?:\w+ ){0,4}"
        r"(?:anweisung|instruktion|vorgabe|regel|befehl|anleitung)\w*",
    ),
    Phrase(
        "drop the instructions (es, pt)",
        3,
        r"(?:ignor\w+|olvid\w+|esque[cç]\w+) (?:\w+ ){0,4}"
        r"(?:instruccion|instruç|indicacion|regla|regra|norma)\w*",
    ),
    Phrase(
        "drop the instructions (fr, it, nl)",
        3,
        r"(?:oubli\w+|ignor\w+|dimentic\w+|negeer|vergeet) (?:\w+ ){0,4}"
        r"(?:consigne|istruzion|instructie|regole)\w*",
    ),
    Phrase(
        "drop the instructions (fr, it, nl)",
        3,
        r"(?:oublie\w*|ignore[rz]) (?:\w+ ){0,4}(?:instruction|directive)\w*",
    ),
    Phrase(
        "without limits (de, es, fr)",
        1,
        r"(?:keine|ohne) (?:\w+ )?(?:einschr|regeln|beschr)\w*|sin restriccion\w*|"
        r"(?:aucune|plus de|sans) restriction\w*",
    ),
    Phrase(
        "show the system prompt (de, es, fr)",
        3,
        r"(?:deinen|tu|ton|votre) (?:system ?|prompt )"
        r"(?:prompt|syst[eè]me|del sistema)",
    ),
)

#: White space between words, in JSON as in a text.
_SPACE: Final = r"(?:\s|\\[nrt])+"


def _in_json(pattern: str) -> str:
    return pattern.replace(" ", _SPACE).replace(r"\w+" + _SPACE, r"[^\s\\]+" + _SPACE)


def _scans(_: Mapping[str, float]) -> Sequence[Scan]:
    patterns = [f"(?i:{_in_json(phrase.pattern)})" for phrase in PHRASES]
    some = "|".join(patterns)
    # Only which phrases there are is taken, as their places in the table.
    which = ", ".join(
        f"CASE WHEN regexp_matches(asked, {quote(pattern)}) THEN '{at}' END"
        for at, pattern in enumerate(patterns)
    )
    return (
        Scan(
            name="phrases",
            hint=some,
            sure=f"regexp_matches(asked, {quote(some)})",
            cut=f"list_filter([{which}], lambda one: one IS NOT NULL)",
        ),
    )


def weigh(places: Sequence[str]) -> dict[str, int]:
    """Kinds of phrases → the highest weight of each.

    Args:
        places: Of phrases in `PHRASES`, as digits.
    """
    found: dict[str, int] = {}
    for place in places:
        phrase = PHRASES[int(place)]
        found[phrase.name] = max(found.get(phrase.name, 0), phrase.weight)
    return found


def find_injections(material: Material, limits: Mapping[str, float]) -> Iterator[Finding]:
    """Requests with phrases that try to turn the model."""
    heavy: dict[str, list[tuple[Hit, dict[str, int]]]] = {}
    days: dict[tuple[str, str], set[date]] = {}
    for hit in material.hits("phrases"):
        weights = weigh(hit.pieces)
        if sum(weights.values()) < limits["weight"]:
            continue
        today = hit.time.date()
        for name in weights:
            days.setdefault((hit.who, name), set()).add(today)
        # What was sent on enough days before doesn't count.
        fresh = sum(
            weight
            for name, weight in weights.items()
            if len(days[hit.who, name] - {today}) < limits["usual"]
        )
        if fresh >= limits["weight"]:
            heavy.setdefault(hit.who, []).append((hit, weights))
    gap = timedelta(hours=72)
    for who, found in sorted(heavy.items()):
        moments = ((hit.time, (hit, weights)) for hit, weights in found)
        for episode in episodes(moments, gap):
            kinds = Counter(name for _, (_, weights) in episode for name in weights)
            requests = [hit.request_id for _, (hit, _) in episode]
            heaviest = max(sum(weights.values()) for _, (_, weights) in episode)
            yield Finding(
                detector=INJECTION.name,
                severity="high" if heaviest >= 2 * limits["weight"] else "medium",
                identity=who,
                time=episode[0][0],
                until=episode[-1][0],
                summary=f"{len(requests)} requests with phrases of a jailbreak or an injection: "
                f"{', '.join(name for name, _ in kinds.most_common(3))}.",
                evidence={
                    "phrases": dict(kinds.most_common()),
                    "requests": len(requests),
                    "heaviest": heaviest,
                },
                request_ids=ids([requests]),
            )


INJECTION: Final = Detector(
    name="injection",
    title="Jailbreak and injection phrases",
    meaning="A message, a document or a tool's result has words by which models are talked out of "
    "their instructions, in English and a few other languages. Whether it worked, and whether it "
    "was the user or somebody whose text the user passed on, the conversation tells. Who writes "
    "about such phrases and quotes them is found too.",
    thresholds={
        "weight": Threshold(3, "of the phrases in one request: 3 for telling ones, else 2 or 1"),
        "usual": Threshold(
            3, "earlier days on which the identity sent such a phrase make it usual"
        ),
    },
    evidence={
        "phrases": "kind → requests with it",
        "requests": "how many",
        "heaviest": "the highest weight of one request",
    },
    severity="high from twice the weight on, else medium",
    needs=frozenset({"contents"}),
    find=find_injections,
    source="OWASP LLM01:2025; Shen et al. 2023",
    scans=_scans,
)
