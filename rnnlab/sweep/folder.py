"""A study's folder, outputs/<study>/: one command at a time works in it."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from rnnlab.config.run import RunConfig, content_hash
from rnnlab.options import ConfigError, counted
from rnnlab.records.files import RecordError, read_json
from rnnlab.records.run import CODE, PROVENANCE, RUN, read_run
from rnnlab.records.temporaries import remove_left_over
from rnnlab.training.checkpoints import forget, runs_with_checkpoints

LOCK, CHECKPOINTS = ".lock", ".checkpoints"
PATIENCE_S = 5.0  # then somebody who waits for the lock says so


_OURS: set[Path] = set()  # the folders whose lock this process has


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other commands out of the folder, from which what killed ones have left is removed.

    Raises ConfigError when another command is in it.  Where the file system has no locks, nothing is kept out, which is
    said on stderr."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK, fallback_to_soft=False)  # a soft lock outlives a command that is killed
    try:
        _acquire(lock, folder, timeout_s=0)
    except Timeout:
        raise ConfigError(
            f"study: {folder} is in use by another rnnlab command; wait for it, or choose study=..."
        ) from None
    with _held(lock, folder):
        yield


@contextmanager
def locked_for_a_moment(folder: Path) -> Iterator[None]:
    """The same for somebody who has only one thing to write, and waits for the other command to end.

    Inside of a sweep of this process, whose callback it may be, the folder is locked already."""
    if folder.absolute() in _OURS:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK, fallback_to_soft=False)
    try:
        _acquire(lock, folder, PATIENCE_S)
    except Timeout:
        what = "what is finished is written when that one ends"
        print(f"rnnlab: {folder} is in use by another rnnlab command; {what}", file=sys.stderr, flush=True)
        _acquire(lock, folder, timeout_s=-1)
    with _held(lock, folder):
        yield


def _acquire(lock: FileLock, folder: Path, timeout_s: float) -> None:
    """Take the lock, or say that the file system has none.  timeout_s: -1 waits for ever.  Raises Timeout."""
    try:
        lock.acquire(timeout=timeout_s)
    except Timeout:
        raise
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise  # the file of the lock cannot be made
        reason = getattr(error, "strerror", None) or str(error)
        what = "no other rnnlab command must work in it until this one has ended"
        print(f"rnnlab: the file system of {folder} has no locks ({reason}): {what}", file=sys.stderr, flush=True)


@contextmanager
def _held(lock: FileLock, folder: Path) -> Iterator[None]:
    _OURS.add(folder.absolute())
    try:
        remove_left_over(_where_files_are_replaced(folder))
        yield
    finally:
        _OURS.discard(folder.absolute())
        lock.release()


def _where_files_are_replaced(folder: Path) -> Iterator[Path]:
    """The folder, and those in it that a killed writer can have left something in: a record with a run.json is whole,
    and its folder was named when it was."""
    yield folder
    for place in _folders_in(folder):
        if not (place / RUN).exists():
            yield place
            yield from _folders_in(place)


def _folders_in(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        return [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]


def forget_finished(folder: Path) -> None:
    """Remove the checkpoints of runs that have completed, in this sweep or in whatever way."""
    unfinished = runs_with_checkpoints(folder / CHECKPOINTS)
    finished = set()
    for place in _folders_in(folder) if unfinished else []:
        run_id = place.name.rpartition("-")[2]
        with suppress(RecordError):
            if run_id in unfinished and read_run(place)["status"] == "completed":
                finished.add(run_id)
    forget(folder / CHECKPOINTS, finished, also_in_part=False)


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
        runs = f"{counted(n, 'run')} {'is' if n == 1 else 'are'} new"
        when = f"{since[name][:16].replace('T', ' ')} UTC" if since[name] else "these runs were computed"
        print(f"rnnlab: {what} changed since {when}: {runs}", file=sys.stderr)


def _other_code(place: Path, run: RunConfig) -> dict[str, str]:
    """If the folder's record is of the same run by other code: the names of what differs, each with the time at which
    the record was made."""
    try:
        config = read_run(place)["config"]
        if content_hash({**config, CODE: {}}) != content_hash({**run.as_dict(), CODE: {}}):
            return {}
        finished = read_json(place / PROVENANCE).get("finished", "")
    except (RecordError, AttributeError):
        return {}
    code: Mapping[str, object] = config.get(CODE, {"numerics": 1})
    return {name: str(finished) for name, value in run.code.items() if code.get(name, value) != value}
