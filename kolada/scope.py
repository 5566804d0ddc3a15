"""The cells that are followed, the questions about them, and when each was last read whole."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from kolada.history import OBSERVATION, OU_OBSERVATION, RawTable
from kolada.ledger import Ledger
from kolada.plan import Plan, municipalities_to_ask, observation_plan, ou_plan
from kolada.query import BATCH_LIMIT, Query, batches

NEVER = date(2999, 1, 1)  # nothing has changed since then, so any row tells of a fault


@dataclass(frozen=True, slots=True)
class Scope:
    """Every combination of these; of units, all those of the municipalities."""

    kpi: tuple[str, ...]
    municipality: tuple[str, ...]
    period: tuple[int, ...]
    table: Literal["data", "oudata"] = "data"

    @property
    def raw(self) -> RawTable:
        """The table whose rows the answers are."""
        return OBSERVATION if self.table == "data" else OU_OBSERVATION

    def plan(
        self, *, kpi: Iterable[str] | None = None, period: Iterable[int] | None = None
    ) -> Plan:
        """The questions that read all of it whole, or only some KPIs or periods."""
        kpis = self.kpi if kpi is None else kpi
        periods = self.period if period is None else period
        if self.table == "oudata":
            return ou_plan(kpi=kpis, period=periods)
        return observation_plan(kpi=kpis, municipality=self.municipality, period=periods)

    def sweep(self, since: date) -> list[Query]:
        """The questions what has changed since a day, of every KPI there is."""
        return [
            Query(self.table, municipality=municipalities, period=periods, from_date=since)
            for municipalities in batches(self.municipality)
            for periods in batches(self.period)
        ]

    @property
    def n_quiet(self) -> int:
        """Requests of a night in which nothing has changed: probe, sweep and one old question."""
        return 1 + len(self.sweep(NEVER)) + 1

    @property
    def probe(self) -> Query:
        """A question whose answer has no row where Kolada heeds `from_date`."""
        return Query(
            self.table,
            municipality=self.municipality[:1],
            period=self.period[-BATCH_LIMIT:],  # the newest may have no values yet
            from_date=NEVER,
        )


def scopes_of(
    kpi: pl.DataFrame,
    municipality: pl.DataFrame,
    *,
    wanted: Iterable[str],
    of_units: Iterable[str] = (),
    period: Iterable[int],
) -> list[Scope]:
    """The cells of these KPIs of all municipalities and the country, and of units where asked for.

    Parameters
    ----------
    kpi, municipality : frame
        Kolada's catalogue. A KPI that is not in it is left out, and one without units from those.
    wanted, of_units : iterable of str
        The KPIs whose values for municipalities, and for units, are wanted.
    period : iterable of int
        The years.
    """
    there: dict[Literal["data", "oudata"], set[str]] = {
        "data": set(kpi["kpi"]) & set(wanted),
        "oudata": set(kpi.filter("has_ou_data")["kpi"]) & set(of_units),
    }
    places = tuple(sorted(municipalities_to_ask(municipality)))
    years = tuple(sorted(set(period)))
    return [
        Scope(tuple(sorted(kpis)), places, years, table) for table, kpis in there.items() if kpis
    ]


class LastRead:
    """By cell, the ledger's entry in which it was last read whole; 0 is never."""

    def __init__(self, ledger: Ledger, scope: Scope) -> None:
        self._of_municipalities = scope.table == "data"
        units = scope.municipality if self._of_municipalities else ("all",)
        self._position = {
            name: {value: place for place, value in enumerate(values)}
            for name, values in (("kpi", scope.kpi), ("unit", units), ("period", scope.period))
        }
        self._seq: npt.NDArray[np.int32] = np.zeros(
            (len(scope.kpi), len(units), len(scope.period)), dtype=np.int32
        )
        self._day: dict[int, date] = {}
        for entry in ledger.entries():
            query = entry.query
            if query.table == scope.table and query.is_whole and not self._is_of_some_units(query):
                self._seq[self._cells(query)] = entry.seq
                self._day[entry.seq] = entry.retrieved_at.date()

    def oldest(self, query: Query) -> int:
        """The entry of the cell of `query` that was read longest ago."""
        return int(self._seq[self._cells(query)].min())

    def is_newer(self, kpi: str, period: int, *, seq: int) -> bool:
        """Whether all of one KPI and year has been read after entry `seq`, or never."""
        place = self._position
        read = self._seq[place["kpi"][kpi], :, place["period"][period]]
        return not ((read > 0) & (read <= seq)).any()

    def first(self) -> int:
        """The entry of the cell that was read longest ago, among those that have been read."""
        return int(self._seq[self._seq > 0].min())

    def first_day(self) -> date:
        """The day on which that cell was read, UTC."""
        return self._day[self.first()]

    def is_newer_outside(
        self, municipality: Iterable[str], period: Iterable[int], *, seq: int
    ) -> bool:
        """Whether all other cells have been read after entry `seq`, or never."""
        outside = self._seq.copy()
        units = tuple(municipality) if self._of_municipalities else ()
        kpis = self._places("kpi", ())
        outside[
            np.ix_(kpis, self._places("unit", units), self._places("period", tuple(period)))
        ] = 0
        return not ((outside > 0) & (outside <= seq)).any()

    def _is_of_some_units(self, query: Query) -> bool:
        return not self._of_municipalities and bool(query.ou or query.municipality)

    def _cells(self, query: Query) -> Any:
        unit = query.municipality if self._of_municipalities else ()
        return np.ix_(
            self._places("kpi", query.kpi),
            self._places("unit", unit),
            self._places("period", query.period),
        )

    def _places(self, name: str, values: tuple[Any, ...]) -> list[int]:
        place = self._position[name]
        if not values:  # not asked for by this, so all
            return list(place.values())
        return [place[value] for value in values if value in place]
