"""Areas and panels in memory."""

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
import pytest

from models.areas.roles import Direction, Role
from models.areas.service_area import Break, Indicator, ServiceArea


def _indicator(
    name: str,
    role: Role,
    direction: Direction | None,
    *,
    kpi: str,
    weight: float = 1.0,
    regi: str = "kommunal",
    zero: float | None = None,
    margin: str | None = None,
    answers: str | None = None,
    assumed_sd: float | None = None,
) -> Indicator:
    return Indicator(
        name=name,
        kpi=kpi,
        title=f"Nyckeltal {kpi}",
        sum_of=(),
        relative_to=None,
        label=name,
        unit="%",
        role=role,
        direction=direction,
        weight=weight,
        regi=regi,
        regi_reason=None,
        is_input=False,
        carry_forward=1,
        unit_data=False,
        first_period=2015,
        plausible=None,
        zero=zero,
        margin=margin,
        answers=answers,
        assumed_sd=assumed_sd,
        assumed_sd_reason=None if assumed_sd is None else "a test",
        why="a test",
        source="a test",
    )


def _area(
    name: str = "school",
    *,
    n_quality: int = 1,
    grade: str = "A",
    minimum_share: float = 0.5,
    breaks: Sequence[int] = (),
    quality_weight: float = 1.0,
) -> ServiceArea:
    """Return an area with a cost, lower is better, and qualities, higher is better."""
    quality = [
        _indicator(f"quality_{i}", "quality", "higher", kpi=f"N1000{i}", weight=quality_weight)
        for i in range(n_quality)
    ]
    return ServiceArea(
        name=name,
        title=name.title(),
        first_period=2015,
        last_period=None,
        statutory=True,
        regi="kommunal",
        peer_group="grundskola",
        evidence_grade=grade,  # type: ignore[arg-type]
        evidence_reason="a test",
        minimum_share=minimum_share,
        orientation="input",
        rts="vrs",
        small_numbers=None,
        rka=None,
        decision=None,
        breaks=tuple(Break(period, "a test") for period in breaks),
        indicators=(_indicator("cost", "cost", "lower", kpi="N20000"), *quality),
    )


def _panel(
    area: ServiceArea,
    value: np.ndarray,
    *,
    first_period: int = 2015,
    is_carried: np.ndarray | None = None,
    is_preliminary: bool = False,
) -> pl.DataFrame:
    """Return the panel of values (n_period, n_municipality, n_indicator); NaN is missing."""
    rows = []
    for t, year in enumerate(value):
        for m, municipality in enumerate(year):
            for i, indicator in enumerate(area.indicators):
                is_there = not np.isnan(municipality[i])
                carried = is_carried is not None and bool(is_carried[t, m, i]) and is_there
                rows.append(
                    {
                        "service_area": area.name,
                        "period": first_period + t,
                        "municipality": f"{m + 1000:04d}",
                        "indicator": indicator.name,
                        "kpi": indicator.kpi,
                        "role": indicator.role,
                        "direction": indicator.direction,
                        "weight": indicator.weight,
                        "value": float(municipality[i]) if is_there else None,
                        "value_period": first_period + t - carried if is_there else None,
                        "is_carried": carried,
                        "is_preliminary": is_preliminary and is_there,
                        "reason": None if is_there else "missing",
                    }
                )
    return pl.DataFrame(
        rows,
        schema={
            "service_area": pl.String,
            "period": pl.Int32,
            "municipality": pl.String,
            "indicator": pl.String,
            "kpi": pl.String,
            "role": pl.String,
            "direction": pl.String,
            "weight": pl.Float64,
            "value": pl.Float64,
            "value_period": pl.Int32,
            "is_carried": pl.Boolean,
            "is_preliminary": pl.Boolean,
            "reason": pl.String,
        },
    )


@pytest.fixture(scope="session")
def indicator_of() -> Callable[..., Indicator]:
    return _indicator


@pytest.fixture(scope="session")
def area_of() -> Callable[..., ServiceArea]:
    return _area


@pytest.fixture(scope="session")
def panel_of() -> Callable[..., pl.DataFrame]:
    return _panel
