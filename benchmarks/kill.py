"""A sweep that is killed again and again ends in the same records as one that is left alone, and leaves nothing behind.

Each way of sweeping is swept once undisturbed.  In another folder the same command is started over and over, and its
processes are hit (the main process, a worker, the server of the workers, multiprocessing's tracker, main and another
one at once) by SIGKILL, SIGTERM, SIGHUP, or SIGSTOP with SIGCONT a little later: while they start, while a record, a
checkpoint or the report is written, or at any moment.  When a command comes to its end, half of its records are taken
away.  After every 25 kills the command runs once undisturbed.  What is counted, and must be 0:

    lost        finished records that were no longer there, or had been written again
    changed     files of records that differ from those of the undisturbed sweep
    left        processes that were still there 5 s after their main process had been killed
    leftovers   temporary files and checkpoints that were still there after the undisturbed command

    python benchmarks/kill.py [--kills 100] [--seed 0] [--ways compiled until torch]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SIZE = ["task=sines", "task.n_points=300", "cell.hidden_size=16", "training.batch_size=32", "training.eval_every=100"]
OFTEN = ["hydra.launcher.n_workers=2", "hydra.launcher.checkpoint_s=0.05"]
GRID = ["cell.activation=tanh,relu,sigmoid", "seed=range(8)", "training.steps=800"]
WAYS = {
    "compiled": ["study=kill", *SIZE, *GRID, *OFTEN],
    "until": ["experiment=kill", "until=decided", "first_seeds=4", "max_seeds=8", *SIZE, "training.steps=800", *OFTEN],
    # Plain torch may give a run other last digits in other company: so each of these runs is a pack of its own.
    "torch": ["study=kill", "backend=torch", *SIZE, "seed=0", "training.steps=range(60,80)", *OFTEN],
}
STUDY = """\
# @package _global_
question: does relu learn?
study: kill
claims: [{says: relu learns, quantity: score, of: {cell.activation: relu}, than: 0.99, is: higher}]
hydra: {sweeper: {params: {cell.activation: "tanh,relu,sigmoid"}}}
"""
MARK = "RNNLAB_KILL_MARK"  # an environment variable, by which the processes of a command are known
EVERY = 25  # after so many kills the command runs undisturbed once, and all is compared
PATIENCE_S = 5.0  # within which every process must have noticed that its main process is gone
RECORD = ("run.json", "curves.csv", "predictions.csv", "gradients.csv", "weights.safetensors")
VICTIMS = {"main": 1, "worker": 3, "server": 1, "tracker": 1, "main and another": 1}  # with their weights
SIGNALS = {"KILL": signal.SIGKILL, "TERM": signal.SIGTERM, "HUP": signal.SIGHUP, "STOP": signal.SIGSTOP}
AIMS = {"start": 3, "working": 3, "writing": 3, "checkpoint": 3, "report": 1}  # moments, with their weights


@dataclass
class Figures:
    """What has happened; lost, changed, left and leftovers name what must not be."""

    kills: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # victim, signal, aim
    n_commands: int = 0
    lost: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)

    @property
    def damage(self) -> list[str]:
        names = ("lost", "changed", "left", "leftovers")
        return [f"{name}: {what}" for name in names for what in getattr(self, name)]

    def __str__(self) -> str:
        parts = [Counter({key[n]: 0 for key in self.kills}) for n in range(3)]
        for key, n in self.kills.items():
            for part, name in zip(parts, key, strict=True):
                part[name] += n
        lines = [", ".join(f"{name} {n}" for name, n in part.most_common()) for part in parts]
        lines = [f"{self.kills.total()} kills of {self.n_commands} commands", *lines]
        counts = {name: len(getattr(self, name)) for name in ("lost", "changed", "left", "leftovers")}
        return "\n  ".join([*lines, ", ".join(f"{n} {name}" for name, n in counts.items())])


class Storm:
    """A folder in which a command is started and hit until it has been hit often enough."""

    def __init__(self, place: Path, overrides: Sequence[str], rng: random.Random, patience_s: float = PATIENCE_S):
        self.place, self.study, self.rng, self.patience_s = place, place / "outputs" / "kill", rng, patience_s
        config = place / "conf" / "experiment"
        config.mkdir(parents=True)
        (config / "kill.yaml").write_text(STUDY)
        (place / "tmp").mkdir()
        self._command = [sys.executable, "-m", "rnnlab", "-m", "--config-dir", str(config.parent), *overrides]
        self._mark = uuid.uuid4().hex
        self._written: dict[str, int] = {}  # finished record -> when it was written
        self.figures = Figures()

    def start(self) -> subprocess.Popen[bytes]:
        self.figures.n_commands += 1
        environment = os.environ | {MARK: self._mark, "TMPDIR": str(self.place / "tmp")}
        with (self.place / "said.txt").open("ab") as said:
            return subprocess.Popen(self._command, cwd=self.place, env=environment, stdout=said, stderr=said)

    def rage(self, kills: int) -> None:
        """Hit the command, and start it again, until it has been hit so often."""
        while self.figures.kills.total() < kills:
            process = self.start()
            while process.poll() is None and self.figures.kills.total() < kills:
                self._hit(process)
            self._see_the_end(process)
            self._compare_with_before()
            if process.returncode == 0:
                self.take_half_away()

    def settle(self) -> dict[str, bytes]:
        """The records after the command has run undisturbed."""
        process = self.start()
        if process.wait():
            words = (self.place / "said.txt").read_text(errors="replace").splitlines()[-3:]
            self.figures.lost.append(f"the last command ended with {process.returncode}: {'; '.join(words)}")
        self._see_the_end(process)
        self._compare_with_before()
        self.figures.leftovers += self._leftovers()
        return {str(path.relative_to(self.study)): path.read_bytes() for path in self._files()}

    def _hit(self, process: subprocess.Popen[bytes]) -> None:
        """Hit one process, or two, unless the command ends before."""
        aim, victim = (self.rng.choices([*of], [*of.values()])[0] for of in (AIMS, VICTIMS))
        name = self.rng.choice([*SIGNALS])
        self._wait_for(process, aim)
        hit = self._chosen(process, victim)
        if process.poll() is not None:
            return
        self.figures.kills[victim, name, aim] += 1
        for pid in hit:
            _signal(pid, SIGNALS[name])
        if name == "STOP":
            time.sleep(self.rng.uniform(0.0, 0.3))
            if self.rng.random() < 0.25:  # somebody loses patience
                process.kill()
            time.sleep(self.rng.uniform(0.0, 0.2))
            for pid in hit:
                _signal(pid, signal.SIGCONT)
        elif process.pid in hit:
            process.wait()

    def _wait_for(self, process: subprocess.Popen[bytes], aim: str) -> None:
        """Until a moment of this kind, or of the report if that comes first."""
        start_s, before = self.rng.uniform(0.0, 1.5), self._entries()
        began = time.monotonic()
        while process.poll() is None:
            entries = self._entries()
            came = {
                "start": time.monotonic() > began + start_s,
                "working": any(self._others(process)["worker"]) if aim == "working" else False,
                "writing": any(name.startswith("sines-") for name in entries - before),
                "checkpoint": ".checkpoints" in entries,
                "report": any(name.startswith(".report.") for name in entries),
            }
            if came[aim] or came["report"]:
                return time.sleep(self.rng.uniform(0.0, 0.02 if aim in ("writing", "checkpoint") else 0.3))
            time.sleep(0.002)

    def _entries(self) -> set[str]:
        with contextlib.suppress(FileNotFoundError):
            return set(os.listdir(self.study))
        return set()

    def _others(self, process: subprocess.Popen[bytes]) -> dict[str, list[int]]:
        """The processes below the main process, by what they are."""
        others: dict[str, list[int]] = {"worker": [], "server": [], "tracker": []}
        for pid, parent, words in self._processes():
            if "resource_tracker" in words:
                others["tracker"].append(pid)
            elif "forkserver" in words:
                others["server" if parent == process.pid else "worker"].append(pid)
        return others

    def _chosen(self, process: subprocess.Popen[bytes], victim: str) -> list[int]:
        """The processes to be hit; the main process where there is none of this kind now."""
        others = self._others(process)
        if victim == "main and another":
            everybody = [pid for pids in others.values() for pid in pids]
            return [*everybody[: self.rng.randrange(1, 4)], process.pid]
        return [self.rng.choice(others.get(victim) or [process.pid])]

    def _see_the_end(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until no process of the command is left; count those that stay too long."""
        if process.poll() is None:
            self.figures.kills["main", "KILL", "any moment"] += 1
            process.kill()
        process.wait()
        deadline = time.monotonic() + self.patience_s
        while (left := list(self._processes())) and time.monotonic() < deadline:
            time.sleep(0.02)
        for pid, parent, words in left:
            with contextlib.suppress(OSError):
                status = Path(f"/proc/{pid}/status").read_text().split("State:")[1].split()[0]
                libraries = len({line.split()[-1] for line in Path(f"/proc/{pid}/maps").read_text().splitlines()})
                words = f"{words[:80]} (state {status}, below {parent}, {libraries} files are loaded)"
            self.figures.left.append(words)
            _signal(pid, signal.SIGKILL)

    def _processes(self) -> Iterator[tuple[int, int, str]]:
        """Number, parent and command line of the processes of the command that live."""
        mark = f"{MARK}={self._mark}".encode()
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (folder / "environ").read_bytes():
                    fields = (folder / "stat").read_text().rpartition(")")[2].split()
                    words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    if fields[0] not in "ZX":
                        yield int(folder.name), int(fields[1]), words
            except OSError:  # it has ended
                continue

    def _files(self) -> list[Path]:
        return [path for name in RECORD for path in self.study.glob(f"*/{name}")]

    def _compare_with_before(self) -> None:
        """Count the finished records that are gone or were written again."""
        now = {
            path.parent.name: path.stat().st_mtime_ns
            for path in self.study.glob("*/run.json")
            if b'"status": "completed"' in path.read_bytes()
        }
        self.figures.lost += [name for name, when in self._written.items() if now.get(name) != when]
        self._written = now

    def _leftovers(self) -> list[str]:
        found = [path for suffix in ("tmp", "old") for path in self.place.rglob(f".*.{suffix}")]
        return [str(path.relative_to(self.place)) for path in (*found, *self.study.glob(".checkpoints"))]

    def take_half_away(self) -> None:
        for record in self.study.glob("*/run.json"):
            if self.rng.random() < 0.5:
                record.unlink()
                self._written.pop(record.parent.name, None)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def compare(place: Path, overrides: Sequence[str], kills: int, seed: int, patience_s: float = PATIENCE_S) -> Figures:
    """Sweep undisturbed, then in a storm: what has happened to the records."""
    calm, storm = (Storm(place / name, overrides, random.Random(seed), patience_s) for name in ("calm", "storm"))
    wanted = calm.settle()
    if calm.figures.damage:  # it does not work at all
        return calm.figures
    for n in range(EVERY, kills + EVERY, EVERY):
        storm.rage(min(n, kills))
        found = storm.settle()
        names = sorted(wanted.keys() | found.keys())
        storm.figures.changed += [name for name in names if wanted.get(name) != found.get(name)]
        storm.take_half_away()
    storm.figures.leftovers += calm.figures.leftovers
    return storm.figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, help="of each way together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ways", nargs="+", choices=[*WAYS], default=[*WAYS])
    options = parser.parse_args()
    damage = []
    for way in options.ways:
        with tempfile.TemporaryDirectory() as place:
            kills = -(-options.kills // len(options.ways))
            figures = compare(Path(place), WAYS[way], kills, options.seed)
            print(f"{way}: {figures}", flush=True)
            damage += [f"{way}: {line}" for line in figures.damage]
    print("\n".join(damage) or "nothing lost")
    return 1 if damage else 0


if __name__ == "__main__":
    sys.exit(main())
