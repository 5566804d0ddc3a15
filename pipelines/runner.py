"""One run of the job in this process: under a lock, and its errors in words."""

import fcntl
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from sqlalchemy.exc import SQLAlchemyError

from pipelines.assets.published import RELEASE
from pipelines.assets.radar import RADAR
from pipelines.assets.raw import LEDGER
from pipelines.resources import ROOT, Settings

SWEPT = "the process died; found at the next start"


class RunError(Exception):
    """A run that did not reach its release; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run has published."""

    folder: Path
    is_new: bool
    n_new_row: int  # rows that were appended to raw.*
    n_unnamed: int = 0  # values found changed that Kolada had not named as changed
    radar: str = ""  # what Kolada has changed, in one line of Swedish; empty for a past date
    radar_page: Path | None = None  # none where there is nothing to read


def prepare(settings: Settings) -> None:
    """Set the environment that Dagster and the resources read, and make its folders."""
    try:
        settings.dagster.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"The folder {settings.data} cannot be written: {error.strerror}. Correct its rights, "
            "or set EFFEKTIV_DATA to another one."
        ) from error
    os.environ.update(
        settings.as_environment(),
        DAGSTER_HOME=str(ROOT),
        EFFEKTIV_DAGSTER=str(settings.dagster),
        DAGSTER_DISABLE_TELEMETRY="1",
    )


def run(settings: Settings, *, verbose: bool = False) -> Outcome:
    """Run the job from Kolada to a release.

    Raises
    ------
    RunError
        If another run is going on, or a step or a blocking check fails. The release that was
        there before is as it was.
    """
    settings.service_areas()  # a definition at fault is said before anything is begun
    prepare(settings)
    try:
        with _only_run(settings.data), dg.DagsterInstance.get() as instance:
            sweep(instance)
            return execute(instance, verbose=verbose)
    except (SQLAlchemyError, OSError) as error:
        raise RunError(
            f"The run history in {settings.dagster} cannot be written: "
            f"{str(error).splitlines()[0]}. "
            "Make room on the disk or correct the rights of the folder, then run again; nothing "
            "published has changed."
        ) from error


def execute(
    instance: dg.DagsterInstance,
    *,
    resources: Mapping[str, Any] | None = None,
    verbose: bool = False,
) -> Outcome:
    """Execute the job in this process and return what it published."""
    from pipelines.definitions import JOB, defs  # reads the settings that `prepare` has set

    logging.getLogger("dagster").propagate = False
    level = "DEBUG" if verbose else "CRITICAL"  # Dagster tells of steps at DEBUG
    result = defs.resolve_job_def(JOB).execute_in_process(
        instance=instance,
        run_config={"loggers": {"console": {"config": {"log_level": level}}}},
        resources=dict(resources) if resources else None,
        raise_on_error=False,
    )
    if not result.success:
        raise RunError("\n".join(dict.fromkeys(_reasons(result))))
    release = result.asset_materializations_for_node(RELEASE)[0].metadata
    n_new = sum(
        int(m.metadata["new_rows"].value)
        for event in result.get_asset_materialization_events()
        if "new_rows" in (m := event.materialization).metadata
    )
    read = result.asset_materializations_for_node(LEDGER.path[0])[0].metadata
    radar = result.asset_materializations_for_node(RADAR)[0].metadata
    page = str(radar["page"].value)
    return Outcome(
        Path(str(release["folder"].value)),
        bool(release["is_new"].value),
        n_new,
        n_unnamed=int(read["unnamed_changes"].value),
        radar=str(radar["line"].value),
        radar_page=Path(page) if page else None,
    )


def sweep(instance: dg.DagsterInstance) -> int:
    """Mark runs that were killed as failed: nothing else would, and they would block the next."""
    statuses = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING]
    dead = instance.get_runs(filters=dg.RunsFilter(statuses=statuses))
    for one in dead:
        instance.report_run_failed(one, SWEPT)
        instance.event_log_storage.free_concurrency_slots_for_run(one.run_id)
    return len(dead)


@contextmanager
def _only_run(data: Path) -> Iterator[None]:
    with (data / "run.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RunError(
                f"Another run is going on in {data}. Wait until it has ended, then run again."
            ) from error
        yield


def _reasons(result: dg.ExecuteInProcessResult) -> Iterator[str]:
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            # Dagster wraps what a step raises; what that was raised from is for the log.
            if error is not None and (error.cls_name or "").startswith("Dagster") and error.cause:
                error = error.cause
            if error is not None and error.cls_name != "DagsterAssetCheckFailedError":
                yield _said(error.message)
    for evaluation in result.get_asset_check_evaluations():
        if not evaluation.passed:
            yield evaluation.description or f"The check {evaluation.check_name} failed."


def _said(message: str) -> str:
    """The message without the name of its class."""
    kind, _, said = message.partition(": ")
    return (said if said and " " not in kind else message).strip()
