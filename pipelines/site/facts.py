"""What the tables of a release hold of an area and a municipality, looked up once for all pages."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipelines.wording import swedish_order
from pipelines.words.said import Cell, row_cells

KEY = ("service_area", "period", "municipality")
PER_MUNICIPALITY = (  # one row for a municipality in an area and year
    "efficiency", "rank_interval", "rank_bounds", "peer_comparison", "change_label", "dea_score",
    "order_m_score", "index_alternative",
)  # fmt: skip

ROLES = ("cost", "unadjusted_cost", "quality", "guardrail", "control", "context")  # readers meet

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Area:
    """A service area with the year that is shown of it."""

    name: str
    title: str
    row: Row  # of service_area
    period: int
    is_ranked: bool  # whether that year places somebody in the country
    covered: Row  # of area_coverage
    later: tuple[Row, ...]  # of area_coverage: newer years that cannot be ranked
    verdict: Row  # of suitability
    findings: pl.DataFrame  # of suitability_finding
    indicators: tuple[Row, ...]  # of indicator, cost first

    @property
    def page(self) -> str:
        """Where its page stands."""
        return f"area/{self.name}.html"


class Facts:
    """The published tables of a release, by what pages ask of them."""

    def __init__(self, tables: Mapping[str, pl.DataFrame]) -> None:
        """Look everything up in the frames of a release, by their names in it."""
        self.tables = tables
        self.areas = tuple(sorted(_areas(tables), key=lambda area: swedish_order(area.title)))
        titles = tables["efficiency"].select("municipality", "municipality_title").unique()
        self.municipalities = dict(
            sorted(titles.iter_rows(), key=lambda row: (swedish_order(row[1]), row[0]))
        )
        shown = pl.DataFrame(
            [(area.name, area.period) for area in self.areas],
            schema={"service_area": pl.String, "period": pl.Int32},
            orient="row",
        )
        self._rows = {
            name: {
                (row["service_area"], row["municipality"]): row
                for row in tables[name].join(shown, on=KEY[:2]).iter_rows(named=True)
            }
            for name in PER_MUNICIPALITY
        }
        self._values = _grouped(tables["panel"].join(shown, on=KEY[:2]), KEY[0], KEY[2])
        self._beside = {
            (row["service_area"], row["municipality"], row["indicator"]): row
            for row in tables["peer_value"].join(shown, on=KEY[:2]).iter_rows(named=True)
        }
        self._better = _grouped(tables["better_than"].join(shown, on=KEY[:2]), KEY[0], KEY[2])
        self._peers = _grouped(tables["peer"], "peer_group", "municipality")

    def row(self, table: str, area: Area, municipality: str) -> Row | None:
        """The row of one of `PER_MUNICIPALITY` in the year shown, or None where it has none."""
        return self._rows[table].get((area.name, municipality))

    def cells(self, table: str, area: Area, municipality: str) -> dict[str, Cell]:
        """The cells of that row that have a value, by column; none where there is no row."""
        row = self.row(table, area, municipality)
        return {} if row is None else row_cells(table, row, KEY)

    def peers(self, area: Area, municipality: str) -> list[str]:
        """The municipalities that Kolada calls similar for the area, by Swedish name."""
        rows = self._peers.get((area.row["peer_group"], municipality), ())
        return sorted((row["peer"] for row in rows), key=self._name_order)

    def better_than(self, area: Area, municipality: str) -> list[Row]:
        """The rows of `better_than` of a municipality, by the peer's name."""
        rows = self._better.get((area.name, municipality), ())
        return sorted(rows, key=lambda row: self._name_order(row["peer"]))

    def values(self, area: Area, municipality: str) -> dict[str, tuple[Row, Row | None]]:
        """Every indicator's row of `panel`, and of `peer_value` where there is one."""
        return {
            row["indicator"]: (row, self._beside.get((area.name, municipality, row["indicator"])))
            for row in self._values.get((area.name, municipality), ())
        }

    def _name_order(self, municipality: str) -> str:
        return swedish_order(self.municipalities.get(municipality, municipality))


def _areas(tables: Mapping[str, pl.DataFrame]) -> Iterable[Area]:
    efficiency = tables["efficiency"].filter(pl.col("n_ranked") > 0)
    ranked = dict(efficiency.group_by("service_area").agg(pl.col("period").max()).iter_rows())
    roles = pl.col("role").replace_strict({role: i for i, role in enumerate(ROLES)}, default=None)
    for row in tables["service_area"].iter_rows(named=True):
        name = row["service_area"]
        coverage = tables["area_coverage"].filter(service_area=name).sort("period")
        has_values = coverage.filter((pl.col("n_cost") > 0) | (pl.col("n_quality") > 0))
        period = ranked.get(name) or (has_values if has_values.height else coverage)["period"][-1]
        of_year = {"service_area": name, "period": period}
        yield Area(
            name=name,
            title=row["title"],
            row=row,
            period=period,
            is_ranked=name in ranked,
            covered=coverage.filter(period=period).row(0, named=True),
            later=tuple(
                coverage.filter(pl.col("period") > period, ~pl.col("is_covered")).to_dicts()
            ),
            verdict=tables["suitability"].filter(**of_year).row(0, named=True),
            findings=tables["suitability_finding"].filter(**of_year),
            indicators=tuple(
                tables["indicator"]
                .filter(pl.col("service_area") == name, pl.col("role").is_in(ROLES))
                .sort(roles, "indicator")
                .to_dicts()
            ),
        )


def _grouped(frame: pl.DataFrame, *key: str) -> dict[tuple[Any, ...], list[Row]]:
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in frame.iter_rows(named=True):
        groups[tuple(row[name] for name in key)].append(row)
    return groups
