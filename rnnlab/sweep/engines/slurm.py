"""engine=slurm: packs as tasks of Slurm's job arrays (Yoo, Jette, Grondona, JSSPP 2003), submitted through submitit.

Slurm queues, places, pre-empts and requeues the packs.  Everything passes through a folder that all nodes see,
`<study>/.slurm`: submitit's packs in and records out, and for each array a note, <name>.json, which says which job
computes which runs.  The note is written before sbatch is called and again afterwards, so that a later command finds
the jobs of a command that was stopped at any moment.  States are asked of squeue, which needs no accounting database.
"""

from __future__ import annotations

import contextlib
import io
import json
import pickle
import shutil
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from rnnlab.options import ConfigError, number
from rnnlab.records.files import to_json, write_text
from rnnlab.sweep.engine import Cancelled, Died, Done, EngineError, Event, Pack
from rnnlab.sweep.engines import register
from rnnlab.sweep.options import KEY, SweepOptions

if TYPE_CHECKING:
    from rnnlab.sweep.finished import FinishedRun

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
PATIENCE = 3  # looks at the folder after a job is over, before its result counts as lost: file systems lag behind


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
    setup: list[str] = field(default_factory=list)  # shell lines before each pack, such as `module load python`
    extra: dict[str, Any] = field(default_factory=dict)  # further options of sbatch, as {constraint: avx512}


