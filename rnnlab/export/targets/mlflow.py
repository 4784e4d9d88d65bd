"""--to mlflow: the study as an experiment of MLflow, in a database (SQLite) of its own.

    mlflow.db    one run per run: its config as parameters; curves/<column> by step and final/<metric>; tags run_id,
                 outcome, task and what else is known of its end; FAILED for a run that failed
    artifacts/   of one more run named "report": the report's page, figures and tables

Written by MLflow's client.  MLflow chooses the ids of its runs, notes the place of the artifacts as an absolute path,
and keeps infinity as the largest float.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rnnlab.export.errors import ExportError
from rnnlab.export.source import Source, scalars, settings
from rnnlab.export.targets import register
from rnnlab.report.reading.study import Run

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

DATABASE, ARTIFACTS = "mlflow.db", "artifacts"
MAX_METRICS, MAX_OTHERS = 900, 90  # of one call; MLflow takes 1000 entries, of which 100 parameters and 100 tags

Entry = TypeVar("Entry")


@register(
    "mlflow",
    holds="an experiment in mlflow.db, its runs with parameters, metrics and tags; the report as artifacts",
    open_with="mlflow ui --backend-store-uri sqlite:///{folder}/" + DATABASE,
    library="mlflow",
    extra="mlflow",
)
def write(source: Source, building: Path, place: Path) -> None:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # MLflow reports nothing to its makers
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        with _quiet(), _quick_database():
            _write(source, building, place, MlflowClient(f"sqlite:///{(building / DATABASE).absolute()}"))
    except MlflowException as error:
        raise ExportError(f"{place}: MLflow cannot write the export ({str(error).splitlines()[0]})") from error


def _write(source: Source, building: Path, place: Path, client: MlflowClient) -> None:
    file = source.study.file
    artifacts = (place.absolute() / ARTIFACTS).as_uri()
    description = {"mlflow.note.content": file.question} if file.question else {}
    experiment = client.create_experiment(file.study, artifact_location=artifacts, tags=description)
    for run in source.runs():
        _add(client, experiment, source, run)
    end = _ms(source.last_time)
    report = client.create_run(experiment, start_time=end, run_name="report").info.run_id
    artifacts_of_report = building / ARTIFACTS / report / "artifacts"
    shutil.copytree(source.report, artifacts_of_report / "report", ignore=shutil.ignore_patterns(".*"))
    client.set_terminated(report, end_time=end)


def _add(client: MlflowClient, experiment: str, source: Source, run: Run) -> None:
    from mlflow.entities import Param

    begin, end = map(_ms, source.times(run))
    new = client.create_run(experiment, start_time=begin, run_name=run.folder, tags=_tags(run)).info.run_id
    for params in _parts([Param(name, str(value)) for name, value in settings(run).items()], MAX_OTHERS):
        client.log_batch(new, params=params)
    for metrics in _parts(list(_metrics(source, run, end)), MAX_METRICS):
        client.log_batch(new, metrics=metrics)
    client.set_terminated(new, "FINISHED" if run.completed else "FAILED", end_time=end)


def _metrics(source: Source, run: Run, time_ms: int) -> Iterator[Metric]:
    """Curves by step, then the final metrics at the last step.  MLflow keeps what is not a number as such."""
    from mlflow.entities import Metric

    curves = {name: column.tolist() for name, column in source.study.curves.get(run.run_id, {}).items()}
    steps = map(int, curves.pop("step", []))
    for n, step in enumerate(steps):
        for name, column in curves.items():
            yield Metric(f"curves/{name}", column[n], time_ms, step)
    for name, value in scalars(run).items():
        yield Metric(f"final/{name}", value, time_ms, run.steps_done)


def _tags(run: Run) -> dict[str, str]:
    """What is known of a run beside settings and numbers; an entry that it does not have is not there."""
    known = {"run_id": run.run_id, "task": run.task.name, "status": run.status, "outcome": run.outcome}
    known |= {"divergence_reason": run.divergence_reason, "error": run.error}
    return {name: value for name, value in known.items() if value}


def _parts(entries: Sequence[Entry], size: int) -> Iterator[Sequence[Entry]]:
    for start in range(0, len(entries), size):
        yield entries[start : start + size]


def _ms(time_s: float) -> int:
    return round(1000 * time_s)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the messages about the tables that a new database gets."""
    loggers = {logging.getLogger(name): logging.getLogger(name).level for name in ("mlflow", "alembic")}
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, level in loggers.items():
            logger.setLevel(level)


@contextmanager
def _quick_database() -> Iterator[None]:
    """SQLite does not wait for the disk after each of the five steps of a run: four times as fast.

    The database is built in a folder that nobody reads, and is removed if the export does not come to its end."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def set_up(connection: Any, _: object) -> None:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA journal_mode = MEMORY")

    event.listen(Engine, "connect", set_up)
    try:
        yield
    finally:
        event.remove(Engine, "connect", set_up)
