"""A study's folder, outputs/<study>/: who works in it, what was asked, and what is there already."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from rnnlab.config.run import RunConfig, content_hash
from rnnlab.options import ConfigError, dotted
from rnnlab.records import claims
from rnnlab.records.files import RecordError
from rnnlab.records.run import RUN, check_tables, read_run
from rnnlab.records.study import StudyFile, write_study_file
from rnnlab.sweep.jobs import command

LOCK, CHECKPOINTS = ".lock", ".checkpoints"
Redo = Literal["missing", "failed", "all"]


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep the folder to this process.  Raises ConfigError when another one has it."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ConfigError(
            f"study: {folder} is in use by another rnnlab command; wait for it, or choose study=..."
        ) from None
    try:
        yield
    finally:
        lock.release()


def describe(folder: Path, config: Mapping[str, Any], file: Path | None, runs: Sequence[RunConfig]) -> None:
    """study.json: what was asked, and which runs belong to the answer.  file: the one it was asked in."""
    asked = StudyFile(
        study=config["study"],
        question=config["question"] or "",
        source=config["source"] or "",
        command=command(),
        study_sha256=hashlib.sha256(file.read_bytes()).hexdigest() if file else "",
        claims=claims.parse(config.get("claims") or []),
    )
    write_study_file(folder, asked.expecting({run.folder: dotted(run.as_dict()) for run in runs}))


def already_done(folder: Path, runs: Sequence[RunConfig], redo: Redo) -> dict[str, dict[str, Any]]:
    """run_id -> run.json of those runs that need not be computed.

    redo: "missing" computes only what has no record, "failed" also what failed, "all" everything.  A record that
    cannot be read counts as missing, and is named on stderr.  Raises ConfigError, by name, for one that is not what
    its folder says."""
    done = {}
    for run in runs if redo != "all" else []:
        place = folder / run.folder
        try:
            record = read_run(place)
            check_tables(place, record)
        except RecordError as error:
            if (place / RUN).exists():
                print(f"rnnlab: {error}; this run is computed again", file=sys.stderr)
            continue
        found = content_hash(record["config"])
        if {record["run_id"], found} != {run.run_id}:
            raise ConfigError(
                f"{place / RUN}: is not the record of {run.run_id}, its config hashes to {found}; "
                "move the folder away, or compute it again with hydra.launcher.redo=all"
            )
        if record["status"] == "completed" or redo == "missing":
            done[run.run_id] = record
    return done
