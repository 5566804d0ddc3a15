"""What has replaced a KPI, as far as Kolada's catalogue lets one know.

Kolada has no field for it. Some descriptions say so in passing, in the new KPI's text ("Ersätter
tidigare nyckeltal (N17494)", "Ersätter men ej jämförbart med N20031") or in the old one's ("Ersatt
av N11044", "ersätts detta nyckeltal med N00488"). Where nothing is said, a KPI that is still
published under the title that the old one had is a likely successor.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import polars as pl

Basis = Literal["told", "told_not_comparable", "same_title"]

_ENDED = r"[\s,]*\(-\s*(\d{4})\)\s*$"

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-ZÅÄÖ])")
_ID = r"[NU]\d{5}\b"
# The ids nearest after the verb, in a list or alone; what is named further on is something else.
_IDS = rf".{{0,80}}?\b(?P<ids>{_ID}(?:(?:,|/|\boch\b|\bsamt\b|\s)+{_ID})*)"
_REPLACES = re.compile(rf"\b(?:ersätter|ersatte|har ersatt)\b{_IDS}", re.IGNORECASE)
_REPLACED = re.compile(
    rf"\b(?:ersätts|ersattes|ersatts|ersatta?(?=\s+(?:av|med)\b)|se i ?stället)\b{_IDS}",
    re.IGNORECASE,
)
_NOT_COMPARABLE = re.compile(r"\b(?:ej|inte|icke)\b[^.;]{0,40}\bjämför", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Successor:
    """A KPI of the catalogue that stands, or is likely to stand, in another's place."""

    kpi: str
    title: str
    basis: Basis


def ended_after(title: str) -> int | None:
    """Return the last year of a series that has ended, or None where it goes on.

    Parameters
    ----------
    title : str
        Kolada's, where an ended series has "(-2024)" or "(- 2024)" last.

    Returns
    -------
    int or None
        The year.
    """
    found = re.search(_ENDED, title)
    return int(found[1]) if found else None


def successors(
    catalogue: pl.DataFrame,
    kpi: str,
    *,
    earlier: pl.DataFrame | None = None,
    title: str | None = None,
) -> tuple[Successor, ...]:
    """Find what has replaced a KPI that has ended or is no longer in the catalogue.

    Parameters
    ----------
    catalogue : frame with the columns kpi, title, description
        Kolada's catalogue as it is now, one row per KPI; a description may be null.
    kpi : str
        The id of the KPI that was replaced.
    earlier : frame with the same columns, optional
        What was known before of KPIs, such as those that are gone: their last titles, and what
        their descriptions said.
    title : str, optional
        What `kpi` was called, where neither frame has it.

    Returns
    -------
    tuple of Successor
        Only KPIs of `catalogue`, each once. First those that a description tells of, among them
        "told_not_comparable" where the same or the next sentence says that the two cannot be
        compared; "told" means that it says nothing of the kind, and not that they can be. Then
        those still published that have the same title but for the "(-2024)" and the spaces, and
        that nothing tells of. Within each, by id.
    """
    columns = ["kpi", "title", "description"]
    current = catalogue.select(columns)
    texts = current if earlier is None else pl.concat([current, earlier.select(columns)])
    titles: dict[str, str] = dict(current.select("kpi", "title").iter_rows())

    about = texts.filter(
        (pl.col("kpi") == kpi) | pl.col("description").str.contains(kpi, literal=True)
    )
    comparable: dict[str, bool] = {}
    for whose, description in about.select("kpi", "description").iter_rows():
        for old, new, is_comparable in _told(whose, description or ""):
            if old == kpi != new and new in titles:
                comparable[new] = comparable.get(new, True) and is_comparable
    told = [
        Successor(new, titles[new], "told" if comparable[new] else "told_not_comparable")
        for new in sorted(comparable)
    ]

    called = texts.filter(pl.col("kpi") == kpi)["title"].to_list() or ([title] if title else [])
    wanted = pl.DataFrame({"title": called}, schema={"title": pl.String})
    alike = (
        current.filter(~pl.col("title").str.contains(_ENDED), pl.col("kpi") != kpi)
        .filter(~pl.col("kpi").is_in(list(comparable)))
        .join(wanted, left_on=_bare_title(), right_on=_bare_title(), how="semi")
        .select("kpi", "title")
        .sort("kpi")
    )
    return (
        *told,
        *(Successor(new, its, "same_title") for new, its in alike.iter_rows()),
    )


def _told(kpi: str, description: str) -> Iterator[tuple[str, str, bool]]:
    """Yield old id, new id and whether nothing says that the two cannot be compared."""
    sentences = _SENTENCE_END.split(" ".join(description.split()))
    for sentence, after in zip(sentences, [*sentences[1:], ""], strict=True):
        is_comparable = not (_NOT_COMPARABLE.search(sentence) or _NOT_COMPARABLE.search(after))
        for said in _REPLACES.finditer(sentence):
            for old in re.findall(_ID, said["ids"]):
                yield old, kpi, is_comparable
        for said in _REPLACED.finditer(sentence):
            for new in re.findall(_ID, said["ids"]):
                yield kpi, new, is_comparable


def _bare_title() -> pl.Expr:
    """The title without its end, the spaces that vary and the case."""
    return (
        pl.col("title")
        .str.replace(_ENDED, "")
        .str.replace_all(r"\s+", " ")
        .str.strip_chars()
        .str.to_lowercase()
    )