@register("slurm", SlurmSettings)
class SlurmEngine:
    """folder: what packs and records pass through; all nodes see it."""

    shares_folder = True
    writes_records = False
    pack_overhead_s = 5.0

    def __init__(self, settings: SlurmSettings, folder: Path) -> None:
        try:
            import submitit
        except ImportError:
            raise ConfigError(
                f"{KEY}.engine: 'slurm'; submitit is not installed here: pip install rnnlab[slurm]"
            ) from None
        for command in ("sbatch", "srun", "squeue"):
            if shutil.which(command) is None:
                raise ConfigError(f"{KEY}.engine: 'slurm'; this machine has no {command}, it is no Slurm host")
        self._submitit, self._settings, self._folder = submitit, settings, folder.absolute()
        self.n_workers, self.pack_memory_gb = settings.array_parallelism, settings.memory_gb
        self._packs: dict[str, Pack] = {}  # by job; of its runs only those that this command asks for
        self._unsent: list[Pack] = []
        self._looks: Counter[str] = Counter()  # at jobs that are over and have left no result
        self._next_look = 0.0

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
                self._next_look = time.monotonic() + self._settings.poll_s
                if events := self._look():
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
        packs, self._unsent = self._unsent, []
        name = f"rnnlab-{uuid.uuid4().hex[:12]}"
        runs = [[run.run_id for run in pack.runs] for pack in packs]
        self._folder.mkdir(parents=True, exist_ok=True)
        write_text(self._note(name), to_json({"jobs": None, "runs": runs}))
        executor = self._submitit.SlurmExecutor(self._folder, max_num_timeout=10**6)
        executor.update_parameters(**self._parameters(name))
        try:
            with contextlib.redirect_stderr(io.StringIO()):  # the exception holds sbatch's message too
                jobs = [job.job_id for job in executor.map_array(_Work(), packs)]
        except self._submitit.core.utils.FailedJobError as error:
            self._note(name).unlink()
            raise EngineError(" ".join(str(error).split())) from None
        write_text(self._note(name), to_json({"jobs": jobs, "runs": runs}))
        self._packs |= dict(zip(jobs, packs, strict=True))

    def _parameters(self, name: str) -> dict[str, Any]:
        s = self._settings
        chosen = {"partition": s.partition, "account": s.account, "qos": s.qos, "gpus_per_node": s.gpus or None}
        return {
            "job_name": name,
            "time": s.time_min,
            "cpus_per_task": s.cpus,
            "mem": f"{max(1, int(s.memory_gb * 1e9 / 2**20))}M",
            "array_parallelism": s.array_parallelism,
            "setup": list(s.setup),
            "stderr_to_stdout": True,
            "additional_parameters": {"requeue": True, **s.extra},
            **{key: value for key, value in chosen.items() if value is not None},
        }

    def resume(self, everything: Pack) -> list[Pack]:
        asked = {run.run_id: run for run in everything.runs}
        notes = sorted(self._folder.glob("rnnlab-*.json"))
        states = self._states() if notes else {}
        if states is None:
            raise EngineError("squeue does not answer, and there may be jobs of an earlier command")
        for path in notes:
            note = json.loads(path.read_text(encoding="utf-8"))
            jobs = note["jobs"]
            if jobs is None:  # the command was killed while it submitted them: their packs may be missing
                _ask("scancel", f"--name={path.stem}")
                jobs = []
            for job, run_ids in zip(jobs, note["runs"], strict=False):
                if states.get(job, "CANCELLED") not in OVER or self._result(job).exists():
                    wanted = [asked.pop(run_id) for run_id in run_ids if run_id in asked]
                    if wanted:
                        self._packs[job] = replace(everything, runs=wanted)
            if all(states.get(job, "CANCELLED") in OVER and job not in self._packs for job in jobs):
                self._remove(path, jobs)
        return list(self._packs.values())

    def forget(self, run_ids: Collection[str]) -> None:
        for path in self._folder.glob("rnnlab-*.json"):
            note = json.loads(path.read_text(encoding="utf-8"))
            if all(run_id in run_ids for pack in note["runs"] for run_id in pack):
                self._remove(path, note["jobs"] or [])

    def _look(self) -> list[Event]:
        states = self._states()  # before the results: a job that ends after this is seen the next time
        events: list[Event] = []
        for job, pack in list(self._packs.items()):
            if self._result(job).exists():
                events.append(self._done(job, pack))
            elif states is None or states.get(job, "CANCELLED") not in OVER:
                self._looks.pop(job, None)
                continue
            else:  # squeue does not list a job that was cancelled before it began
                self._looks[job] += 1
                if self._looks[job] < PATIENCE:
                    continue
                events.append(Cancelled(pack) if states.get(job, "CANCELLED") == "CANCELLED" else Died(pack))
            del self._packs[job]
        return events

    def _done(self, job: str, pack: Pack) -> Event:
        with self._result(job).open("rb") as file:
            outcome, value = pickle.load(file)
        if outcome != "success":
            last = value.strip().splitlines()[-1]
            raise EngineError(
                f"Slurm job {job} cannot compute packs: {last}; its log is {self._folder}/{job}_0_log.out"
            )
        runs, provenance = value
        if len(runs) != len(pack.runs):  # an earlier command asked for more runs
            runs = [run for run in runs if run.run_id in {wanted.run_id for wanted in pack.runs}]
        return Done(pack, runs, provenance)

    def _states(self) -> dict[str, str] | None:
        """Job -> its state as squeue names it; None when squeue does not answer."""
        listing = _ask("squeue", "--me", "--array", "--noheader", "--states=all", "--format=%i|%T")
        return None if listing is None else dict(line.strip().split("|") for line in listing.splitlines())

    def _result(self, job: str) -> Path:
        return self._folder / f"{job}_0_result.pkl"

    def _note(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _remove(self, note: Path, jobs: Sequence[str]) -> None:
        """Remove a note and what submitit has written for its jobs."""
        for array in {job.split("_")[0] for job in jobs}:
            for path in self._folder.glob(f"{array}_*"):
                path.unlink(missing_ok=True)
        note.unlink(missing_ok=True)
        if not any(self._folder.glob("rnnlab-*.json")):
            shutil.rmtree(self._folder)

    def close(self) -> None:
        """Jobs that are queued or running stay in Slurm; the next command finds them."""


class _Work:
    """work_elsewhere as a callable that submitit can requeue shortly before the time limit of its job."""

    def __call__(self, pack: Pack) -> tuple[list[FinishedRun], dict[str, Any]]:
        from rnnlab.sweep.worker import work_elsewhere

        return work_elsewhere(pack)

    def checkpoint(self, pack: Pack) -> Any:
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, pack)  # the pack then continues from its own checkpoint


def _ask(*command: str) -> str | None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None
