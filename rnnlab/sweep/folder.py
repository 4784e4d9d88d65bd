"""A study's folder, outputs/<study>/: one command at a time works in it, and some of its runs are done already."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from rnnlab.config.run import RunConfig, content_hash
from rnnlab.options import ConfigError
from rnnlab.records.files import RecordError
from rnnlab.records.run import RUN, check_tables, read_run
from rnnlab.sweep.options import KEY

LOCK, CHECKPOINTS = ".lock", ".checkpoints"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other commands out of the folder.  Raises ConfigError when another one is in it."""
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


def already_done(folder: Path, runs: Sequence[RunConfig], redo: str) -> dict[str, dict[str, Any]]:
    """run_id -> run.json of those runs that need not be computed.

    redo: "missing" computes only what has no record, "failed" also what failed, "all" everything.  A record that
    cannot be read counts as missing, and is named on stderr.  Raises ConfigError for a record that is not the one of
    its folder's run."""
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
                f"move the folder away, or compute it again with {KEY}.redo=all"
            )
        if record["status"] == "completed" or redo == "missing":
            done[run.run_id] = record
    return done
