"""What a study's folder holds already: which runs are done, which records are damaged, which are not to be touched."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnlab.config.run import RunConfig, content_hash
from rnnlab.options import ConfigError
from rnnlab.records.aside import set_aside
from rnnlab.records.checked import FILES, CheckedRecords, Ended, ended
from rnnlab.records.files import RecordError, UnknownSchemaError
from rnnlab.records.run import PROVENANCE, RUN, read_run
from rnnlab.records.study import check_study_file
from rnnlab.sweep.options import KEY


@dataclass(frozen=True)
class Found:
    """What a study's folder holds of some runs.

    done: by run_id, how those have ended that need not be computed.  damaged: by run_id, why a record that is there
    cannot be used."""

    done: Mapping[str, Ended]
    damaged: Mapping[str, RecordError]

    def set_aside(self, folder: Path, runs: Sequence[RunConfig]) -> None:
        """Keep the damaged files, which are about to be replaced, under other names, and say so on stderr.

        runs: all that are going to be computed."""
        for run in runs:
            error = self.damaged.get(run.run_id)
            in_the_way = [*(error.damaged if error else ()), *_out_of_place(folder / run.folder)]
            kept = ", ".join(place.name for place in set_aside(in_the_way))
            if error or kept:
                reason = error or f"{in_the_way[0]}: is not what belongs there"
                also = f", what is there is kept as {kept}" if kept else ""
                print(f"rnnlab: {reason}; this run is computed again{also}", file=sys.stderr)


def _out_of_place(folder: Path) -> list[Path]:
    """What stands where a record's folder or files are to be written, and is no folder, or no file: also links that
    lead nowhere."""
    if not folder.is_dir():
        return [folder] if os.path.lexists(folder) else []
    places = [folder / name for name in (*FILES, PROVENANCE)]
    return [place for place in places if os.path.lexists(place) and not place.is_file()]


def already_done(folder: Path, runs: Sequence[RunConfig], redo: str) -> Found:
    """Which of the runs need not be computed.  A record whose files are not as they were written counts as missing.

    redo: "missing" computes only what has no record, "failed" also what failed, "all" everything.  Raises ConfigError
    for a record of another version, and for one that is not the one of its folder's run."""
    done: dict[str, Ended] = {}
    damaged: dict[str, RecordError] = {}
    there = set(os.listdir(folder)) if folder.is_dir() else set()
    checked = CheckedRecords(folder)
    for run in runs if redo != "all" else []:
        if run.folder not in there:
            continue
        how = checked.known(run.folder)
        if how is None:
            try:
                record = checked.read(run.folder)
            except UnknownSchemaError as error:
                raise ConfigError(_refused(error)) from None
            except RecordError as error:
                if os.path.lexists(folder / run.folder / RUN):
                    damaged[run.run_id] = error
                continue
            how, found = ended(record), content_hash(record["config"])
            if {how.run_id, found} != {run.run_id}:
                raise _another(folder, run, f"its config hashes to {found}")
        elif how.run_id != run.run_id:
            raise _another(folder, run, f"it is of {how.run_id}")
        if how.status == "completed" or redo == "missing":
            done[run.run_id] = how
    checked.save()
    return Found(done, damaged)


def _another(folder: Path, run: RunConfig, reason: str) -> ConfigError:
    return ConfigError(
        f"{folder / run.folder / RUN}: is not the record of {run.run_id}, {reason}; "
        f"move the folder away, or compute it again with {KEY}.redo=all"
    )


def _refused(error: UnknownSchemaError) -> str:
    return f"{error}; another version of rnnlab has written it: use that one, or choose study=..."


def refuse_other_versions(folder: Path) -> None:
    """Raise ConfigError where the record in a run's folder is of another version, which would be overwritten."""
    try:
        read_run(folder)
    except UnknownSchemaError as error:
        raise ConfigError(_refused(error)) from None
    except RecordError:
        pass


def check_study_of(folder: Path) -> None:
    """Raise ConfigError for a study.json of another version.  One that is damaged is kept under another name, which is
    said on stderr: with it goes what it says of earlier plans and looks."""
    try:
        check_study_file(folder)
    except UnknownSchemaError as error:
        raise ConfigError(_refused(error)) from None
    except RecordError as error:
        kept = ", ".join(place.name for place in set_aside(error.damaged))
        print(f"rnnlab: {error}; it is written anew without earlier plans, and kept as {kept}", file=sys.stderr)
