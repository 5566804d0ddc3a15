"""What the radar says, in Swedish: sentences, amounts, changes of a value and of a text."""

import difflib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from pipelines.resources import STOCKHOLM
from pipelines.wording import swedish

RAW_CREDIT = "Källa: Kolada"
NOTHING = "–"
MOST_NAMES = 3  # municipalities named in a line; more are counted
MOST_WORDS = 2000  # in each of two texts set beside each other; beyond it the time grows as n²
CONTEXT = 12  # unchanged words shown on either side of a change
MOST_DECIMALS = 6

# One of each, several of each; by `kind` in mart.revision.
VALUES = {
    "new": ("nytt värde", "nya värden"),
    "changed": ("ändrat värde", "ändrade värden"),
    "struck": ("struket värde", "strukna värden"),
    "restored": ("återkommet värde", "återkomna värden"),
    "status_changed": ("värde med ändrad status", "värden med ändrad status"),
}
# By `kind` in mart.definition_change.
DEFINITIONS = {
    "kpi_new": ("nytt nyckeltal", "nya nyckeltal"),
    "kpi_gone": ("borttaget nyckeltal", "borttagna nyckeltal"),
    "retitled": ("nyckeltal med ny titel", "nyckeltal med ny titel"),
    "ended": ("avslutat nyckeltal", "avslutade nyckeltal"),
    "redefined": ("nyckeltal med ny beskrivning", "nyckeltal med ny beskrivning"),
    "gender_division": ("ändrad könsuppdelning", "ändrade könsuppdelningar"),
    "publication_date": ("ändrad publicering", "ändrade publiceringar"),
    "other_field": ("annan ändrad uppgift", "andra ändrade uppgifter"),
    "group_new": ("ny grupp", "nya grupper"),
    "group_gone": ("borttagen grupp", "borttagna grupper"),
    "group_retitled": ("grupp med ny titel", "grupper med ny titel"),
    "group_members": ("grupp med nya medlemmar", "grupper med nya medlemmar"),
    "municipality_new": ("ny kommun eller region", "nya kommuner eller regioner"),
    "municipality_gone": ("borttagen kommun eller region", "borttagna kommuner eller regioner"),
    "municipality_retitled": ("kommun med nytt namn", "kommuner med nytt namn"),
}
HEADS = {  # the same, as what has happened to one of them
    "kpi_new": "Nytt nyckeltal",
    "kpi_gone": "Borttaget",
    "retitled": "Ny titel",
    "ended": "Avslutat",
    "redefined": "Ny beskrivning",
    "gender_division": "Könsuppdelning",
    "other_field": "Annan uppgift",
    "group_new": "Ny grupp",
    "group_gone": "Borttagen grupp",
    "group_retitled": "Ny titel",
    "group_members": "Nya medlemmar",
    "municipality_new": "Ny kommun",
    "municipality_gone": "Borttagen kommun",
    "municipality_retitled": "Nytt namn",
}
FIELDS = {
    "municipality_type": "gäller kommun (K), region (L) eller båda (A)",
    "auspice": "huvudman",
    "operating_area": "verksamhetsområde",
    "perspective": "perspektiv",
    "has_ou_data": "finns per enhet",
    "is_divided_by_gender": "finns per kön",
    "type": "kommun (K) eller region (L)",
}
YES_NO = {"true": "ja", "false": "nej"}


class Part(NamedTuple):
    """A stretch of two texts set beside each other."""

    kind: str  # same, gone, come or left out
    text: str


def day(moment: datetime) -> str:
    """The day in Stockholm, ISO."""
    return f"{moment.astimezone(STOCKHOLM):%Y-%m-%d}"


def moments(since: datetime, until: datetime) -> tuple[str, str]:
    """Two moments as days, with the time of day where they share one."""
    if day(since) != day(until):
        return day(since), day(until)
    then, now = (f"{moment.astimezone(STOCKHOLM):%Y-%m-%d kl. %H.%M}" for moment in (since, until))
    return then, now


