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
from rnnlab.records.run import RUN, RecordError, check_tables, read_run, to_json, write_text
from rnnlab.sweep.jobs import command

STUDY, LOCK, CHECKPOINTS = "study.json", ".lock", ".checkpoints"
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
    stated = claims.parse(config.get("claims") or [])
    expected = list(dict.fromkeys(run.folder for run in runs))
    configs = {run.folder: dotted(run.as_dict()) for run in runs} if stated else {}
    description = {
        "schema": 1,
        "study": config["study"],
        "question": config["question"],
        "source": config["source"],
        "command": command(),
        "study_sha256": hashlib.sha256(file.read_bytes()).hexdigest() if file else None,
        "expected": expected,
        "claims": [claim.as_dict() for claim in stated],
        # By claim, which of the expected runs it is about: no verdict while one of them is missing.
        "claim_runs": [[n for n, name in enumerate(expected) if claim.side(configs[name])] for claim in stated],
    }
    write_text(folder / STUDY, to_json(description))


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
