"""What RKA's six areas are made of: the recipes in `rka/*.toml`, and whether they still hold.

A recipe is written from Kolada's own texts, which name components in words and seldom by id. So
every component says whether its text names it or it was inferred from the words, and every text
has its fingerprint here: where Kolada's text is another one now, somebody must read it again.
"""

import hashlib
import math
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, get_args

import polars as pl

from models.areas.roles import Direction
from models.areas.service_area import Break
from models.areas.successor import ended_after
from models.definition_file import Fields, known_fields, listed, not_one_of

Basis = Literal["named", "inferred"]
Missing = Literal["complete_cases", "year_before", "adjacent_year"]
Side = Literal["resource", "quality"]
Flag = Literal["unchanged", "simulated", "changed", "retitled", "ended", "vanished"]

RECIPES = Path(__file__).parent
SIDES: tuple[Side, ...] = get_args(Side)
SIMULATED = "SIMULERADE DATA"  # in every description of the simulated Sweden
FINGERPRINT_LENGTH = 16  # hexadecimal digits; two texts share them once in 10^19

PATTERNS = (
    ("kpi", r"[NU]\d{5}", "N or U and five digits"),
    ("fingerprint", r"[0-9a-f]{16}", "16 hexadecimal digits, as rka_recipe.fingerprint gives them"),
)

FLAG_SCHEMA = {
    "service_area": pl.String,
    "index": pl.String,
    "part": pl.String,
    "kpi": pl.String,
    "title": pl.String,
    "title_now": pl.String,
    "flag": pl.String,
}
AREA_FIELDS: Fields = {  # the type, and whether it must be there
    "title": (str, True),
    "catalogue": (date, True),
    "resource": (dict, True),
    "quality": (dict, True),
    "efficiency": (dict, True),
}
KPI_FIELDS: Fields = {"kpi": (str, True), "title": (str, True), "fingerprint": (str, True)}
EFFICIENCY_FIELDS: Fields = {**KPI_FIELDS, "source": (str, True)}
SIDE_FIELDS: Fields = {
    **EFFICIENCY_FIELDS,
    "scalings": (int, True),
    "missing": (str, True),
    "breaks": (list, False),
    "components": (list, True),
}
COMPONENT_FIELDS: Fields = {
    **KPI_FIELDS,
    "direction": (str, True),
    "weight": (float, False),
    "last_period": (int, False),
    "donors": (dict, False),
    "questions": (int, False),
    "least_questions": (int, False),
    "basis": (str, True),
    "why": (str, True),
}
BREAK_FIELDS: Fields = {"period": (int, True), "reason": (str, True)}


class RkaRecipeError(ValueError):
    """A recipe's file cannot be used as it is."""


@dataclass(frozen=True, slots=True)
class Component:
    """A KPI that an index is made of; the fields are those of the file."""

    kpi: str
    title: str  # Kolada's, verbatim
    fingerprint: str  # of Kolada's description
    direction: Direction
    basis: Basis
    why: str
    weight: float = 1.0
    last_period: int | None = None  # of the series; what RKA uses after it is not known
    donors: tuple[tuple[int, int], ...] = ()  # (a year without data, the year used instead)
    questions: int | None = None  # where the component is itself an index of questions
    least_questions: int | None = None


@dataclass(frozen=True, slots=True)
class IndexRecipe:
    """How one index of resources or quality is made."""

    kpi: str
    title: str
    fingerprint: str
    scalings: int  # 1: each component only, 2: their mean too
    missing: Missing
    source: str
    components: tuple[Component, ...]
    breaks: tuple[Break, ...] = ()


@dataclass(frozen=True, slots=True)
class EfficiencyRecipe:
    """The index that is the mean of the two others, scaled."""

    kpi: str
    title: str
    fingerprint: str
    source: str


