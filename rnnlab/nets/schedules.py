"""Learning-rate schedules: the factor by which the learning rate of an update is multiplied.

    constant   1
    step       step_factor ^ floor((t - 1) / step_every)
    linear     1 - (t - 1) / T
    cosine     (1 + cos(pi (t - 1) / T)) / 2              Loshchilov, Hutter, SGDR, ICLR (2017), eq. 5, one period

for update t = 1 ... T.  During the first W = warmup_steps updates of any schedule, the factor is also multiplied by
t / (W + 1).

To add one: a class that derives from Schedule, under `@register("name")`.  Its fields are options of the optimiser.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from rnnlab import portable
from rnnlab.options import number
from rnnlab.registry import Registry


class Schedule:
    """By which factor the learning rate is multiplied.  is_constant: it is 1 at every update."""

    name: ClassVar[str]
    is_constant: ClassVar[bool] = False

    def factor(self, t: int, n_steps: int) -> float:
        """Of update t, from 1 to n_steps."""
        raise NotImplementedError


SCHEDULES: Registry[type[Schedule]] = Registry("a schedule")


def register(name: str) -> Callable[[type[Schedule]], type[Schedule]]:
    """Make a class reachable as optimizer.schedule=<name>, and a frozen dataclass of it."""

    def enter(cls: type[Schedule]) -> type[Schedule]:
        SCHEDULES.add(name, cls)
        cls.name = name
        return dataclass(frozen=True)(cls)

    return enter


def rate_factor(schedule: Schedule, warmup_steps: int, t: int, n_steps: int) -> float:
    """The schedule's factor at update t of n_steps, with the warm-up.  t counts from 1."""
    return schedule.factor(t, n_steps) * min(1.0, t / (warmup_steps + 1))


def share_done(t: int, n_steps: int) -> float:
    """The share of the updates that were done before update t."""
    return (t - 1) / max(n_steps, 1)


@register("constant")
class Constant(Schedule):
    """The same rate at every update."""

    is_constant = True

    def factor(self, t: int, n_steps: int) -> float:
        return 1.0


@register("step")
class Step(Schedule):
    """Falls by a factor every so many updates."""

    step_every: int = number(1000, at_least=1, about="updates between two falls of the rate")
    step_factor: float = number(0.1, above=0, at_most=1, about="by which the rate is multiplied at each fall")

    def factor(self, t: int, n_steps: int) -> float:
        return portable.power(self.step_factor, (t - 1) // self.step_every)


@register("linear")
class Linear(Schedule):
    """Falls to 0 along a line."""

    def factor(self, t: int, n_steps: int) -> float:
        return max(0.0, 1 - share_done(t, n_steps))


@register("cosine")
class Cosine(Schedule):
    """Falls to 0 along half a period of a cosine."""

    def factor(self, t: int, n_steps: int) -> float:
        return _half_cosine(min(share_done(t, n_steps), 1.0))


@lru_cache(maxsize=4096)  # the lanes of a pack ask for the same numbers
def _half_cosine(share: float) -> float:
    return (1 + float(portable.cos(math.pi * share))) / 2