def quiet(since: datetime) -> str:
    """The one line of a night in which Kolada has changed nothing."""
    return f"Inget har ändrats hos Kolada sedan {day(since)}."


def first_reading(n_value: int, n_kpi: int) -> str:
    """The one line where there is nothing to compare with."""
    return f"Första läsningen: {swedish(n_value)} värden för {swedish(n_kpi)} nyckeltal."


def counted(n: int, forms: tuple[str, str]) -> str:
    """A number with its noun: 1 nytt värde, 290 nya värden."""
    return f"{swedish(n)} {forms[n != 1]}"


def counts(by_kind: Mapping[str, int], forms: Mapping[str, tuple[str, str]]) -> list[str]:
    """Numbers with their nouns, in the order of `forms`."""
    return [counted(by_kind[kind], forms[kind]) for kind in forms if by_kind.get(kind)]


def listed(parts: Sequence[str]) -> str:
    """Parts of a sentence: a, b och c."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} och {parts[-1]}"


def years(periods: Sequence[int]) -> str:
    """Years in order, those that follow on each other as a span: 2015, 2019–2025."""
    spans: list[list[int]] = []
    for period in sorted(set(periods)):
        if spans and period == spans[-1][-1] + 1:
            spans[-1].append(period)
        else:
            spans.append([period])
    return ", ".join(str(s[0]) if len(s) == 1 else f"{s[0]}–{s[-1]}" for s in spans)


def value_change(
    before: float | None, after: float | None, *, before_status: str | None, after_status: str
) -> str:
    """A value then and now, with as many decimals as show the difference."""
    numbers = [number for number in (before, after) if number is not None]
    decimals = _decimals(numbers)
    then, now = (
        swedish(number, decimals) if number is not None else _without(status)
        for number, status in ((before, before_status), (after, after_status))
    )
    return f"{then} → {now}"


def size(number: float) -> str:
    """A size of a change, with as many decimals as keep it from being 0."""
    return swedish(number, _decimals([number, 0.0]))


def place_change(before: int | None, after: int | None) -> str:
    """A place then and now."""
    if before is None and after is None:
        return "ingen plats"
    then, now = (
        swedish(place) if place is not None else "ingen plats" for place in (before, after)
    )
    return then if before == after else f"{then} → {now}"


def text_change(before: str, after: str) -> list[Part]:
    """Two texts set beside each other word by word, with what is far from any change left out."""
    then, now = before.split(), after.split()
    if max(len(then), len(now)) > MOST_WORDS:
        return [Part("gone", " ".join(then)), Part("come", " ".join(now))]
    matcher = difflib.SequenceMatcher(a=then, b=now, autojunk=False)
    codes = matcher.get_opcodes()
    parts: list[Part] = []
    for number, (tag, i1, i2, j1, j2) in enumerate(codes):
        if tag == "equal":
            parts += _unchanged(then[i1:i2], is_first=number == 0, is_last=number == len(codes) - 1)
            continue
        if i1 < i2:
            parts.append(Part("gone", " ".join(then[i1:i2])))
        if j1 < j2:
            parts.append(Part("come", " ".join(now[j1:j2])))
    return parts


def _unchanged(words: list[str], *, is_first: bool, is_last: bool) -> list[Part]:
    head = [] if is_first else words[:CONTEXT]
    tail = [] if is_last else words[-CONTEXT:]
    if len(words) <= len(head) + len(tail) + 1:
        return [Part("same", " ".join(words))]
    parts = [Part("same", " ".join(head)), Part("left out", "…"), Part("same", " ".join(tail))]
    return [part for part in parts if part.text]


def _without(status: str | None) -> str:
    return f"inget värde ({status})" if status and status != "Absent" else NOTHING


def _decimals(numbers: Sequence[float]) -> int:
    """The fewest decimals that show the numbers as different ones, as far as that is of use."""
    if all(float(number).is_integer() for number in numbers):
        return 0
    for decimals in range(1, MOST_DECIMALS):
        if len({swedish(number, decimals) for number in numbers}) == len(numbers):
            return decimals
    return MOST_DECIMALS
