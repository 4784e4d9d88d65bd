"""engine=slurm: packs as tasks of Slurm's job arrays (Yoo, Jette, Grondona, JSSPP 2003), submitted through submitit.

Queueing, placement, pre-emption and requeueing are Slurm's.  Everything passes through a folder that all nodes see,
`<study>/.slurm`: submitit's packs in and records out, and of each array a note, <name>.json, which jobs compute which
runs.  It is written before sbatch is called and again after it, so that a later command finds the jobs of one that
was stopped at any moment.  States are asked of squeue, which needs no accounting database.
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
from dataclasses import replace
from pathlib import Path
from typing import Any

from rnnlab.options import ConfigError
from rnnlab.records.files import to_json, write_text
from rnnlab.sweep.engine import Cancelled, Died, Done, EngineError, Event, Pack, work_elsewhere
from rnnlab.sweep.jobs import FinishedRun
from rnnlab.sweep.settings import SlurmSettings

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


class SlurmEngine:
    shares_folder = True
    pack_overhead_s = 5.0

    def __init__(self, settings: SlurmSettings, folder: Path):
        try:
            import submitit
        except ImportError:
            raise ConfigError(
                "hydra.launcher.engine: 'slurm'; submitit is not installed here: pip install rnnlab[slurm]"
            ) from None
        for command in ("sbatch", "srun", "squeue"):
            if shutil.which(command) is None:
                raise ConfigError(f"hydra.launcher.engine: 'slurm'; this machine has no {command}, it is no Slurm host")
        self._submitit, self._settings, self._folder = submitit, settings, folder.absolute()
        self.n_workers, self.pack_memory_gb = settings.array_parallelism, settings.memory_gb
        self._packs: dict[str, Pack] = {}  # by job, with those of its runs that are asked for
        self._unsent: list[Pack] = []
        self._looks: Counter[str] = Counter()  # at jobs that are over and have left no result
        self._next_look = 0.0

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
            with contextlib.redirect_stderr(io.StringIO()):  # what sbatch says is in the exception too
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
            if jobs is None:  # killed while it submitted: these jobs may lack their packs
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
        states = self._states()  # asked for first: what ends after that is seen the next time
        events: list[Event] = []
        for job, pack in list(self._packs.items()):
            if self._result(job).exists():
                events.append(self._done(job, pack))
            elif states is None or states.get(job, "CANCELLED") not in OVER:
                self._looks.pop(job, None)
                continue
            else:  # one that is cancelled before it began is not listed any more
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
        if len(runs) != len(pack.runs):  # of an earlier command, which asked for more
            runs = [run for run in runs if run.run_id in {wanted.run_id for wanted in pack.runs}]
        return Done(pack, runs, provenance)

    def _states(self) -> dict[str, str] | None:
        """Job -> what squeue says; None when it does not answer."""
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
        """Jobs that are queued or running stay so, and the next command takes them up."""


class _Work:
    """work_elsewhere, in the form in which submitit requeues it shortly before its time is over."""

    def __call__(self, pack: Pack) -> tuple[list[FinishedRun], dict[str, Any]]:
        return work_elsewhere(pack)

    def checkpoint(self, pack: Pack) -> Any:
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, pack)  # what it begins with then is the pack's own checkpoint


def _ask(*command: str) -> str | None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None
