"""One task of an array that engines/slurm.py has submitted:  python -m rnnlab.sweep.slurm_task FOLDER DIGEST...

FOLDER: of the array, see slurm_files.py.  The task reads its pack and writes its result, or why this machine cannot
compute the pack.  DIGEST: of the plugins that may be imported.  They
stand in the job's own script, which Slurm keeps, so whoever can write into the folder cannot make the task import code.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import traceback
from pathlib import Path

from rnnlab.sweep.slurm_files import Task

HELLO = "rnnlab computes on"  # the task says it when all that it needs is imported


def main(folder: Path, digests: list[str]) -> None:
    # Blocked in all threads, so that the one below receives it even while a compiled kernel is running.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    # A job that is pre-empted gets this first, and may still have time; what must end is killed by Slurm.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    task = Task(folder, int(os.environ["SLURM_ARRAY_TASK_ID"]))
    job = f"{os.environ['SLURM_ARRAY_JOB_ID']}_{task.index}"
    threading.Thread(target=_requeue_when_asked, args=(job,), daemon=True).start()

    from rnnlab.records.files import write_text
    from rnnlab.sweep.elsewhere import work_elsewhere

    print(HELLO, os.uname().nodename, flush=True)
    if task.result.exists():  # Slurm has started the task again after it had ended
        return
    try:
        result = work_elsewhere(task.pack.read_text(encoding="utf-8"), digests)
    except Exception as error:
        traceback.print_exc()
        write_text(task.error, f"{type(error).__name__}: {error}")
    else:
        write_text(task.result, result)


def _requeue_when_asked(job: str) -> None:
    """Slurm sends SIGUSR2 shortly before the time of the job is over, and some Slurms before they pre-empt it.  The
    job then waits in the queue again, and its pack continues from its checkpoint."""
    while True:
        signal.sigwait({signal.SIGUSR2})
        print(f"{job} is put back into the queue", flush=True)
        if subprocess.run(["scontrol", "requeue", job], check=False).returncode == 0:
            os._exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
