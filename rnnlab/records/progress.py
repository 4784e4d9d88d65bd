"""What commands and workers do in a study at this moment: small files, for whoever wants to watch.

    STUDY/.progress/<run_id>-<n>.pack     one for each pack that is being trained; its worker writes it
                    <process>.command     one for each command at work in the study, with its line of progress

A pack's file has three lines: the name of the process that writes it; the runs with their steps, as JSON; the rows of
their curves so far, as JSON, of which the command reads nothing.  Every file is replaced in one step, and nothing that
is computed depends on it.  Whoever reads takes no lock, and leaves out the files of processes that have ended.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rnnlab.records.files import write_text
from rnnlab.records.temporaries import has_ended, is_here, remove_left_over, this_process

FOLDER = ".progress"
PACK, COMMAND = ".pack", ".command"
PATIENCE_S = 600.0  # a process on another machine that has written nothing for so long counts as ended
SHOWN = ("step", "train_loss", "eval_loss")  # the columns of curves.csv that are kept here

Rows = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class RunProgress:
    """A run that is being trained.  begun: the step at which this worker began, above 0 after a checkpoint.  live:
    False from when the run has diverged or has reached its loss; the others of its pack may go on."""

    folder: str
    run_id: str
    step: int
    begun: int = 0
    live: bool = True


@dataclass(frozen=True)
class PackProgress:
    """A pack that is being trained.  steps: that each of its runs is to take.  curves: by run_id, the rows so far."""

    steps: int
    runs: tuple[RunProgress, ...]
    curves: Mapping[str, Rows] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Of its file: no other pack of the study that is trained at the same time has the same first run."""
        return pack_name(self.runs[0].run_id, len(self.runs))


@dataclass(frozen=True)
class CommandProgress:
    """A command at work.  line: how far it is, for a person.  over: all is computed, and the report is being made.

    is_sweep: it computes what study.json expects, and not one run alone."""

    line: str = ""
    over: bool = False
    is_sweep: bool = True


def pack_name(first: str, n: int) -> str:
    """The name of a pack's file.  first: the run_id of its first run.  n: how many runs it has."""
    return f"{first}-{n}{PACK}"


def to_text(pack: PackProgress) -> str:
    """The last two lines of the file."""
    head = {"steps": pack.steps, "runs": [asdict(run) for run in pack.runs]}
    return f"{json.dumps(head)}\n{json.dumps(pack.curves)}\n"


def write_pack(study: Path, name: str, text: str) -> None:
    """Write the file of a pack.  text: from `to_text`.  A folder that cannot be written to has none."""
    _write(study / FOLDER / name, f"{this_process()}\n{text}")


def forget_pack(study: Path, name: str) -> None:
    """Remove the file of a pack that is not trained any longer."""
    with suppress(OSError):
        (study / FOLDER / name).unlink()


def read_packs(study: Path, curves: bool = False, also_here: bool = True) -> list[PackProgress]:
    """The packs that are being trained.  curves: read the rows, too.  also_here: those of this machine, too."""
    found = []
    for path in _files(study, PACK):
        with suppress(OSError, ValueError, KeyError, TypeError), path.open(encoding="utf-8") as file:
            process = file.readline().strip()
            if has_ended(process, os.fstat(file.fileno()).st_mtime, PATIENCE_S) or (is_here(process) and not also_here):
                continue
            head = json.loads(file.readline())
            runs = tuple(map(_run, head["runs"]))
            found.append(PackProgress(int(head["steps"]), runs, json.loads(file.readline()) if curves else {}))
    return found


def _run(entry: Mapping[str, Any]) -> RunProgress:
    step, begun = int(entry["step"]), int(entry["begun"])
    return RunProgress(str(entry["folder"]), str(entry["run_id"]), step, begun, bool(entry["live"]))


_ours: dict[Path, int] = {}  # the studies in which this process is at work, and how many blocks say so


def at_moment(study: Path) -> tuple[list[CommandProgress], list[PackProgress]]:
    """The commands whose runs are not all over, and what is being trained, with its curves.

    Workers of this machine end with their command: without one, they are about to.  Jobs of a cluster may go on."""
    found = [command for command in commands(study) if not command.over]
    return found, read_packs(study, curves=True, also_here=bool(found))


def stamp(study: Path) -> str:
    """Of what is going on: it changes with every change of it.  Empty where nobody is at work."""
    at_work, packs = at_moment(study)
    return repr([*at_work, *packs]) if at_work or packs else ""


@contextmanager
def at_work(study: Path, is_sweep: bool = True) -> Iterator[None]:
    """A block in which readers see that a command is at work in the study.  Blocks may stand inside of each other."""
    study = study.absolute()
    _ours[study] = _ours.get(study, 0) + 1
    tell(study, CommandProgress(is_sweep=is_sweep))
    try:
        yield
    finally:
        _ours[study] -= 1
        if not _ours[study]:
            del _ours[study]
            with suppress(OSError):
                _own_file(study).unlink()
            remove_ended(study)


@contextmanager
def cleared(study: Path) -> Iterator[None]:
    """A block after which nothing is left of its workers, which have ended with it."""
    try:
        yield
    finally:
        remove_ended(study)


def tell(study: Path, progress: CommandProgress) -> None:
    """Say how far this process is, which is at work in the study."""
    _write(_own_file(study), json.dumps(asdict(progress)))


def commands(study: Path) -> list[CommandProgress]:
    """The commands that are at work in the study."""
    found = []
    for path in _files(study, COMMAND):
        with suppress(OSError, ValueError, TypeError):
            if not has_ended(path.stem, path.stat().st_mtime, PATIENCE_S):
                found.append(CommandProgress(**json.loads(path.read_text(encoding="utf-8"))))
    return found


def remove_ended(study: Path) -> None:
    """Remove what processes have left that have ended, and the folder when nothing is in it."""
    for path in _files(study, PACK):
        with suppress(OSError, ValueError):
            with path.open(encoding="utf-8") as file:
                ended = has_ended(file.readline().strip(), os.fstat(file.fileno()).st_mtime)
            if ended:
                path.unlink()
    for path in _files(study, COMMAND):
        with suppress(OSError, ValueError):
            if has_ended(path.stem, path.stat().st_mtime):
                path.unlink()
    remove_left_over([study / FOLDER])
    with suppress(OSError):  # others are at work
        (study / FOLDER).rmdir()


def _own_file(study: Path) -> Path:
    return study / FOLDER / f"{this_process()}{COMMAND}"


def _files(study: Path, suffix: str) -> list[Path]:
    try:
        return sorted(path for path in (study / FOLDER).iterdir() if path.suffix == suffix and path.name[0] != ".")
    except OSError:
        return []


def _write(path: Path, text: str) -> None:
    """What cannot be written is not seen, and does no other harm."""
    with suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        write_text(path, text)


def as_curves(rows: Sequence[Mapping[str, Any]], most: int) -> Rows:
    """Rows of curves.csv by column, at most `most` of them, evenly spread, with the last one."""
    if len(rows) > most:
        rows = [rows[round(n * (len(rows) - 1) / (most - 1))] for n in range(most)]
    return {name: [row[name] for row in rows] for name in SHOWN}
