"""The frontier methods on a panel: what each says of every municipality, area and period.

Costs are inputs, qualities outputs. A value becomes a quantity by counting from the indicator's
`zero`: upwards where a cost is better low or a quality high, downwards where it is the other way
round, such as the share who wait too long counted from 100. Those who are ranked span the
frontier of their year; whoever has a value that is no quantity is left out, with a status.
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.areas.service_area import Indicator, ServiceArea
from models.frontier.bootstrap import bootstrap
from models.frontier.dea import dea, projection
from models.frontier.malmquist import malmquist, malmquist_interval
from models.frontier.partial import order_m
from models.frontier.technology import BoolArray, FloatArray, IntArray, Labels
from models.panel import AreaArrays, area_arrays, period_status

LEVEL = 0.9  # of intervals, as that of a place
BEST_OF = 50  # municipalities drawn for order-m: a sixth of the country
LEAST_INTENSITY = 1e-9  # below it a peer is rounding

Schema = Mapping[str, Any]  # of polars
KEY_SCHEMA: Schema = {"service_area": pl.String, "period": pl.Int32, "municipality": pl.String}
DEA_SCHEMA: Schema = {
    **KEY_SCHEMA,
    "score": pl.Float64,
    "is_efficient": pl.Boolean,
    "bias_corrected": pl.Float64,
    "score_low": pl.Float64,
    "score_high": pl.Float64,
    "n_scored": pl.Int32,
    "status": pl.String,
}
PEER_SCHEMA: Schema = {**KEY_SCHEMA, "peer": pl.String, "intensity": pl.Float64}
ORDER_M_SCHEMA: Schema = {**KEY_SCHEMA, "m": pl.Int32, "score": pl.Float64, "status": pl.String}
MALMQUIST_SCHEMA: Schema = {
    **KEY_SCHEMA,
    "period_before": pl.Int32,
    "malmquist": pl.Float64,
    "malmquist_low": pl.Float64,
    "malmquist_high": pl.Float64,
    "efficiency_change": pl.Float64,
    "technical_change": pl.Float64,
    "status": pl.String,
}


@dataclass(frozen=True, slots=True)
class DeaPanel:
    """DEA of a panel, sorted by key; a missing number is null, never NaN."""

    score: pl.DataFrame  # contracts.frontier.DeaScore
    peer: pl.DataFrame  # contracts.frontier.DeaPeer


def dea_panel(
    panel: pl.DataFrame, areas: Iterable[ServiceArea], *, draws: int, seed: int = 1489
) -> DeaPanel:
    """Score every municipality against the frontier of its area and year, its bias taken off.

    Parameters
    ----------
    panel : frame
        `mart.panel` (`contracts.index.Panel`), in any row order.
    areas : iterable of ServiceArea
        The definitions the panel was made from; each says its orientation and returns to scale.
    draws : int
        Replicates of the bootstrap.
    seed : int
        The same seed gives the same frames, whichever other areas and years there are.

    Returns
    -------
    DeaPanel
        Intervals of 90 %. Where all are efficient nothing is known of the bias, and nobody is
        scored.

    Raises
    ------
    ValueError
        If the panel has a key twice or differs from the areas.

    Warns
    -----
    FrontierWarning
        As `dea.dea`.
    """
    scores, peers = [pl.DataFrame(schema=DEA_SCHEMA)], [pl.DataFrame(schema=PEER_SCHEMA)]
    for year in _years(panel, areas):
        rows, status = np.flatnonzero(year.status == "scored"), year.status
        numbers: dict[str, Any] = {}
        if rows.size:
            area, data = year.arrays.area, (year.inputs[rows], year.outputs[rows])
            plain = dea(*data, orientation=area.orientation, rts=area.rts, labels=year.labels(rows))
            if plain.is_efficient.all():
                status = np.where(status == "scored", "all_efficient", status)
            else:
                found = bootstrap(
                    *data,
                    orientation=area.orientation,
                    rts=area.rts,
                    seed=year.seed(seed),
                    draws=draws,
                    level=LEVEL,
                )
                numbers = {
                    "score": found.score,
                    "is_efficient": plain.is_efficient,
                    "bias_corrected": found.bias_corrected,
                    "score_low": found.low,
                    "score_high": found.high,
                }
                target = projection(*data, orientation=area.orientation, rts=area.rts)
                peers.append(_peers(year, rows, target.intensity))
        same = {"n_scored": np.sum(status == "scored"), "status": status}
        scores.append(year.frame(DEA_SCHEMA, same, rows, numbers))
    key = list(KEY_SCHEMA)
    return DeaPanel(pl.concat(scores).sort(key), pl.concat(peers).sort(*key, "peer"))


def order_m_panel(
    panel: pl.DataFrame, areas: Iterable[ServiceArea], *, m: int = BEST_OF
) -> pl.DataFrame:
    """Score every municipality against the expected best of m drawn from its area and year.

    Parameters
    ----------
    panel, areas
        As in `dea_panel`.
    m : int
        How many are drawn.

    Returns
    -------
    frame
        `mart.order_m_score` (`contracts.frontier.OrderMScore`), sorted by key.

    Raises
    ------
    ValueError
        If the panel has a key twice or differs from the areas, or m is below 1.
    """
    frames = [pl.DataFrame(schema=ORDER_M_SCHEMA)]
    for year in _years(panel, areas):
        rows = np.flatnonzero(year.status == "scored")
        numbers: dict[str, Any] = {}
        if rows.size:
            found = order_m(
                year.inputs[rows],
                year.outputs[rows],
                m=m,
                orientation=year.arrays.area.orientation,
                labels=year.labels(rows),
            )
            numbers = {"score": found.score}
        frames.append(year.frame(ORDER_M_SCHEMA, {"m": m, "status": year.status}, rows, numbers))
    return pl.concat(frames).sort(list(KEY_SCHEMA))


def malmquist_panel(
    panel: pl.DataFrame, areas: Iterable[ServiceArea], *, draws: int, seed: int = 1489
) -> pl.DataFrame:
    """Measure every municipality's change of productivity from the year before.

    Against the frontier of both years together, so that nobody is infeasible and a new year
    changes no old number. Years that do not follow on each other, or that a break parts, have no
    rows.

    Parameters
    ----------
    panel, areas, draws, seed
        As in `dea_panel`.

    Returns
    -------
    frame
        `mart.malmquist` (`contracts.frontier.Malmquist`), sorted by key: a row for each
        municipality that is in the panel in both years. Intervals of 90 %.

    Raises
    ------
    ValueError
        If the panel has a key twice or differs from the areas.
    """
    frames = [pl.DataFrame(schema=MALMQUIST_SCHEMA)]
    for before, year in pairwise(_years(panel, areas)):
        if not _comparable(before, year):
            continue
        area = year.arrays.area
        is_scored = (before.status == "scored") & (year.status == "scored")
        rows = np.flatnonzero(is_scored)
        numbers: dict[str, Any] = {}
        if rows.size:
            inputs = np.stack([before.inputs[rows], year.inputs[rows]])
            outputs = np.stack([before.outputs[rows], year.outputs[rows]])
            found = malmquist(
                inputs, outputs, orientation=area.orientation, rts=area.rts, benchmark="biennial"
            )
            interval = malmquist_interval(
                inputs,
                outputs,
                orientation=area.orientation,
                rts=area.rts,
                benchmark="biennial",
                seed=year.seed(seed),
                draws=draws,
                level=LEVEL,
            )
            numbers = {
                "malmquist": found.malmquist[0],
                "malmquist_low": interval.malmquist[:, 0],
                "malmquist_high": interval.malmquist[:, 1],
                "efficiency_change": found.efficiency_change[0],
                "technical_change": found.technical_change[0],
            }
        same = {
            "period_before": before.period,
            "status": np.where(is_scored, "scored", "no_pair"),
        }
        in_both = before.arrays.in_panel[before.position] & year.in_panel
        frames.append(year.frame(MALMQUIST_SCHEMA, same, rows, numbers, only=in_both))
    return pl.concat(frames).sort(list(KEY_SCHEMA))


def quantities(arrays: AreaArrays) -> tuple[FloatArray, FloatArray, NDArray[np.str_]]:
    """Turn a service area's values into inputs and outputs.

    Parameters
    ----------
    arrays : AreaArrays
        Of one service area.

    Returns
    -------
    inputs : array, shape (n_period, n_municipality, n_cost)
        Above 0; a row is NaN where the status is not "scored".
    outputs : array, shape (n_period, n_municipality, n_quality)
        The same.
    status : array of str, shape (n_period, n_municipality)
        "scored"; "no_quantity" where a value is at its zero or beyond, or counts downwards in an
        indicator whose file gives no zero; else the reason why the municipality is not ranked.
    """
    quantity = np.stack(
        [
            _quantity(indicator, arrays.value[:, :, column])
            for column, indicator in enumerate((*arrays.cost, *arrays.quality))
        ],
        axis=-1,
    )
    rank_status = np.stack([period_status(arrays, p) for p in range(len(arrays.periods))])
    is_ranked = rank_status == "ranked"
    is_quantity = (quantity > 0).all(axis=-1)
    status = np.where(is_ranked, np.where(is_quantity, "scored", "no_quantity"), rank_status)
    quantity = np.where((status == "scored")[:, :, np.newaxis], quantity, np.nan)
    n_cost = len(arrays.cost)
    return quantity[:, :, :n_cost], quantity[:, :, n_cost:], status


@dataclass(frozen=True, slots=True)
class _Year:
    """One area and year as inputs and outputs; the rows are the area's municipalities."""

    arrays: AreaArrays
    position: int
    inputs: FloatArray
    outputs: FloatArray
    status: NDArray[np.str_]

    @property
    def period(self) -> int:
        return self.arrays.periods[self.position]

    @property
    def in_panel(self) -> BoolArray:
        in_panel: BoolArray = self.arrays.in_panel[self.position]
        return in_panel

    def seed(self, seed: int) -> int:
        """Return a seed that no other area or year shares."""
        return zlib.crc32(f"{self.arrays.area.name} {self.period} {seed}".encode())

    def labels(self, rows: IntArray) -> Labels:
        return Labels(
            dmu=[self.arrays.municipalities[row] for row in rows.tolist()],
            inputs=[each.name for each in self.arrays.cost],
            outputs=[each.name for each in self.arrays.quality],
        )

    def frame(
        self,
        schema: Schema,
        same: Mapping[str, Any],
        rows: IntArray,
        numbers: Mapping[str, Any],
        *,
        only: BoolArray | None = None,
    ) -> pl.DataFrame:
        """Return a row per municipality of the panel: `numbers` are of `rows`, null elsewhere."""
        n = len(self.arrays.municipalities)
        key = {
            "row": np.arange(n),
            "service_area": [self.arrays.area.name] * n,
            "period": [self.period] * n,
            "municipality": list(self.arrays.municipalities),
            **{name: np.broadcast_to(value, n) for name, value in same.items()},
        }
        every = pl.DataFrame(key).filter(pl.Series(self.in_panel if only is None else only))
        found = pl.DataFrame({"row": rows, **numbers})
        empty = [pl.lit(None).alias(name) for name in schema if name not in {*key, *numbers}]
        return (
            every.join(found, on="row", how="left", maintain_order="left")
            .with_columns(empty)
            .select(pl.col(name).cast(kind) for name, kind in schema.items())
        )


