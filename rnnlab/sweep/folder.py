"""A study's folder, outputs/<study>/: one command at a time works in it, and some of its runs are done already."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from rnnlab.config.run import RunConfig, content_hash
from rnnlab.options import ConfigError
from rnnlab.records.files import RecordError
from rnnlab.records.run import CODE, PROVENANCE, RUN, check_files, read_run
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
            check_files(place, record)
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


def say_what_code_has_changed(folder: Path, missing: Sequence[RunConfig]) -> None:
    """Say on stderr how many of the runs to be computed have a record already, by other code: an earlier state of a
    plugin, or another version of rnnlab's numerics."""
    by_name: dict[str, list[Path]] = {}
    for place in folder.glob(f"*/{RUN}"):
        by_name.setdefault(place.parent.name.rpartition("-")[0], []).append(place.parent)
    changed: Counter[str] = Counter()
    since: dict[str, str] = {}
    for run in missing:
        places = [place for place in by_name.get(run.folder.rpartition("-")[0], []) if place.name != run.folder]
        names = {name: when for place in places for name, when in _other_code(place, run).items()}
        changed.update(names.keys())
        for name, when in names.items():
            since[name] = max(since.get(name, ""), when)
    for name, n in changed.items():
        what = "the numerics of rnnlab have" if name == "numerics" else f"{name} has"
        runs = "1 run is new" if n == 1 else f"{n} runs are new"
        when = f"{since[name][:16].replace('T', ' ')} UTC" if since[name] else "these runs were computed"
        print(f"rnnlab: {what} changed since {when}: {runs}", file=sys.stderr)


def _other_code(place: Path, run: RunConfig) -> dict[str, str]:
    """If the folder's record is of the same run by other code: the names of what differs, each with the time at which
    the record was made."""
    try:
        config = read_run(place)["config"]
        if content_hash({**config, CODE: {}}) != content_hash({**run.as_dict(), CODE: {}}):
            return {}
        finished = json.loads((place / PROVENANCE).read_text(encoding="utf-8")).get("finished", "")
    except (RecordError, OSError, ValueError, AttributeError):
        return {}
    code: Mapping[str, object] = config.get(CODE, {"numerics": 1})
    return {name: str(finished) for name, value in run.code.items() if code.get(name, value) != value}
