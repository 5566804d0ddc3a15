"""The goals' scores of every municipality and year, from the tables of areas and observations.

A goal's file (`models/goals/goal.py`) says what counts; here its parts are looked up, put on 0-100
where they are KPIs, and put together (`models/goals/whole_municipality.py`). What is shown beside
the score is looked up apart from it, so that it cannot get into it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from models.change.gender_gap import MEN, WOMEN, gender_gap
from models.goals.goal import Component, Goal, Measure
from models.goals.whole_municipality import WholeResult, cost_share, whole_ranks, whole_score
from models.panel import FloatArray
from models.rank.area_draws import AreaDraws
from models.rank.uncertainty import rank_summary
from models.score.index import scale

ALL = "T"  # Kolada's, of totalt
KEY_SCHEMA = {"goal": pl.String, "period": pl.Int32, "municipality": pl.String}
SCORE_SCHEMA = {
    **KEY_SCHEMA,
    "score": pl.Float64,
    "rank": pl.Int32,
    "rank_low": pl.Int32,
    "rank_high": pl.Int32,
    "n_ranked": pl.Int32,
    "weight_share": pl.Float64,
    "n_component": pl.Int32,
    "spread": pl.Float64,
    "lowest_component": pl.String,
    "lowest_score": pl.Float64,
    "highest_component": pl.String,
    "highest_score": pl.Float64,
    "possible_low": pl.Float64,
    "possible_high": pl.Float64,
    "status": pl.String,
    "standing": pl.String,
}
COMPONENT_SCHEMA = {
    **KEY_SCHEMA,
    "component": pl.String,
    "part": pl.String,
    "value": pl.Float64,
    "score": pl.Float64,
    "weight": pl.Float64,
    "contribution": pl.Float64,
}
BESIDE_SCHEMA = {
    "goal": pl.String,
    "panel": pl.String,
    "name": pl.String,
    "kpi": pl.String,
    "period": pl.Int32,
    "municipality": pl.String,
    "value": pl.Float64,
}


@dataclass(frozen=True, slots=True)
class GoalScores:
    """The goals' scores, each frame sorted by its key."""

    score: pl.DataFrame  # mart.goal_score
    component: pl.DataFrame  # mart.goal_component


@dataclass(frozen=True, slots=True)
class _Part:
    """A column of a goal's scores."""

    component: str
    name: str  # "score", "gap" or "lowest_group"
    value: FloatArray  # (n,)
    score: FloatArray  # (n,)
    weight: float | None  # None: by cost


class _Lookup:
    """Values of one year as arrays over the municipalities."""

    def __init__(self, observation: pl.DataFrame, index: pl.DataFrame, names: Sequence[str]):
        self.names = list(names)
        self._column = {name: position for position, name in enumerate(names)}
        self._observed = _by_key(observation, ("kpi", "gender", "period"), "value")
        ranked = index.filter(pl.col("status") == "ranked")
        self._scored = _by_key(ranked, ("service_area", "period"), "efficiency_score")

    def observed(self, kpi: str, period: int, gender: str = ALL) -> FloatArray:
        return self._array(self._observed.get((kpi, gender, period)))

    def scored(self, area: str, period: int) -> FloatArray:
        return self._array(self._scored.get((area, period)))

    def periods(self, goal: Goal) -> list[int]:
        """Return the years in which any component has a value."""
        if goal.kind == "service_area":
            areas = {component.name for component in goal.components}
            return sorted({int(str(key[1])) for key in self._scored if key[0] in areas})
        kpis = {each.measure.kpi for each in goal.components if each.measure is not None}
        genders = (WOMEN, MEN) if goal.kind == "gender_gap" else (ALL,)
        return sorted(
            {int(str(key[2])) for key in self._observed if key[0] in kpis and key[1] in genders}
        )

    def _array(self, rows: pl.DataFrame | None) -> FloatArray:
        value = np.full(len(self.names), np.nan)
        if rows is not None:
            for name, number in rows.select("municipality", "value").iter_rows():
                value[self._column[name]] = number
        return value


