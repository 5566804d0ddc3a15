"""Reads and checks `areas/*.toml`: which KPI plays which part in which service.

A file is read whole, and all that is wrong with it is said at once. What can only be seen beside
Kolada's catalogue (an id that is not there, another title, an ended series) is
`check_against_catalogue`'s to say.
"""

import shlex
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from models.areas.file import area_faults
from models.areas.roles import Direction, Grade, Role
from models.areas.successor import Successor, ended_after, successors
from models.definition_file import listed
from models.frontier.technology import Orientation, Returns

AREAS = Path(__file__).parent


class ServiceAreaError(ValueError):
    """A service area's file, or its KPIs beside Kolada's catalogue, cannot be used as it is."""


@dataclass(frozen=True, slots=True)
class Break:
    """A year whose values cannot be compared with those of the year before."""

    period: int
    reason: str


@dataclass(frozen=True, slots=True)
class Indicator:
    """A KPI with a role in a service area; the fields are those of the file."""

    name: str
    kpi: str | None  # None: computed, 100 (sum / reference - 1), of other indicators of the area
    title: str  # Kolada's, verbatim
    sum_of: tuple[str, ...]
    relative_to: str | None
    label: str  # Swedish, short, for charts
    unit: str  # Swedish
    role: Role
    direction: Direction | None
    weight: float
    regi: str
    regi_reason: str | None  # Swedish; why it may differ from the area's
    is_input: bool  # counted as quality though it is what is put in
    carry_forward: int  # years a value may be old
    unit_data: bool  # whether the values of schools, homes … are read too
    first_period: int  # the area's, where the file gives none
    plausible: tuple[float, float] | None  # values outside are set aside
    zero: float | None  # the value that stands for no quantity, in the unit; for the frontier
    margin: str | None  # the indicator that is this one's published margin of error
    answers: str | None  # the indicator that counts the answers this one is a share of
    assumed_sd: float | None  # of the noise, in the unit; used where nothing else tells it
    assumed_sd_reason: str | None
    why: str
    source: str


@dataclass(frozen=True, slots=True)
class RkaIndices:
    """RKA's own indices of a service, by KPI."""

    resource: str
    quality: str
    efficiency: str


@dataclass(frozen=True, slots=True)
class ServiceArea:
    """A benchmarked service; the fields are those of the file, whose name is `name`."""

    name: str
    title: str
    first_period: int
    last_period: int | None
    statutory: bool
    regi: str
    peer_group: str  # the word in Kolada's "Liknande kommuner <word>, <municipality>, <year>"
    evidence_grade: Grade
    evidence_reason: str
    minimum_share: float  # of the municipalities must be complete, or nobody is scored
    orientation: Orientation  # the side that is moved to the frontier
    rts: Returns  # of the frontier; "vrs" unless cost and quality are amounts
    small_numbers: str | None  # Swedish; what is hidden or unsure where few are concerned
    rka: RkaIndices | None  # where RKA has indices of the service
    decision: str | None  # without a reference the set of indicators is a proposal (FÖRSLAG)
    breaks: tuple[Break, ...]
    indicators: tuple[Indicator, ...]

    @property
    def kpis(self) -> frozenset[str]:
        """Every KPI that the area reads."""
        return frozenset(each.kpi for each in self.indicators if each.kpi is not None)

    def with_role(self, *roles: Role) -> tuple[Indicator, ...]:
        """Return the indicators with one of `roles`, in the order of the file."""
        return tuple(indicator for indicator in self.indicators if indicator.role in roles)


def service_areas(folder: Path = AREAS) -> tuple[ServiceArea, ...]:
    """Read every service area of a folder.

    Parameters
    ----------
    folder : Path
        Where the `.toml` files are; the official areas unless another is given.

    Returns
    -------
    tuple of ServiceArea
        Sorted by name.

    Raises
    ------
    ServiceAreaError
        If the folder holds no such file, or one of them is at fault.
    """
    paths = sorted(folder.glob("*.toml"), key=lambda path: path.stem)
    if not paths:
        raise ServiceAreaError(
            f"There is no service area (*.toml) in {folder}. Name another folder, or write the "
            "first file after the pattern of models/areas/compulsory_school.toml."
        )
    return tuple(read_service_area(path) for path in paths)


