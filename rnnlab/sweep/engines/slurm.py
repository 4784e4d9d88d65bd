"""engine=slurm: packs as tasks of Slurm's job arrays (Yoo, Jette, Grondona, JSSPP 2003).

Slurm queues, places, pre-empts and requeues the packs.  Packs and results pass through a folder that all nodes see,
`<study>/.slurm`: see rnnlab/sweep/slurm_files.py.  Slurm is asked for jobs by their name, which is written down before
they are submitted, so a later command finds the jobs of a command that was stopped at any moment.  States come from
squeue, which needs no accounting database.
"""

from __future__ import annotations

import contextlib
import shlex
import shutil
import sys
import time
import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from rnnlab.options import ConfigError, number
from rnnlab.records.aside import set_aside
from rnnlab.sweep.engine import Cancelled, Died, Done, EngineError, Event, Pack
from rnnlab.sweep.engines import register
from rnnlab.sweep.options import KEY, SweepOptions
from rnnlab.sweep.slurm_commands import ANSWER_S, Silence, ask
from rnnlab.sweep.slurm_files import NAMES, Task, arrays_in, read_note, remove_array, write_array
from rnnlab.sweep.slurm_task import HELLO

FOLDER = ".slurm"  # inside the study's folder
OVER = {
    "CANCELLED",
    "COMPLETED",
    "FAILED",
    "TIMEOUT",
    "NODE_FAIL",
    "OUT_OF_MEMORY",
    "BOOT_FAIL",
    "DEADLINE",
    "PREEMPTED",
}
LOOKS = 3  # at the folder after a job is over, before its result counts as lost: file systems lag behind
SUBMIT_S = 300.0  # the same of sbatch, which waits for a busy Slurm
OURS = {"job-name", "array", "output", "error"}  # options of sbatch by which jobs and their words are found again
WARN_S = 90  # how long before the end of its time a job is told to go back into the queue
HOW_TO_GO_ON = "jobs stay in Slurm, and the same command takes them up"


@dataclass
class SlurmSettings:
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    time_min: int = number(60, at_least=1)  # a pack that takes longer is requeued, and continues from its checkpoint
    cpus: int = number(1, at_least=1)  # per pack
    gpus: int = number(0, at_least=0)  # per pack; goes with device=cuda
    memory_gb: float = number(4.0, at_least=0.01)  # per pack, in 10^9 bytes
    array_parallelism: int = number(100, at_least=1)  # packs that run at once
    max_queued: int = number(1000, at_least=1)  # packs that Slurm holds at once
    poll_s: float = number(5.0, at_least=0.1)  # seconds between two looks at the queue
    patience_min: float = number(10.0, at_least=0.01)  # how long squeue may fail before the command ends; jobs stay
    setup: list[str] = field(default_factory=list)  # shell lines before each pack, such as `module load python`
    extra: dict[str, Any] = field(default_factory=dict)  # further options of sbatch, as {constraint: avx512}