@dataclass(frozen=True, slots=True)
class AreaRecipe:
    """RKA's three indices of one area; the file's name is `name`."""

    name: str
    title: str
    catalogue: date  # of Kolada's texts that the recipe is written from
    resource: IndexRecipe
    quality: IndexRecipe
    efficiency: EfficiencyRecipe

    @property
    def sides(self) -> dict[Side, IndexRecipe]:
        """The two indices that are made of components."""
        return {"resource": self.resource, "quality": self.quality}

    @property
    def kpis(self) -> frozenset[str]:
        """Every KPI that the mirror needs: the indices and their components."""
        return frozenset(each.kpi for _, _, each in _parts(self))


def fingerprint(description: str) -> str:
    """Return what tells one description from another, whatever the white space.

    Parameters
    ----------
    description : str
        Kolada's text of a KPI.

    Returns
    -------
    str
        The first 16 hexadecimal digits of the SHA-256 of the text, runs of white space as one.
    """
    text = " ".join(description.split())
    return hashlib.sha256(text.encode()).hexdigest()[:FINGERPRINT_LENGTH]


def area_recipes(folder: Path = RECIPES) -> tuple[AreaRecipe, ...]:
    """Read every recipe of a folder.

    Parameters
    ----------
    folder : Path
        Where the `.toml` files are.

    Returns
    -------
    tuple of AreaRecipe
        Sorted by name.

    Raises
    ------
    RkaRecipeError
        If the folder holds no recipe, or a file is at fault; the message lists the faults.
    """
    paths = sorted(folder.glob("*.toml"), key=lambda path: path.stem)
    if not paths:
        raise RkaRecipeError(f"There is no recipe (*.toml) in {folder}. Name another folder.")
    return tuple(_area_recipe(path) for path in paths)


def definition_flags(catalogue: pl.DataFrame, recipes: Iterable[AreaRecipe]) -> pl.DataFrame:
    """Compare Kolada's texts with those that the recipes were written from.

    Parameters
    ----------
    catalogue : frame with the columns kpi, title, description
        Kolada's catalogue, one row per KPI; a description may be null.
    recipes : iterable of AreaRecipe
        What is believed of the indices.

    Returns
    -------
    frame
        `mart.rka_definition`, one row per area, index and KPI. `flag` is "vanished" where the
        catalogue lacks the KPI; "simulated" where its text is of simulated data, which differs by
        design; "ended" where its title now has a last year that the recipe's has not; "retitled";
        "changed" where the description has another fingerprint; otherwise "unchanged".

    Raises
    ------
    ValueError
        If the catalogue has a KPI twice.
    """
    twice = catalogue.filter(pl.col("kpi").is_duplicated())["kpi"].unique().sort().to_list()
    if twice:
        raise ValueError(
            f"The catalogue has {', '.join(twice[:5])} more than once ({len(twice)} KPIs). Keep "
            "the latest row of each."
        )
    rows = catalogue.select("kpi", "title", pl.col("description").fill_null("")).iter_rows()
    now = {kpi: (title, description) for kpi, title, description in rows}
    flags = [
        {
            "service_area": recipe.name,
            "index": index,
            "part": part,
            "kpi": each.kpi,
            "title": each.title,
            "title_now": now[each.kpi][0] if each.kpi in now else None,
            "flag": _flag(each, now.get(each.kpi)),
        }
        for recipe in recipes
        for index, part, each in _parts(recipe)
    ]
    return pl.DataFrame(flags, schema=FLAG_SCHEMA).sort("service_area", "index", "kpi")


def _parts(
    recipe: AreaRecipe,
) -> Iterator[tuple[str, str, IndexRecipe | EfficiencyRecipe | Component]]:
    for index, side in recipe.sides.items():
        yield index, "index", side
        for component in side.components:
            yield index, "component", component
    yield "efficiency", "index", recipe.efficiency


def _flag(each: IndexRecipe | EfficiencyRecipe | Component, now: tuple[str, str] | None) -> Flag:
    if now is None:
        return "vanished"
    title, description = now
    if SIMULATED in description:
        return "simulated"
    if ended_after(title) is not None and ended_after(each.title) is None:
        return "ended"
    if title.split() != each.title.split():
        return "retitled"
    return "unchanged" if fingerprint(description) == each.fingerprint else "changed"


