"""What a chart's frame says, in Swedish: caption, title, summary, numbers and order of names."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

import polars as pl

CREDIT = "Egen bearbetning av data från Kolada"
# Kolada's terms: who processes the data may not name Kolada as the source of the result.
FORBIDDEN_CREDIT = "källa: kolada"
MARKS = {
    "SIMULERADE DATA": "påhittade värden om ingen verklig kommun.",
    "PRELIMINÄRT": "uppgifterna kan ändras.",
    "FÖRSLAG": "valet av indikatorer är inte politiskt beslutat.",
}
MISSING = "saknar uppgift"
NO_INTERVAL = "intervall kan inte beräknas"
REASONS = {  # by `status` in mart.efficiency; any other without a rank is MISSING
    "missing_cost": "saknar uppgift om kostnad",
    "missing_quality": "saknar uppgift om kvalitet",
    "missing_cost_and_quality": "saknar uppgift om kostnad och kvalitet",
    "coverage_below_gate": "för få kommuner har uppgift",
    "not_ranked_by_grade": "underlaget räcker inte för en plats",
    "internal_only": "underlaget bär bara intern användning",
}

INDICES = ("resource_index", "quality_index")
GROUPS = {"chosen": "vald", "peer": "jämförbar", "other": "övrig"}  # by role, in order


class Table(TypedDict):
    """The numbers of a chart as text; the first column names the row."""

    caption: str
    columns: list[str]
    rows: list[list[str]]  # who is named in the chart
    more: list[list[str]]  # the rest


@dataclass(frozen=True, slots=True)
class Caption:
    """What every exported chart says about itself."""

    area: str
    period: int
    as_of: str  # the day whose knowledge is shown, ISO
    method: str
    n_ranked: int
    n_missing: int
    marks: tuple[str, ...] = ()
    note: str = ""  # how the chart must not be read; empty: what its kind of chart says

    def __post_init__(self) -> None:
        for text in (self.area, self.as_of, self.method, self.note, *self.marks):
            if FORBIDDEN_CREDIT in text.casefold():
                raise ValueError(
                    f"The caption says {text!r}, but a computed score may not name Kolada as its "
                    f"source. Write {CREDIT!r}."
                )

    def lines(self) -> tuple[str, ...]:
        """Return the caption in Swedish, line by line."""
        marks = " ".join(f"{mark}: {MARKS[mark]}" if mark in MARKS else mark for mark in self.marks)
        credit = (
            f"{CREDIT}. Kunskapsläge {self.as_of}. {self.area} {self.period}: "
            f"{swedish(self.n_ranked)} kommuner är med, {swedish(self.n_missing)} saknar uppgift."
        )
        return tuple(line for line in (marks, credit, f"Metod: {self.method}", self.note) if line)


def swedish(number: float, decimals: int = 0) -> str:
    """Return `number` with a decimal comma, no-break spaces between thousands, a true minus."""
    text = f"{number:z,.{decimals}f}"
    return text.translate(str.maketrans({",": "\u00a0", ".": ",", "-": "−"}))


def swedish_order(name: str) -> str:
    """Return a key that sorts `name` as Swedish does: Å, Ä and Ö last, é as e."""
    letters = unicodedata.normalize("NFC", name).casefold()
    last = letters.translate(str.maketrans({"å": "{", "ä": "|", "æ": "|", "ö": "}", "ø": "}"}))
    return "".join(c for c in unicodedata.normalize("NFD", last) if not unicodedata.combining(c))


def by_role(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with the chosen municipality first, then peers, then others, by name."""
    role = pl.col("role").replace_strict({role: i for i, role in enumerate(GROUPS)})
    return frame.sort(role, _name_order(), "municipality")


def the_chosen(frame: pl.DataFrame) -> dict[str, Any]:
    """Return the row of the one chosen municipality.

    Raises
    ------
    ValueError
        If no or several municipalities have the role, or a role is unknown.
    """
    unknown = sorted(set(frame["role"].to_list()) - set(GROUPS), key=str)
    if unknown:
        raise ValueError(f"A chart knows no role {unknown}. Give chosen, peer or other.")
    rows = frame.filter(pl.col("role") == "chosen")
    if rows.height != 1:
        raise ValueError(
            f"A chart has one chosen municipality, this frame has {rows.height}"
            f"{': ' + ', '.join(rows['municipality_title'][:5]) if rows.height else ''}. "
            "Give the role to the one in focus."
        )
    return rows.row(0, named=True)


