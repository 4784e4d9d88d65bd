"""What an optimiser is: it turns the gradients of a pack into the update to be subtracted from its weights.

Every number is a lane's own, so learning rates and the like are vectors over the run axis R.  Weights and gradients are
(R, P): a row is a lane, and holds all its parameters side by side.  The caller subtracts the update, and may leave out
lanes.  Step by step, every optimiser gives the numbers of its namesake in torch.optim.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rnnlab.lazy import torch
from rnnlab.nets.schedules import SCHEDULES, Schedule, rate_factor
from rnnlab.options import member, number
from rnnlab.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

RATE = "learning rate: the factor of every update"


@dataclass(frozen=True)
class OptimizerOptions:
    """What all optimisers have in common."""

    name: ClassVar[str]
    learning_rate: float = number(0.01, above=0, about=RATE)
    clip_norm: float | None = number(None, above=0, about="a run's gradient is shortened to this norm; null: never")
    clip_value: float | None = number(
        None, above=0, about="every entry of the gradient is cut to this, after clip_norm; null: never"
    )
    weight_decay: float = number(0.0, at_least=0, about="this times the weights is added to the gradient")
    schedule: Schedule = member("constant", SCHEDULES, about="how the learning rate falls during training")
    warmup_steps: int = number(0, at_least=0, about="updates during which the learning rate rises to its full size")

    @property
    def rate_is_constant(self) -> bool:
        return self.schedule.is_constant and not self.warmup_steps

    def rate(self, t: int, n_steps: int) -> float:
        """The learning rate of update t, from 1 to n_steps."""
        return self.learning_rate * rate_factor(self.schedule, self.warmup_steps, t, n_steps)


class Optimizer:
    """Base of all optimisers.

    weight_decay is added to the gradient as weight_decay * w.  A subclass that is `decoupled` leaves the gradient as it
    is and adds learning_rate * weight_decay * w to the update (Loshchilov, Hutter, ICLR (2019))."""

    Options: ClassVar[type[OptimizerOptions]] = OptimizerOptions
    slots: ClassVar[tuple[str, ...]] = ()  # the (R, P) tensors carried from step to step, by name
    decoupled: ClassVar[bool] = False

    def __init__(self, options: Sequence[OptimizerOptions], like: Tensor, n_steps: int = 0):
        """options: one per lane.  like: the weights, (R, P).  n_steps: how many updates there will be in all, for
        schedules that end."""
        self.steps = 0
        self._like = like
        self._options, self._n_steps = list(options), n_steps
        self.state = {name: torch.zeros_like(like) for name in self.slots}
        self._constant = all(lane.rate_is_constant for lane in options)
        self._rates = self.per_lane("learning_rate")
        self._rate_column = self.column(self._rates)
        decays = self.per_lane("weight_decay")
        self._weight_decay = self.column(decays) if any(decays) else None
        self._build()

    def _build(self) -> None:
        """Make columns of the options that are a lane's own."""

    def update(self, grads: Tensor, weights: Tensor | None = None) -> Tensor:
        """(R, P) gradients and weights -> (R, P) update, a new tensor.

        weights may be None where no lane has a weight decay."""
        self.steps += 1
        if not self._constant:
            self._rate_column = self.column(self.rates())
        if self._weight_decay is None:
            return self._step(grads)
        assert weights is not None
        if not self.decoupled:
            return self._step(grads + self._weight_decay * weights)
        return self._step(grads) + self._weight_decay * self._rate_column * weights

    def _step(self, grads: Tensor) -> Tensor:
        """The update before a decoupled weight decay, a new tensor."""
        raise NotImplementedError

    def rates(self) -> list[float]:
        """Each lane's learning rate in the present step."""
        if self._constant:
            return self._rates
        return [lane.rate(self.steps, self._n_steps) for lane in self._options]

    def per_lane(self, name: str) -> list[float]:
        """The values of an option, lane by lane."""
        return [float(getattr(lane, name)) for lane in self._options]

    def column(self, values: Iterable[float]) -> Tensor:
        """Numbers of the lanes, computed in double precision, as an (R, 1) tensor in the weights' precision."""
        return torch.tensor(list(values), dtype=torch.float64).to(self._like).unsqueeze(1)


OPTIMIZERS: Registry[type[Optimizer]] = Registry("an optimiser", "rnnlab.optimizer")


def register(name: str) -> Callable[[type[Optimizer]], type[Optimizer]]:
    """Make a class reachable as optimizer=<name>, with the options of its own nested class Options."""
    OPTIMIZERS.check_name(name)

    def enter(cls: type[Optimizer]) -> type[Optimizer]:
        if "Options" not in vars(cls):
            raise TypeError(f"{cls.__qualname__} must have its own nested class Options, for the options of {name!r}")
        OPTIMIZERS.add(name, cls)
        cls.Options.name = name
        return cls

    return enter
