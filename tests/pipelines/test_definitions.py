"""The graph that Dagster sees is DESIGN's way of the data, read from the code itself."""

import dagster as dg
import pytest
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

from pipelines.checks import CONTRACTS, KEYS
from pipelines.definitions import JOB, defs
from pipelines.warehouse import sql_tables

STAGES = ["ledger", "raw", "staging", "mart", "release", "radar"]


@pytest.fixture(scope="module")
def graph() -> AssetGraph:
    return defs.resolve_asset_graph()


def stage(key: dg.AssetKey) -> int:
    return STAGES.index(key.path[0])


def test_no_asset_depends_on_a_later_stage(graph: AssetGraph):
    back = [
        (parent.to_user_string(), key.to_user_string())
        for key in graph.get_all_asset_keys()
        for parent in graph.get(key).parent_keys
        if stage(parent) > stage(key)
    ]

    assert back == []


def test_only_the_first_asset_has_nothing_before_it_but_the_definitions(graph: AssetGraph):
    roots = {k.to_user_string() for k in graph.root_materializable_asset_keys}

    files = (
        "service_area",
        "formula",
        "committee",
        "identity_term",
        "needed_kpi",
        "goal",
        "goal_kpi",
    )
    assert roots == {"ledger", *(f"staging/{name}" for name in files)}


def test_every_select_is_an_asset_and_the_job_makes_all(graph: AssetGraph):
    tables = {tuple(table.split(".")) for table in sql_tables()}

    assert tables <= {tuple(key.path) for key in graph.get_all_asset_keys()}
    job = defs.resolve_job_def(JOB)
    assert set(job.asset_layer.executable_asset_keys) == graph.get_all_asset_keys()


def test_every_check_blocks_what_comes_after_it(graph: AssetGraph):
    checks = [graph.get(key) for key in graph.asset_check_keys]

    assert len(checks) == len(CONTRACTS) + len(KEYS) + 1
    assert [check.key for check in checks if not check.blocking] == []


def test_steps_run_in_one_process_for_duckdb_takes_one_writer():
    assert defs.resolve_job_def(JOB).executor_def.name == "in_process"