def read_service_area(path: Path) -> ServiceArea:
    """Read one service area and check all that can be seen in the file itself.

    Parameters
    ----------
    path : Path
        A TOML file; its name without the ending becomes the area's name.

    Returns
    -------
    ServiceArea
        With the defaults filled in.

    Raises
    ------
    ServiceAreaError
        If anything in the file is unknown, missing or contradictory. The message lists all
        faults, five at most, each with what to do.
    """
    file = f"{path.parent.name}/{path.name}"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ServiceAreaError(f"{file} is not TOML: {error}. Correct the file there.") from error

    faults = area_faults(path.stem, table)
    if faults:
        raise ServiceAreaError(listed(file, faults))

    first_period = table["first_period"]
    return ServiceArea(
        name=path.stem,
        title=table["title"],
        first_period=first_period,
        last_period=table.get("last_period"),
        statutory=table["statutory"],
        regi=table["regi"],
        peer_group=table["peer_group"],
        evidence_grade=table["evidence_grade"],
        evidence_reason=table["evidence_reason"],
        minimum_share=float(table.get("minimum_share", 0.7)),
        orientation=table.get("orientation", "input"),
        rts=table.get("rts", "vrs"),
        small_numbers=table.get("small_numbers"),
        rka=RkaIndices(**table["rka"]) if "rka" in table else None,
        decision=table.get("decision"),
        breaks=tuple(Break(**entry) for entry in table.get("breaks", [])),
        indicators=tuple(
            _indicator(name, entry, first_period) for name, entry in table["indicators"].items()
        ),
    )


def check_against_catalogue(
    areas: Iterable[ServiceArea], kpi: pl.DataFrame, *, earlier: pl.DataFrame | None = None
) -> None:
    """Check every area's KPIs against Kolada's catalogue.

    A wrong id is as easily typed as a right one, so an id counts only together with its title.

    Parameters
    ----------
    areas : iterable of ServiceArea
        The areas to check.
    kpi : frame with the columns kpi, title, description, has_ou_data
        Kolada's catalogue, one row per KPI.
    earlier : frame with kpi, title and description, optional
        The last that was known of KPIs that are gone, from which their titles are told.

    Raises
    ------
    ServiceAreaError
        If a KPI is not in the catalogue, its title is another, or its series has ended, which
        Kolada writes as "(-2024)" or "(- 2024)" last in the title. What has replaced it is named
        as far as `models.areas.successor` finds it. All areas' faults are counted and five listed.
    """
    titles = _titles(kpi)
    with_units = set(kpi.filter("has_ou_data")["kpi"])
    known_before = {} if earlier is None else _titles(earlier)
    faults: list[str] = []
    for area in areas:
        for indicator in area.indicators:
            if indicator.kpi is None:
                continue
            who = f"{area.name}, indicator {indicator.name} ({indicator.kpi})"
            title = titles.get(indicator.kpi)
            if title is None:
                before = known_before.get(indicator.kpi)
                was = f", where it was {before!r}" if before else ""
                remedy = _replaced(
                    successors(kpi, indicator.kpi, earlier=earlier, title=indicator.title)
                ) or (
                    "Find the id with `python -m kolada kpi "
                    f"{shlex.quote(' '.join(indicator.title.split()))}`."
                )
                faults.append(f"{who} is not in Kolada's catalogue{was}. {remedy}")
            elif ended := ended_after(title):
                remedy = _replaced(successors(kpi, indicator.kpi, earlier=earlier)) or (
                    "Choose a KPI that is still published, or take it out."
                )
                faults.append(
                    f"{who} has ended: Kolada's title is {title!r}, so there is nothing after "
                    f"{ended}. {remedy}"
                )
            elif title != indicator.title:
                faults.append(
                    f"{who} has the title {title!r} at Kolada, but {indicator.title!r} in the "
                    "file. If it is the same measure, copy Kolada's title; else correct the id."
                )
            elif indicator.unit_data and indicator.kpi not in with_units:
                faults.append(f"{who} has no values of units at Kolada. Remove unit_data there.")
    if faults:
        raise ServiceAreaError(listed("The service areas beside Kolada's catalogue", faults))


def service_area_frame(areas: Iterable[ServiceArea]) -> pl.DataFrame:
    """Put the areas in the form of `staging.service_area`.

    Parameters
    ----------
    areas : iterable of ServiceArea
        The areas, in any order.

    Returns
    -------
    frame
        One row per area, sorted by `service_area`; `contracts.definitions.ServiceAreaTable` says
        which columns.
    """
    rows = [
        asdict(area)
        | {"service_area": area.name}
        | {f"rka_{name}": kpi for name, kpi in (asdict(area.rka) if area.rka else {}).items()}
        for area in sorted(areas, key=lambda area: area.name)
    ]
    schema = {
        "service_area": pl.String,
        "title": pl.String,
        "first_period": pl.Int32,
        "last_period": pl.Int32,
        "statutory": pl.Boolean,
        "regi": pl.String,
        "peer_group": pl.String,
        "evidence_grade": pl.String,
        "evidence_reason": pl.String,
        "minimum_share": pl.Float64,
        "orientation": pl.String,
        "rts": pl.String,
        "small_numbers": pl.String,
        "rka_resource": pl.String,
        "rka_quality": pl.String,
        "rka_efficiency": pl.String,
        "decision": pl.String,
    }
    return pl.DataFrame(rows, schema=schema)