def goal_scores(
    goals: Iterable[Goal],
    *,
    index: pl.DataFrame,
    observation: pl.DataFrame,
    municipalities: Sequence[str],
    draws: Mapping[tuple[str, int], AreaDraws] | None = None,
    level: float = 0.9,
) -> GoalScores:
    """Score every municipality by every goal, in every year that anything is known of it.

    A service area counts where it is ranked, so never one of grade C or D. A KPI is put on 0-100 by
    the same scale as indicators (`models.score.index.scale`), over the municipalities asked for; a
    gender gap as two scores, of the gap, smaller better, and of the level of the worse-off group.

    Parameters
    ----------
    goals : iterable of Goal
        What to judge by.
    index : frame
        `mart.index` (`contracts.index.Index`).
    observation : frame
        `staging.observation`: kpi, municipality, period, gender, value.
    municipalities : sequence of str
        Whom to score; others, such as regions, are left out of every scale.
    draws : mapping, optional
        By area and year, from `models.rank.area_draws`; without them a rank has no interval.
    level : float
        The share of the draws inside the interval.

    Returns
    -------
    GoalScores
        A row for every municipality, with a score or the status that says why there is none; and
        a row for every part that is there, whose contributions add up to the score.

    Raises
    ------
    ValueError
        If a key occurs twice or a value is infinite.
    """
    names = sorted(set(municipalities))
    lookup = _Lookup(
        observation.filter(pl.col("municipality").is_in(names)),
        index.filter(pl.col("municipality").is_in(names)),
        names,
    )
    scores = [pl.DataFrame(schema=SCORE_SCHEMA)]
    components = [pl.DataFrame(schema=COMPONENT_SCHEMA)]
    for goal in goals:
        for period in lookup.periods(goal):
            parts = [
                part for each in goal.components for part in _parts(goal, each, lookup, period)
            ]
            score = np.stack([part.score for part in parts], axis=1)
            weight = _weight(goal, parts, lookup, period)
            result = whole_score(
                score,
                weight,
                minimum_share=goal.minimum_share,
                minimum_components=goal.minimum_components * (len(parts) // len(goal.components)),
            )
            drawn = None if draws is None else _drawn(goal, draws, period, names)
            rank = None
            if drawn is not None and np.any(result.status == "ranked"):
                rank = whole_ranks(drawn, score, weight, result.status == "ranked")
            frame = _score_frame(goal, period, names, parts, result, rank, level)
            scores.append(frame)
            components += [
                _component_frame(goal, period, names, part, result, column)
                for column, part in enumerate(parts)
            ]
    key = list(KEY_SCHEMA)
    return GoalScores(
        score=pl.concat(scores).sort(key),
        component=pl.concat(components).sort(*key, "component", "part"),
    )


def beside_values(
    goals: Iterable[Goal], *, observation: pl.DataFrame, municipalities: Sequence[str]
) -> pl.DataFrame:
    """Look up what is shown beside the goals' scores.

    Parameters
    ----------
    goals : iterable of Goal
        Whose panels.
    observation : frame
        `staging.observation`.
    municipalities : sequence of str
        Whose values.

    Returns
    -------
    frame
        `mart.goal_beside`, one row per goal, panel, KPI, year and municipality that has a value,
        sorted by key.
    """
    rows = [
        (goal.name, panel.name, measure.name, measure.kpi)
        for goal in goals
        for panel in goal.panels
        for measure in panel.measures
    ]
    shown = pl.DataFrame(rows, schema=list(BESIDE_SCHEMA)[:4], orient="row").cast(pl.String)
    known = observation.filter(
        pl.col("gender") == ALL,
        pl.col("municipality").is_in(list(municipalities)),
        pl.col("value").is_not_null(),
    )
    found = shown.join(known.select("kpi", "period", "municipality", "value"), on="kpi")
    return found.select(pl.col(name).cast(kind) for name, kind in BESIDE_SCHEMA.items()).sort(
        "goal", "panel", "name", "period", "municipality"
    )


def _by_key(
    rows: pl.DataFrame, key: tuple[str, ...], value: str
) -> dict[tuple[object, ...], pl.DataFrame]:
    whole = [*key, "municipality"]
    rows = rows.filter(pl.col(value).is_not_null()).select(*whole, pl.col(value).alias("value"))
    twice = rows.filter(pl.struct(whole).is_duplicated()).sort(whole)
    if not twice.is_empty():
        first = " ".join(map(str, twice.row(0)[:-1]))
        raise ValueError(
            f"{twice.height} rows share their key of {', '.join(whole)}, the first is {first}. "
            "Keep one row each."
        )
    endless = rows.filter(~pl.col("value").is_finite())
    if not endless.is_empty():
        first = " ".join(map(str, endless.row(0)[:-1]))
        raise ValueError(f"The value of {first} is NaN or infinite. Make it null, or correct it.")
    return rows.partition_by(list(key), as_dict=True)


def _parts(goal: Goal, component: Component, lookup: _Lookup, period: int) -> list[_Part]:
    measure = component.measure
    if measure is None:
        score = lookup.scored(component.name, period)
        return [_Part(component.name, "score", score, score, component.weight)]
    if goal.lowest_group_weight is None:
        value = lookup.observed(measure.kpi, period)
        score = scale(value, direction=measure.direction)
        return [_Part(component.name, "score", value, score, component.weight)]
    return _gap_parts(component, measure, goal.lowest_group_weight, lookup, period)


def _gap_parts(
    component: Component, measure: Measure, level: float, lookup: _Lookup, period: int
) -> list[_Part]:
    women, men = (lookup.observed(measure.kpi, period, gender) for gender in (WOMEN, MEN))
    found = gender_gap(women, men, direction=measure.direction)
    weight = component.weight or 0.0
    gap = _Part(
        component.name,
        "gap",
        found.gap,
        scale(found.gap, direction="lower"),
        weight * (1 - level),
    )
    lowest = _Part(
        component.name,
        "lowest_group",
        found.lowest,
        scale(found.lowest, direction=measure.direction),
        weight * level,
    )
    return [gap, lowest] if level > 0 else [gap]


def _weight(goal: Goal, parts: Sequence[_Part], lookup: _Lookup, period: int) -> FloatArray:
    if goal.cost_share_of is None:
        return np.array([part.weight for part in parts], dtype=np.float64)
    cost = np.stack(
        [
            np.sum([lookup.observed(each.kpi, period) for each in component.cost], axis=0)
            for component in goal.components
        ],
        axis=1,
    )
    return cost_share(cost, of=goal.cost_share_of, names=[each.name for each in goal.components])


def _drawn(
    goal: Goal,
    draws: Mapping[tuple[str, int], AreaDraws],
    period: int,
    names: Sequence[str],
) -> FloatArray | None:
    """Return (draw, n, k) drawn scores, NaN where nothing is drawn; None if nothing is at all."""
    found = [draws.get((component.name, period)) for component in goal.components]
    n_draw = min((len(each.efficiency) for each in found if each is not None), default=0)
    if n_draw == 0:
        return None
    drawn = np.full((n_draw, len(names), len(found)), np.nan)
    place = {name: position for position, name in enumerate(names)}
    for column, each in enumerate(found):
        if each is not None:
            known = [name for name in each.municipalities if name in place]
            rows = [place[name] for name in known]
            source = np.isin(np.array(each.municipalities), known)
            drawn[:, rows, column] = each.efficiency[:n_draw, source]
    return drawn


def _score_frame(
    goal: Goal,
    period: int,
    names: Sequence[str],
    parts: Sequence[_Part],
    result: WholeResult,
    rank: FloatArray | None,
    level: float,
) -> pl.DataFrame:
    is_ranked = result.status == "ranked"
    low, high = np.full(len(names), np.nan), np.full(len(names), np.nan)
    if rank is not None:
        summary = rank_summary(rank, level=level)
        low[is_ranked], high[is_ranked] = summary.low, summary.high
    score = np.stack([part.score for part in parts], axis=1)
    rows = np.arange(len(names))
    per_component = len(parts) // len(goal.components)

    columns = {
        "goal": goal.name,
        "period": period,
        "municipality": names,
        "score": result.score,
        "rank": result.rank,
        "rank_low": low,
        "rank_high": high,
        "n_ranked": int(is_ranked.sum()),
        "weight_share": result.weight_share,
        "n_component": result.n_present // per_component,
        "spread": result.spread,
        "lowest_component": [parts[at].component if at >= 0 else None for at in result.lowest],
        "lowest_score": np.where(is_ranked, score[rows, result.lowest], np.nan),
        "highest_component": [parts[at].component if at >= 0 else None for at in result.highest],
        "highest_score": np.where(is_ranked, score[rows, result.highest], np.nan),
        "possible_low": result.possible_low,
        "possible_high": result.possible_high,
        "status": result.status.tolist(),
        "standing": goal.standing,
    }
    frame = pl.DataFrame(columns).fill_nan(None)
    return frame.select(pl.col(name).cast(kind) for name, kind in SCORE_SCHEMA.items())


def _component_frame(
    goal: Goal,
    period: int,
    names: Sequence[str],
    part: _Part,
    result: WholeResult,
    column: int,
) -> pl.DataFrame:
    columns = {
        "goal": goal.name,
        "period": period,
        "municipality": names,
        "component": part.component,
        "part": part.name,
        "value": part.value,
        "score": part.score,
        "weight": result.weight[:, column],
        "contribution": result.contribution[:, column],
    }
    frame = pl.DataFrame(columns, schema=COMPONENT_SCHEMA).fill_nan(None)
    return frame.filter(pl.col("score").is_not_null())
