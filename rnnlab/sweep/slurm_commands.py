"""Asking the commands of Slurm, which may be silent for minutes while Slurm's controller is busy or restarted."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

ANSWER_S = 30.0  # a command that takes longer does not answer


@dataclass(frozen=True)
class Silence:
    """A command of Slurm has not done what it was asked for.  words: why, one line."""

    words: str


def ask(command: Sequence[str], timeout_s: float = ANSWER_S, text: str | None = None) -> str | Silence:
    """What a command of Slurm prints.  text: its input.  Ctrl-C does not reach it: it must end what it has begun."""
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, check=False, timeout=timeout_s, start_new_session=True
        )
    except subprocess.TimeoutExpired:
        return Silence(f"{command[0]} does not answer within {timeout_s:g} s")
    except OSError as error:
        return Silence(f"{command[0]} cannot be started ({error.strerror})")
    if done.returncode == 0:
        return done.stdout
    return Silence(f"{command[0]} fails: {' '.join(done.stderr.split()) or f'exit status {done.returncode}'}")
