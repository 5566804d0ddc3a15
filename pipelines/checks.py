"""A contract -> a blocking asset check: what fails is not published, and the check says why."""

from collections.abc import Mapping

import dagster as dg
import pandera.errors
import pandera.polars as pa

from models.contracts import (
    change,
    definitions,
    frontier,
    index,
    peers,
    rka,
    suitability,
    uncertainty,
    whole,
)
from pipelines.resources import Settings
from pipelines.warehouse import Warehouse

CONTRACTS: Mapping[str, type[pa.DataFrameModel]] = {
    "staging.service_area": definitions.ServiceAreaTable,
    "staging.indicator": definitions.IndicatorTable,
    "staging.needed_kpi": definitions.NeededKpi,
    "staging.formula": definitions.Formula,
    "staging.committee": definitions.Committee,
    "staging.identity_term": definitions.IdentityTerm,
    "mart.panel": index.Panel,
    "mart.indicator_score": index.IndicatorScore,
    "mart.index": index.Index,
    "mart.rank_interval": uncertainty.RankInterval,
    "mart.better_than": uncertainty.BetterThan,
    "mart.error_budget": uncertainty.ErrorBudget,
    "mart.index_alternative": index.IndexAlternative,
    "mart.dea_score": frontier.DeaScore,
    "mart.dea_peer": frontier.DeaPeer,
    "mart.order_m_score": frontier.OrderMScore,
    "mart.malmquist": frontier.Malmquist,
    "mart.indicator_audit": suitability.IndicatorAudit,
    "mart.suitability": suitability.Suitability,
    "mart.suitability_finding": suitability.SuitabilityFinding,
    "mart.rank_bounds": suitability.RankBounds,
    "mart.peer_coverage": suitability.PeerCoverage,
    "mart.peer_set": peers.PeerSet,
    "mart.peerless": peers.Peerless,
    "mart.peer_distance": peers.PeerDistance,
    "mart.peer_pair": peers.PeerPair,
    "mart.peer_reciprocity": peers.PeerReciprocity,
    "mart.peer_place": peers.PeerPlace,
    "mart.peer_place_range": peers.PeerPlaceRange,
    "mart.peer_value": peers.PeerValue,
    "mart.revision_log": change.RevisionLog,
    "mart.rka_mirror": rka.RkaMirrorRow,
    "mart.rka_comparison": rka.RkaComparison,
    "mart.rka_variant": rka.RkaVariant,
    "mart.rka_definition": rka.RkaDefinition,
    "staging.goal": definitions.GoalTable,
    "staging.goal_kpi": definitions.GoalKpiTable,
    "mart.goal_score": whole.GoalScore,
    "mart.goal_component": whole.GoalComponent,
    "mart.goal_beside": whole.GoalBeside,
    "mart.change_label": whole.ChangeLabel,
    "mart.guardrail_change": whole.GuardrailChange,
    "mart.gender_gap_change": whole.GenderGapChange,
    "mart.efficiency": index.Efficiency,
    "mart.revision": change.Revision,
    "mart.definition_change": change.DefinitionChange,
    "mart.rank_change": change.RankChange,
}
KEYS = {
    "raw.observation": ("kpi", "municipality", "period", "gender", "retrieved_at"),
    "raw.kpi": ("kpi", "retrieved_at"),
    "raw.municipality": ("municipality", "retrieved_at"),
    "raw.municipality_group": ("municipality_group", "retrieved_at"),
    "staging.observation": ("kpi", "municipality", "period", "gender"),
    "staging.kpi": ("kpi",),
    "staging.municipality": ("municipality",),
    "staging.peer": ("peer_group", "municipality", "peer"),
}


def contract_check(table: str, contract: type[pa.DataFrameModel]) -> dg.AssetChecksDefinition:
    """Whether the table as written keeps its contract; all failures are reported at once."""

    @dg.asset_check(
        asset=table.split("."),
        name="keeps_its_contract",
        blocking=True,
        description=contract.__doc__,
    )
    def check(warehouse: dg.ResourceParam[Warehouse]) -> dg.AssetCheckResult:
        try:
            contract.validate(warehouse.read(table), lazy=True)
        except pandera.errors.SchemaErrors as error:
            cases = error.failure_cases.head(5).rows(named=True)
            said = "; ".join(f"{case['column']}: {case['check']}" for case in cases)
            return dg.AssetCheckResult(
                passed=False,
                description=f"{table} breaks its contract in {error.failure_cases.height} places: "
                f"{said}. Nothing is published; look at the table and the step that made it.",
            )
        return dg.AssetCheckResult(passed=True)

    return check


def key_check(table: str, key: tuple[str, ...]) -> dg.AssetChecksDefinition:
    """Whether the table has rows, and no key twice."""

    @dg.asset_check(asset=table.split("."), name="has_rows_and_unique_keys", blocking=True)
    def check(warehouse: dg.ResourceParam[Warehouse]) -> dg.AssetCheckResult:
        ((n_row, n_key),) = warehouse.query(
            f"select count(*), count(distinct ({', '.join(key)})) from {table}"
        ).rows()
        return dg.AssetCheckResult(
            passed=n_row > 0 and n_row == n_key,
            description=f"{table} has {n_row} rows and {n_key} different {', '.join(key)}. Where "
            "they differ or are 0, nothing is published; look at the step that made the table.",
        )

    return check


@dg.asset_check(asset=["staging", "municipality"], blocking=True)
def municipality_in_focus_exists(
    settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse]
) -> dg.AssetCheckResult:
    """Whether the municipality in focus is one."""
    known = warehouse.read("staging.municipality")
    focus = settings.municipality
    if focus in known["municipality"]:
        return dg.AssetCheckResult(passed=True)
    return dg.AssetCheckResult(
        passed=False,
        description=f"Kolada has no municipality {focus}. Give the four digits of one of the "
        f"{known.height} that it has, such as 1489 for Alingsås.",
    )


checks = [
    *(contract_check(table, contract) for table, contract in CONTRACTS.items()),
    *(key_check(table, key) for table, key in KEYS.items()),
    municipality_in_focus_exists,
]