def _years(panel: pl.DataFrame, areas: Iterable[ServiceArea]) -> Iterator[_Year]:
    for arrays in area_arrays(panel, areas):
        inputs, outputs, status = quantities(arrays)
        for position in range(len(arrays.periods)):
            yield _Year(arrays, position, inputs[position], outputs[position], status[position])


def _comparable(before: _Year, after: _Year) -> bool:
    return (
        before.arrays is after.arrays
        and after.period == before.period + 1
        and after.period not in [each.period for each in after.arrays.area.breaks]
    )


def _quantity(indicator: Indicator, value: FloatArray) -> FloatArray:
    counts_up = indicator.direction == ("lower" if indicator.role == "cost" else "higher")
    if counts_up:
        return value - (indicator.zero or 0.0)
    return (np.nan if indicator.zero is None else indicator.zero) - value


def _peers(year: _Year, rows: IntArray, intensity: FloatArray) -> pl.DataFrame:
    of, peer = np.nonzero(intensity > LEAST_INTENSITY)
    name = np.array(year.arrays.municipalities)[rows]
    return pl.DataFrame(
        {
            "service_area": [year.arrays.area.name] * of.size,
            "period": [year.period] * of.size,
            "municipality": name[of],
            "peer": name[peer],
            "intensity": intensity[of, peer],
        },
        schema=PEER_SCHEMA,
    )
