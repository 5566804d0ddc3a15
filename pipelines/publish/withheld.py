"""What the audit withholds: scores of areas and years that carry internal use only."""

from collections.abc import Mapping

import polars as pl

WITHHELD = "internal_only"
SCORES = (
    "rank_interval", "better_than", "index_alternative", "dea_score", "dea_peer", "order_m_score",
    "malmquist", "peer_comparison", "indicator_score", "rank_bounds", "peer_place",
    "peer_place_range", "change_label", "guardrail_change",
)  # fmt: skip
NUMBERS = (
    "resource_index", "quality_index", "efficiency_score", "rka_index", "efficiency_rank",
    "peer_mean",
)  # fmt: skip
KEY = ("service_area", "period")


def without_withheld(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Take out the scores of the areas and years that carry internal use only.

    The rows of `efficiency` stay and say so; those of the other tables of scores go. What can not
    be published for other reasons has no scores to begin with.
    """
    withheld = tables["suitability"].filter(verdict=WITHHELD).select(KEY)
    kept = {
        name: table.join(withheld, on=KEY, how="anti", maintain_order="left")
        for name, table in tables.items()
        if name in SCORES
    }
    efficiency = tables["efficiency"].join(
        withheld.with_columns(is_withheld=True), on=KEY, how="left", maintain_order="left"
    )
    is_withheld = pl.col("is_withheld").fill_null(False)
    is_said = is_withheld & (pl.col("status") == "ranked")  # the others say already why not
    kept["efficiency"] = efficiency.with_columns(
        *(pl.when(~is_withheld).then(pl.col(name)).alias(name) for name in NUMBERS),
        pl.when(is_withheld).then(0).otherwise(pl.col("n_ranked")).cast(pl.Int32).alias("n_ranked"),
        pl.when(is_said).then(pl.lit(WITHHELD)).otherwise(pl.col("status")).alias("status"),
    ).drop("is_withheld")
    return {**tables, **kept}