def indices(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame of a quadrant in order, NaN as missing, or refuse an index out of scale."""
    frame = by_role(frame).with_columns(pl.col(INDICES).cast(pl.Float64).fill_nan(None))
    outside = frame.filter(pl.any_horizontal(~pl.col(INDICES).is_between(0, 100)))
    if not outside.is_empty():
        raise ValueError(
            f"{outside.height} municipalities have an index outside 0-100: "
            f"{', '.join(outside['municipality_title'][:5])}. Scale the indices first."
        )
    return frame


def peers_median(frame: pl.DataFrame) -> tuple[float, float] | None:
    """Return the peers' median resource and quality index, over peers that have both."""
    peers = frame.filter(pl.col("role") == "peer").drop_nulls(INDICES)
    if peers.is_empty():
        return None
    return float(peers["resource_index"].median()), float(peers["quality_index"].median())


def quadrant_title(frame: pl.DataFrame) -> str:
    """Return the message of a quadrant; what differs in no shown decimal counts as level."""
    chosen, median = the_chosen(frame), peers_median(frame)
    name = chosen["municipality_title"]
    if any(chosen[index] is None for index in INDICES):
        return f"{name} kan inte placeras: uppgift saknas"
    if median is None:
        return f"{name} kan inte jämföras: jämförbara kommuner saknar uppgift"
    sides = {-1: "under", 0: "i nivå med", 1: "över"}
    quality = sides[_side(chosen["quality_index"], median[1])]
    cost = sides[-_side(chosen["resource_index"], median[0])]
    both = f"och kostnad {cost}" if quality == cost else f"{quality} och kostnad {cost}"
    return f"{name}: kvalitet {both} jämförbara kommuners median"


def quadrant_summary(frame: pl.DataFrame) -> str:
    """Return in words what a quadrant shows."""
    chosen, median = the_chosen(frame), peers_median(frame)
    name = chosen["municipality_title"]
    n_peer = frame.filter(pl.col("role") == "peer").drop_nulls(INDICES).height
    complete = frame.drop_nulls(INDICES)
    said = [
        "Diagrammet visar kvalitetsindex mot resursindex, 0–100. Högre resursindex betyder lägre "
        "kostnad, högre kvalitetsindex bättre kvalitet.",
        f"{name} saknar uppgift och kan inte placeras."
        if any(chosen[index] is None for index in INDICES)
        else f"{name} har resursindex {swedish(chosen['resource_index'], 1)} och kvalitetsindex "
        f"{swedish(chosen['quality_index'], 1)}.",
    ]
    if median is not None:
        said.append(
            f"Medianen för {n_peer} jämförbara kommuner är {swedish(median[0], 1)} och "
            f"{swedish(median[1], 1)}."
        )
    said.append(
        f"{swedish(complete.height)} kommuner visas, "
        f"{swedish(frame.height - complete.height)} saknar uppgift."
    )
    return " ".join(said)


def quadrant_table(frame: pl.DataFrame) -> Table:
    """Return the numbers of a quadrant; `frame` is as `indices` gives it."""
    rows: dict[bool, list[list[str]]] = {True: [], False: []}
    for title, role, *values in frame.select("municipality_title", "role", *INDICES).rows():
        cells = [MISSING if value is None else swedish(value, 1) for value in values]
        rows[role == "other"].append([title, GROUPS[role], *cells])
    median = peers_median(frame)
    if median is not None:
        rows[False].append(
            ["Jämförbara kommuners median", "", *(swedish(value, 1) for value in median)]
        )
    return {
        "caption": "Resursindex och kvalitetsindex, 0–100, högre är bättre",
        "columns": ["Kommun", "Grupp", "Resursindex", "Kvalitetsindex"],
        "rows": rows[False],
        "more": rows[True],
    }


def places(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame of a ranking best first, with `reason`: why a place is not shown, or null.

    Raises
    ------
    ValueError
        If a place or its interval is not within 1 and the number of ranked municipalities.
    """
    numbers = ("efficiency_score", "efficiency_rank", "n_ranked", "rank_low", "rank_high")
    frame = frame.with_columns(pl.col(numbers).cast(pl.Float64).fill_nan(None))
    low, high = pl.col("rank_low"), pl.col("rank_high")
    place = pl.col("efficiency_rank", "rank_low", "rank_high")
    wrong = frame.filter(pl.any_horizontal(~place.is_between(1, pl.col("n_ranked"))) | (low > high))
    if not wrong.is_empty():
        raise ValueError(
            f"{wrong.height} municipalities have a place or an interval outside 1 to n_ranked: "
            f"{', '.join(wrong['municipality_title'][:5])}. Rank them anew."
        )
    reason = (
        pl.when(pl.col("efficiency_rank").is_null())
        .then(pl.col("status").replace_strict(REASONS, default=MISSING, return_dtype=pl.String))
        .when(low.is_null() | high.is_null())
        .then(pl.lit(NO_INTERVAL))
    )
    shown = pl.when(reason.is_null()).then(pl.col("efficiency_rank"))
    return frame.with_columns(reason=reason).sort(shown, _name_order(), nulls_last=True)


def ranking_title(frame: pl.DataFrame) -> str:
    """Return the message of a ranking; `frame` is as `places` gives it."""
    row = the_chosen(frame)
    name = row["municipality_title"]
    if row["reason"] is not None:
        return f"{name}: ingen plats i landet visas, {row['reason']}"
    said = f"{name}: plats {swedish(row['efficiency_rank'])} av {swedish(row['n_ranked'])}"
    if row["rank_low"] == row["rank_high"]:
        return f"{said}, troligen just den platsen"
    return f"{said}, troligen mellan {swedish(row['rank_low'])} och {swedish(row['rank_high'])}"


def ranking_summary(frame: pl.DataFrame) -> str:
    """Return in words what a ranking shows; `frame` is as `places` gives it."""
    row = the_chosen(frame)
    name = row["municipality_title"]
    shown = frame.filter(pl.col("reason").is_null())
    said = [
        "Diagrammet visar platsen i landet, där 1 är mest effektiv, med 90-procentigt intervall."
    ]
    if row["reason"] is None:
        better = shown.filter(pl.col("efficiency_rank") < row["efficiency_rank"]).height
        said.append(
            f"{name} har plats {swedish(row['efficiency_rank'])} av {swedish(row['n_ranked'])}, "
            f"intervall {interval(row)}, och är nummer {better + 1} av {shown.height} bland de "
            "jämförda kommuner som har en plats."
        )
    else:
        said.append(f"{name} visas utan plats: {row['reason']}.")
    others = frame.filter(pl.col("reason").is_not_null(), pl.col("role") != "chosen")
    said += [
        f"{title} visas utan plats: {reason}."
        for title, reason in others.select("municipality_title", "reason").rows()
    ]
    return " ".join(said)


def ranking_table(frame: pl.DataFrame) -> Table:
    """Return the numbers of a ranking; `frame` is as `places` gives it."""
    rows = []
    for row in frame.iter_rows(named=True):
        score = row["efficiency_score"]
        rows.append(
            [
                row["municipality_title"],
                GROUPS[row["role"]],
                row["reason"] or swedish(row["efficiency_rank"]),
                "–" if row["reason"] else interval(row),
                "–" if score is None else swedish(score, 1),
            ]
        )
    return {
        "caption": "Plats i landet (1 = mest effektiv), 90-procentigt intervall och "
        "effektivitetspoäng (0–100)",
        "columns": ["Kommun", "Grupp", "Plats", "Intervall", "Poäng"],
        "rows": rows,
        "more": [],
    }


def interval(row: Mapping[str, Any]) -> str:
    """Return the interval of a place, as in 30–62."""
    return f"{swedish(row['rank_low'])}–{swedish(row['rank_high'])}"


def _side(value: float, median: float) -> int:
    """Return -1, 0 or 1: below, level or above, as far as the numbers shown tell."""
    difference = round(value, 1) - round(median, 1)
    return (difference > 0) - (difference < 0)


def _name_order() -> pl.Expr:
    return pl.col("municipality_title").map_elements(swedish_order, return_dtype=pl.String)
