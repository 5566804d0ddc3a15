"""The rules by which an area's numbers are found able to carry what is said of them, or not.

Every rule is in one table, `RULES`: what it finds, and how much may be published then. The limits
are above it, each with its reason.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import polars as pl

from models.areas.service_area import ServiceArea

Verdict = Literal["publish", "internal_only", "do_not_publish"]  # from the mildest on
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

FEWEST_QUALITY = 2  # one measure of quality is a target, and easily the wrong one
LEAST_RELIABILITY = 0.5  # below it more of the differences is chance than is not
MOST_DECIDED = 2 / 3  # by one indicator; the others are then decoration
MOST_OVERLAP = 0.95  # of two indicators' ranks; beyond it they are one, counted twice


@dataclass(frozen=True, slots=True)
class Rule:
    """A finding, and how much may be published where it is made."""

    reason: str
    verdict: Verdict
    limit: float | None = None  # of the number that the finding tells, where it is one of degree


RULES = (
    Rule("no_data", "do_not_publish"),  # the panel has no row of the area and period
    Rule("cost_missing", "do_not_publish"),  # nobody has a value, or there is no such indicator
    Rule("quality_missing", "do_not_publish"),
    Rule("coverage_below_gate", "do_not_publish"),  # the limit is the area's minimum_share
    Rule("cost_level_only", "do_not_publish"),  # grade D: a cost may be told, no score
    Rule("few_quality_indicators", "internal_only", FEWEST_QUALITY),
    Rule("quality_is_input", "internal_only"),  # all of it is what is put in, not what comes out
    Rule("low_reliability", "internal_only", LEAST_RELIABILITY),
    Rule("one_indicator_decides", "internal_only", MOST_DECIDED),
    Rule("peers_only", "publish"),  # grade C: shown beside peers, without a national rank
    Rule("reliability_unknown", "publish"),
    Rule("overlap", "publish", MOST_OVERLAP),
    Rule("preliminary", "publish"),
)
_RULE = {rule.reason: rule for rule in RULES}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an area and period beyond its single indicators; None: not known."""

    n_municipality: int = 0
    n_complete: int = 0  # that have all scored indicators
    coverage_share: float | None = None
    carried_share: float | None = None  # of the scored values
    preliminary_share: float | None = None  # of the scored values
    mean_reliability: float | None = None
    overlap: float | None = None  # 0-1, between the qualities that go together most
    overlap_first: str | None = None
    overlap_second: str | None = None
    cost_quality_correlation: float | None = None  # above 0 where the dearer are the better
    cost_quality_low: float | None = None
    cost_quality_high: float | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that an area and period meets."""

    rule: Rule
    indicator: str | None  # which, where it is about one
    number: float | None  # what was found
    limit: float | None  # what it is measured by


def findings(area: ServiceArea, audit: pl.DataFrame, facts: Facts) -> Iterator[Finding]:
    """Apply the rules to an area in a period.

    Parameters
    ----------
    area : ServiceArea
        Whose definition is judged too.
    audit : frame
        `mart.indicator_audit` of that area and period.
    facts : Facts
        Of the same. Without municipalities there is one finding, "no_data".

    Yields
    ------
    Finding
        One per rule, or per rule and indicator.
    """
    if facts.n_municipality == 0:
        yield _found("no_data")
        return
    scored = audit.filter(pl.col("declared_weight").is_not_null())
    for side in ("cost", "quality"):
        mine = scored.filter(role=side)
        if mine.is_empty():
            yield _found(f"{side}_missing")
        for name in mine.filter(n_present=0)["indicator"]:
            yield _found(f"{side}_missing", name, 0)
    if facts.coverage_share is not None and facts.coverage_share < area.minimum_share:
        yield _found("coverage_below_gate", None, facts.coverage_share, area.minimum_share)
    if area.evidence_grade == "C":
        yield _found("peers_only")
    if area.evidence_grade == "D":
        yield _found("cost_level_only")
    quality = area.with_role("quality")
    if len(quality) < FEWEST_QUALITY:
        yield _found("few_quality_indicators", None, len(quality))
    if quality and all(each.is_input for each in quality):
        yield _found("quality_is_input", None, len(quality))
    if facts.mean_reliability is not None and facts.mean_reliability < LEAST_RELIABILITY:
        yield _found("low_reliability", None, facts.mean_reliability)
    if facts.overlap is not None and facts.overlap > MOST_OVERLAP:
        yield _found("overlap", facts.overlap_first, facts.overlap)
    columns = ("indicator", "n_present", "n_preliminary", "variance_share", "reliability")
    for name, n_present, n_preliminary, part, reliability in scored.select(columns).rows():
        if part is not None and part > MOST_DECIDED:
            yield _found("one_indicator_decides", name, part)
        if n_present and reliability is None:
            yield _found("reliability_unknown", name)
        if n_preliminary:
            yield _found("preliminary", name, n_preliminary)


def strictest(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict that lets least be published.

    Parameters
    ----------
    verdicts : iterable of {"publish", "internal_only", "do_not_publish"}
        Of findings, in any order.

    Returns
    -------
    {"publish", "internal_only", "do_not_publish"}
        "publish" where there are none.
    """
    return max(verdicts, key=VERDICTS.index, default="publish")


def _found(
    reason: str,
    indicator: str | None = None,
    number: float | None = None,
    limit: float | None = None,
) -> Finding:
    rule = _RULE[reason]
    told = None if number is None else float(number)
    return Finding(rule, indicator, told, rule.limit if limit is None else limit)