@register("slurm", SlurmSettings)
class SlurmEngine:
    """folder: what packs and records pass through; all nodes see it."""

    shares_folder = True
    writes_records = False
    pack_overhead_s = 5.0

    def __init__(self, settings: SlurmSettings, folder: Path) -> None:
        for command in ("sbatch", "srun", "squeue"):
            if shutil.which(command) is None:
                raise ConfigError(f"{KEY}.engine: 'slurm'; this machine has no {command}, it is no Slurm host")
        for key in settings.extra:
            if key.replace("_", "-") in OURS:
                raise ConfigError(
                    f"{KEY}.slurm.extra.{key}: {settings.extra[key]!r}; rnnlab itself says this to sbatch"
                )
        self._settings, self._folder = settings, folder.absolute()
        self.n_workers, self.pack_memory_gb = settings.array_parallelism, settings.memory_gb
        self._packs: dict[Task, Pack] = {}  # of the runs of a task only those that this command asks for
        self._unsent: list[Pack] = []
        self._looks: Counter[Task] = Counter()  # at tasks that are over and have left no result
        self._next_look = 0.0
        self._silent_since: float | None = None  # when squeue failed for the first time after its last answer

    @classmethod
    def start(cls, settings: SlurmSettings, options: SweepOptions, device: str, folder: Path) -> Self:
        return cls(settings, folder / FOLDER)

    @property
    def n_free(self) -> int:
        return self._settings.max_queued - len(self._packs) - len(self._unsent)

    def submit(self, pack: Pack) -> None:
        self._unsent.append(pack)  # wait() sends all of them as one array

    def wait(self, timeout_s: float | None) -> list[Event]:
        self._send()
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            if time.monotonic() >= self._next_look:
                events = self._look()
                self._next_look = time.monotonic() + self._settings.poll_s
                if events:
                    return events
            pause = self._next_look - time.monotonic()
            if deadline is not None:
                if time.monotonic() >= deadline:
                    return []
                pause = min(pause, deadline - time.monotonic())
            time.sleep(max(pause, 0.0))

    def _send(self) -> None:
        if not self._unsent:
            return
        from rnnlab.sweep.elsewhere import pack_to_text

        packs, self._unsent = self._unsent, []
        array = self._folder / NAMES.replace("*", uuid.uuid4().hex[:12])
        runs = [[run.run_id for run in pack.runs] for pack in packs]
        try:
            tasks = write_array(array, [pack_to_text(pack) for pack in packs], runs)
        except OSError as error:
            raise EngineError(f"{error.filename or array}: cannot be written ({error.strerror})") from None
        done = ask(self._sbatch(array, len(packs)), SUBMIT_S, self._script(array, packs))
        if isinstance(done, Silence):
            if not isinstance(ask(["scancel", f"--name={array.name}"]), Silence):  # sbatch may have been heard
                remove_array(array)
            raise EngineError(f"{done.words}{f'; {HOW_TO_GO_ON}' if self._packs else ''}")
        self._packs |= dict(zip(tasks, packs, strict=True))

    def _sbatch(self, array: Path, n_tasks: int) -> list[str]:
        s = self._settings
        options: Mapping[str, Any] = {
            "job-name": array.name,
            "array": f"0-{n_tasks - 1}%{s.array_parallelism}",
            "time": s.time_min,
            "cpus-per-task": s.cpus,
            "mem": f"{max(1, int(s.memory_gb * 1e9 / 2**20))}M",
            "output": f"{array}/".replace("%", "%%") + "%a.log",
            "open-mode": "append",
            "signal": f"USR2@{WARN_S}",
            "requeue": True,
            "partition": s.partition,
            "account": s.account,
            "qos": s.qos,
            "gpus-per-node": s.gpus or None,
            **{key.replace("_", "-"): value for key, value in s.extra.items()},
        }
        given = {key: value for key, value in options.items() if value is not None and value is not False}
        return ["sbatch", *(f"--{key}" if value is True else f"--{key}={value}" for key, value in given.items())]

    def _script(self, array: Path, packs: Sequence[Pack]) -> str:
        digests = sorted({plugin.sha256 for pack in packs for plugin in pack.used_plugins()})
        task = shlex.join([sys.executable, "-u", "-m", "rnnlab.sweep.slurm_task", str(array), *digests])
        run = f"exec srun --unbuffered --cpus-per-task={self._settings.cpus} {task}"
        return "\n".join(["#!/bin/bash", *self._settings.setup, run, ""])

    def resume(self, everything: Pack) -> list[Pack]:
        asked = {run.run_id: run for run in everything.runs}
        arrays = self._arrays()
        states = self._states() if arrays else {}
        while states is None:
            time.sleep(self._settings.poll_s)
            states = self._states()
        for array, runs in arrays.items():
            alive = False
            for index, run_ids in enumerate(runs):
                task = Task(array, index)
                is_over = states.get(task.key, "CANCELLED") in OVER
                alive = alive or not is_over
                wanted = [run_id for run_id in run_ids if run_id in asked]
                if wanted and (not is_over or task.result.exists()):
                    self._packs[task] = replace(everything, runs=[asked.pop(run_id) for run_id in wanted])
                    alive = True
            if not alive:
                remove_array(array)
        return list(self._packs.values())

    def forget(self, run_ids: Collection[str]) -> None:
        for array, runs in self._arrays().items():
            if all(run_id in run_ids for task in runs for run_id in task):
                remove_array(array)
        with contextlib.suppress(OSError):  # there are more arrays, or there was none
            self._folder.rmdir()

    def _arrays(self) -> dict[Path, list[list[str]]]:
        """The folders of arrays -> the run_ids of their tasks.  A damaged note is said, and its array is cancelled and
        kept aside, as nobody knows what its tasks compute."""
        found: dict[Path, list[list[str]]] = {}
        for array in arrays_in(self._folder):
            try:
                found[array] = read_note(array)
            except (OSError, ValueError) as error:
                ask(["scancel", f"--name={array.name}"])
                _say(
                    f"{array}: its note cannot be read ({error}); the array is cancelled, its runs are computed anew, "
                    f"and its files are kept as {_aside(array)}"
                )
        return found

    def _look(self) -> list[Event]:
        states = self._states()  # before the results: a task that ends after this is seen the next time
        events: list[Event] = []
        for task, pack in list(self._packs.items()):
            if task.result.exists():
                events.append(self._done(task, pack))
            elif task.error.exists():
                words = task.error.read_text(encoding="utf-8", errors="replace")
                raise EngineError(self._cannot_compute(task, words))
            elif states is None or states.get(task.key, "CANCELLED") not in OVER:
                self._looks.pop(task, None)
                continue
            else:  # squeue does not list a task that was cancelled before it began
                self._looks[task] += 1
                if self._looks[task] < LOOKS:
                    continue
                state = states.get(task.key, "CANCELLED")
                log = task.logged()
                if state == "FAILED" and HELLO not in log:
                    raise EngineError(self._cannot_compute(task, log))
                events.append(Cancelled(pack) if state == "CANCELLED" else Died(pack, f"Slurm: {state}"))
            del self._packs[task]
        return events

    def _done(self, task: Task, pack: Pack) -> Event:
        from rnnlab.sweep.elsewhere import result_from_text

        path = task.result
        try:
            return Done(pack, *result_from_text(path.read_text(encoding="utf-8"), pack))
        except (OSError, ValueError) as error:
            _say(f"{path}: cannot be read ({error}); its runs are computed again, and it is kept as {_aside(path)}")
            return Died(pack)

    def _cannot_compute(self, task: Task, words: str) -> str:
        last = words.strip().splitlines()[-1] if words.strip() else "no words"
        return f"Slurm job {task.array.name}, task {task.index}, cannot compute packs: {last}; its log is {task.log}"

    def _states(self) -> dict[tuple[str, str], str] | None:
        """Name of a job and index of a task -> its state as squeue names it.  None: squeue fails, and may go on so for
        a while.  Raises EngineError when it has failed for too long."""
        s = self._settings
        command = ["squeue", "--me", "--array", "--noheader", "--states=all", "--format=%j|%K|%T"]
        listing = ask(command, min(ANSWER_S, s.patience_min * 60))
        now = time.monotonic()
        if isinstance(listing, str):
            self._silent_since = None
            rows = [line.strip().split("|") for line in listing.splitlines()]
            return {(row[0], row[1]): row[2] for row in rows if len(row) == 3}
        if self._silent_since is None:
            self._silent_since = now
            _say(f"{listing.words}; waiting up to {s.patience_min:g} min for squeue")
        elif now - self._silent_since >= s.patience_min * 60:
            raise EngineError(f"{listing.words}, and so for {s.patience_min:g} min; {HOW_TO_GO_ON}")
        return None

    def close(self) -> None:
        """Jobs that are queued or running stay in Slurm; the next command finds them."""


def _aside(path: Path) -> Path:
    """Where a damaged file or folder is now; in its old place if it cannot be renamed."""
    return next(iter(set_aside([path])), path)


def _say(line: str) -> None:
    print(f"rnnlab: {line}", file=sys.stderr, flush=True)