def indicator_frame(areas: Iterable[ServiceArea]) -> pl.DataFrame:
    """Put the areas' indicators in the form of `staging.indicator`.

    Parameters
    ----------
    areas : iterable of ServiceArea
        The areas, in any order.

    Returns
    -------
    frame
        One row per area and indicator, sorted by area and within it in the order of the file;
        `contracts.definitions.IndicatorTable` says which columns.
    """
    rows = []
    for area in sorted(areas, key=lambda area: area.name):
        for indicator in area.indicators:
            low, high = indicator.plausible or (None, None)
            names = {"service_area": area.name, "indicator": indicator.name}
            bounds = {"plausible_min": low, "plausible_max": high}
            rows.append(asdict(indicator) | names | bounds)
    schema = {
        "service_area": pl.String,
        "indicator": pl.String,
        "kpi": pl.String,
        "title": pl.String,
        "relative_to": pl.String,
        "label": pl.String,
        "unit": pl.String,
        "role": pl.String,
        "direction": pl.String,
        "weight": pl.Float64,
        "regi": pl.String,
        "regi_reason": pl.String,
        "is_input": pl.Boolean,
        "carry_forward": pl.Int32,
        "unit_data": pl.Boolean,
        "first_period": pl.Int32,
        "plausible_min": pl.Float64,
        "plausible_max": pl.Float64,
        "zero": pl.Float64,
        "margin": pl.String,
        "answers": pl.String,
        "assumed_sd": pl.Float64,
        "assumed_sd_reason": pl.String,
        "why": pl.String,
        "source": pl.String,
    }
    return pl.DataFrame(rows, schema=schema)


def formula_frame(areas: Iterable[ServiceArea]) -> pl.DataFrame:
    """Put what is computed from other indicators in the form of `staging.formula`.

    Parameters
    ----------
    areas : iterable of ServiceArea
        The areas, in any order.

    Returns
    -------
    frame
        One row per computed indicator and indicator that it is computed from, sorted by key;
        `contracts.definitions.Formula` says which columns.
    """
    rows = [
        (area.name, indicator.name, term, term == indicator.relative_to)
        for area in areas
        for indicator in area.indicators
        if indicator.relative_to is not None
        for term in (*indicator.sum_of, indicator.relative_to)
    ]
    schema = {
        "service_area": pl.String,
        "indicator": pl.String,
        "term": pl.String,
        "is_reference": pl.Boolean,
    }
    return pl.DataFrame(rows, schema=schema, orient="row").sort("service_area", "indicator", "term")


def _titles(kpi: pl.DataFrame) -> dict[str, str]:
    return dict(kpi.select("kpi", "title").iter_rows())


def _replaced(by: Iterable[Successor]) -> str:
    """Say what has replaced a KPI and what to do, in a sentence for each."""
    words = {
        "told": "Kolada says that it is replaced by {}: compare the two definitions before it "
        "takes its place.",
        "told_not_comparable": "Kolada says that it is replaced by {} and that the two are not "
        "comparable: where that takes its place, add the first year to the area's breaks.",
        "same_title": "The same title is that of {}, which is likely what is meant now, though "
        "Kolada does not say so: compare the two definitions.",
    }
    return " ".join(words[each.basis].format(f"{each.kpi}, {each.title!r}") for each in by)


def _indicator(name: str, table: Mapping[str, Any], area_first_period: int) -> Indicator:
    plausible = table.get("plausible")
    return Indicator(
        name=name,
        kpi=table.get("kpi"),
        title=table["title"],
        sum_of=tuple(table.get("sum_of", ())),
        relative_to=table.get("relative_to"),
        label=table["label"],
        unit=table["unit"],
        role=table["role"],
        direction=table.get("direction"),
        weight=float(table.get("weight", 1)),
        regi=table["regi"],
        regi_reason=table.get("regi_reason"),
        is_input=table.get("is_input", False),
        carry_forward=table.get("carry_forward", 0),
        unit_data=table.get("unit_data", False),
        first_period=table.get("first_period", area_first_period),
        plausible=None if plausible is None else (float(plausible[0]), float(plausible[1])),
        zero=None if "zero" not in table else float(table["zero"]),
        margin=table.get("margin"),
        answers=table.get("answers"),
        assumed_sd=None if "assumed_sd" not in table else float(table["assumed_sd"]),
        assumed_sd_reason=table.get("assumed_sd_reason"),
        why=table["why"],
        source=table["source"],
    )
