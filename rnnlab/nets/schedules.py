"""Learning-rate schedules: by which factor the rate of an update is multiplied.

    constant   1
    step       step_factor ^ floor((t - 1) / step_every)
    linear     1 - (t - 1) / T
    cosine     (1 + cos(pi (t - 1) / T)) / 2              Loshchilov, Hutter, SGDR, ICLR (2017), eq. 5, one period

for update t = 1 ... T; and during the first warmup_steps W of any of them, times t / (W + 1).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

SCHEDULES = ("constant", "step", "linear", "cosine")


def rate_factor(options: Mapping[str, Any], t: int, n_steps: int) -> float:
    """options: schedule, and where it is not constant step_every, step_factor, warmup_steps.  t counts from 1."""
    schedule = options.get("schedule", "constant")
    done = (t - 1) / max(n_steps, 1)
    if schedule == "step":
        factor = options["step_factor"] ** ((t - 1) // options["step_every"])
    elif schedule == "linear":
        factor = max(0.0, 1 - done)
    elif schedule == "cosine":
        factor = (1 + math.cos(math.pi * min(done, 1.0))) / 2
    else:
        factor = 1.0
    return factor * min(1.0, t / (options.get("warmup_steps", 0) + 1))


def is_constant(options: Mapping[str, Any]) -> bool:
    return options.get("schedule", "constant") == "constant" and not options.get("warmup_steps", 0)
