from datetime import date

import numpy as np
import pytest

from kolada import value_index
from kolada.value_index import ValueIndex
from tests.kolada.conftest import inner, observations, record

DAY = date(2026, 3, 1)
INDEXED = observations(
    [
        record("N2", "0180", 2023, inner("T", 6.0, changed=DAY)),
        record("N1", "1489", 2024, inner("T", 4.0, changed=date(2026, 3, 2))),
        record("N1", "0180", 2024, inner("T", 3.0), inner("K", 2.0)),
        record("N1", "0180", 2023, inner("T", 1.0, isdeleted=True, changed=DAY)),
    ]
)  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "values"),
    [
        ({}, [2.0, 3.0, 4.0, 6.0]),
        ({"with_deleted": True}, [1.0, 2.0, 3.0, 4.0, 6.0]),
        ({"kpi": ["N2", "N1", "N1", "N3"], "period": [2024]}, [2.0, 3.0, 4.0]),
        ({"kpi": ["N3"]}, []),
        ({"period": [2023, 1900]}, [6.0]),
        ({"since": DAY}, [1.0, 4.0, 6.0]),
        ({"since": date(2026, 3, 2)}, [4.0]),
        ({"since": DAY, "period": [2023]}, [1.0, 6.0]),
        ({"since": DAY, "kpi": ["N1"]}, [1.0, 4.0]),
        ({"since": date(2026, 3, 3)}, []),
    ],
)
@pytest.mark.parametrize("stretch", [1, 1 << 20])
def test_values_are_found_in_order(monkeypatch, asked, values, stretch):
    monkeypatch.setattr(value_index, "STRETCH", stretch)
    index = ValueIndex.of(INDEXED, "municipality")
    everyone = np.ones(len(index.units), dtype=np.bool_)

    places = index.places(**({"kpi": [], "period": [], "unit": everyone} | asked))

    assert index.values.value.gather(places).to_list() == values
    assert index.units == ["0180", "1489"]


def test_values_in_order_are_not_copied():
    ordered = INDEXED.sort("kpi", "period", "municipality", "gender")

    index = ValueIndex.of(ordered, "municipality")

    numbers = index.values.value.to_numpy()
    assert np.shares_memory(numbers, ordered["value"].to_numpy())
