"""A sweep that is killed again and again ends in the same records as one that is left alone.

Sixty runs are swept once undisturbed.  Then the same command is started over and over in another folder, and at each of
50 random moments either the main process or one of its workers is killed (-9), until the sweep is done.  The hash over
all records must be equal, no worker may be left behind, and nothing that was finished may have been written again.

    python benchmarks/kill.py [--kills 50] [--seed 0]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SWEEP = [
    *("-m", "study=kill", "task=sines", "task.n_points=400", "cell.activation=tanh,relu,sigmoid,leaky_relu"),
    *("seed=range(15)", "cell.hidden_size=20", "training.steps=6000", "training.batch_size=32"),
    *("training.eval_every=500", "hydra.launcher.checkpoint_s=0.5"),
]
PATIENCE_S = 10.0  # within which a worker must have noticed that its main process is gone
RECORD = ("run.json", "curves.csv", "predictions.csv", "weights.safetensors")


def start(folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "rnnlab", *SWEEP]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def records(folder: Path) -> dict[str, bytes]:
    """The content of every finished record, by the run's folder."""
    study = folder / "outputs" / "kill"
    return {
        run.parent.name: b"".join((run.parent / name).read_bytes() for name in RECORD)
        for run in study.glob("*/run.json")
    }


def digest(found: dict[str, bytes]) -> str:
    return hashlib.sha256(b"".join(name.encode() + found[name] for name in sorted(found))).hexdigest()


def descendants(pid: int) -> list[int]:
    """The processes below pid, from /proc."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, queue = [], [pid]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as place:
        calm, stormy = Path(place, "calm"), Path(place, "stormy")
        calm.mkdir(), stormy.mkdir()
        started = time.monotonic()
        assert start(calm).wait() == 0
        undisturbed_s = time.monotonic() - started
        wanted = records(calm)
        print(f"undisturbed: {len(wanted)} records in {undisturbed_s:.1f} s, {digest(wanted)[:16]}")

        kills = {"main": 0, "worker": 0}
        seen: dict[str, int] = {}  # finished record -> when it was written
        n_left, n_rewritten, n_starts = 0, 0, 0
        process = None
        while sum(kills.values()) < options.kills:
            if process is None:
                process, n_starts = start(stormy), n_starts + 1
            time.sleep(rng.uniform(0.0, 6.0))
            if process.poll() is not None:  # done before the kills were: begin anew, with nothing
                for record in (stormy / "outputs" / "kill").glob("*/run.json"):
                    if rng.random() < 0.5:
                        record.unlink()
                        seen.pop(record.parent.name, None)
                process = None
                continue
            below = descendants(process.pid)
            if rng.random() < 0.5 and below:
                kills["worker"] += 1
                os.kill(rng.choice(below), signal.SIGKILL)
                continue
            kills["main"] += 1
            process.kill()
            process.wait()
            process = None
            deadline = time.monotonic() + PATIENCE_S
            while any(map(alive, below)) and time.monotonic() < deadline:
                time.sleep(0.05)
            n_left += sum(map(alive, below))
            for run in (stormy / "outputs" / "kill").glob("*/run.json"):
                written = run.stat().st_mtime_ns
                n_rewritten += seen.setdefault(run.parent.name, written) != written
        last = process or start(stormy)
        assert last.wait() == 0
        found = records(stormy)
        print(f"killed {kills['main']} times the main process, {kills['worker']} times one below it, {n_starts} starts")
        print(f"resumed: {len(found)} records, {digest(found)[:16]}")
        print(f"{n_left} processes left behind, {n_rewritten} finished records written again")
        ok = found == wanted and not n_left and not n_rewritten
        print("the same" if ok else "NOT THE SAME")
        return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