def _area_recipe(path: Path) -> AreaRecipe:
    file = f"{path.parent.name}/{path.name}"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RkaRecipeError(f"{file} is not TOML: {error}. Correct the file there.") from error
    faults = _area_faults(table)
    if faults:
        raise RkaRecipeError(listed(file, faults))
    return AreaRecipe(
        name=path.stem,
        title=table["title"],
        catalogue=table["catalogue"],
        resource=_index_recipe(table["resource"]),
        quality=_index_recipe(table["quality"]),
        efficiency=EfficiencyRecipe(**table["efficiency"]),
    )


def _index_recipe(table: Mapping[str, Any]) -> IndexRecipe:
    components = []
    for entry in table["components"]:
        donors = tuple((int(year), used) for year, used in entry.get("donors", {}).items())
        weight = float(entry.get("weight", 1))
        components.append(Component(**{**entry, "donors": donors, "weight": weight}))
    breaks = tuple(Break(**entry) for entry in table.get("breaks", []))
    return IndexRecipe(**{**table, "components": tuple(components), "breaks": breaks})


def _area_faults(table: Mapping[str, Any]) -> list[str]:
    faults, area = known_fields("the recipe", table, AREA_FIELDS)
    parts = {name: area[name] for name in (*SIDES, "efficiency") if name in area}
    kpis = []
    for name, part in parts.items():
        fields = EFFICIENCY_FIELDS if name == "efficiency" else SIDE_FIELDS
        wrong, right = known_fields(name, part, fields)
        faults += wrong + _pattern_faults(name, right)
        kpis.append(right.get("kpi"))
        if name != "efficiency":
            faults += _side_faults(name, right)
        for position, entry in enumerate(right.get("components", []), start=1):
            if not isinstance(entry, dict):
                faults.append(f"{name}: component {position} is not a table. Make it one.")
                continue
            who = f"{name}, component {entry.get('kpi', position)}"
            faults += _component_faults(who, entry)
            kpis.append(entry.get("kpi"))
    faults += [
        f"{kpi} stands twice. An index or component has one part in an area: remove one."
        for kpi in sorted({str(kpi) for kpi in kpis if kpi is not None and kpis.count(kpi) > 1})
    ]
    return faults


def _side_faults(who: str, side: Mapping[str, Any]) -> list[str]:
    faults = not_one_of(who, side, "missing", get_args(Missing))
    if side.get("scalings", 1) not in (1, 2):
        faults.append(
            f"{who}: scalings is {side['scalings']}. Write 1 where the components are scaled, 2 "
            "where their mean is too."
        )
    n_component = len(side.get("components", [1]))
    if n_component == 0:
        faults.append(f"{who}: there is no component. Add [[{who}.components]].")
    if side.get("scalings") == 1 and n_component > 1:
        faults.append(
            f"{who}: {n_component} components are scaled once. RKA scales the mean of several "
            "again: write scalings = 2."
        )
    for entry in side.get("breaks", []):
        faults += known_fields(f"{who}, a break", entry, BREAK_FIELDS)[0]
    return faults


def _component_faults(who: str, entry: Mapping[str, Any]) -> list[str]:
    faults, component = known_fields(who, entry, COMPONENT_FIELDS)
    faults += _pattern_faults(who, component)
    faults += not_one_of(who, component, "direction", get_args(Direction))
    faults += not_one_of(who, component, "basis", get_args(Basis))
    if not 0 < component.get("weight", 1) < math.inf:
        faults.append(f"{who}: weight is {component['weight']}. It must be above 0.")
    for year, used in component.get("donors", {}).items():
        if not (year.isdecimal() and isinstance(used, int) and abs(used - int(year)) == 1):
            faults.append(f"{who}: {used} is not beside {year}. Only an adjacent year is used.")
    return faults


def _pattern_faults(who: str, table: Mapping[str, Any]) -> list[str]:
    return [
        f"{who}: {name} is {table[name]!r}. Write {words}."
        for name, pattern, words in PATTERNS
        if name in table and not re.fullmatch(pattern, table[name])
    ]
