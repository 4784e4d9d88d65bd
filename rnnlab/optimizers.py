"""Optimisers with every number per lane: learning rates and all are vectors over the run axis.

weights and grads are (R, P), one row a lane, all its parameters side by side.  An optimiser turns gradients into the
update that is to be subtracted; who subtracts it may leave lanes out.  Step by step equal to torch.optim's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

_CLIP_EPS = 1e-6  # torch.nn.utils.clip_grad_norm_; also Deep Learning from Scratch 2, section 6.1.4


def clip_by_global_norm(grads: Tensor, norm: Tensor, clip_norm: Tensor) -> None:
    """Scale each lane's row by min(1, clip_norm / (norm + 1e-6)), in place.  norm, clip_norm: (R,); inf is off."""
    grads.mul_((clip_norm / (norm + _CLIP_EPS)).clamp_(max=1).unsqueeze(1))


class Optimizer:
    """Base of all optimisers.  `numbers`: one mapping per lane, the optimiser's config values."""

    slots: tuple[str, ...] = ()  # the (R, P) tensors carried from step to step, by name

    def __init__(self, numbers: Sequence[Mapping[str, Any]], like: Tensor):
        self.steps = 0
        self._like = like
        self._numbers = list(numbers)
        self.state = {name: torch.zeros_like(like) for name in self.slots}
        self._update = torch.empty_like(like)

    def update(self, grads: Tensor) -> Tensor:
        """(R, P) gradients -> (R, P) update, valid until the next call.  grads may be overwritten."""
        raise NotImplementedError

    def select(self, lanes: Sequence[int], like: Tensor) -> Optimizer:
        """The same optimiser for some of the lanes, in the order given."""
        chosen = type(self)([self._numbers[lane] for lane in lanes], like)
        chosen.steps = self.steps
        chosen.state = {name: slot[lanes].contiguous() for name, slot in self.state.items()}
        return chosen

    def per_lane(self, name: str) -> list[float]:
        return [float(numbers[name]) for numbers in self._numbers]

    def column(self, values: Sequence[float] | Iterator[float]) -> Tensor:
        """Per-lane numbers, computed in double precision, as an (R, 1) tensor in the weights' precision."""
        return torch.tensor(list(values), dtype=torch.float64).to(self._like).unsqueeze(1)


class SGD(Optimizer):
    """b <- momentum b + g;   update = learning_rate b"""

    slots = ("momentum_buffer",)

    def __init__(self, numbers: Sequence[Mapping[str, Any]], like: Tensor):
        super().__init__(numbers, like)
        self._learning_rate = self.column(self.per_lane("learning_rate"))
        self._momentum = self.column(self.per_lane("momentum"))

    def update(self, grads: Tensor) -> Tensor:
        self.steps += 1
        buffer = self.state["momentum_buffer"].mul_(self._momentum).add_(grads)
        return torch.mul(buffer, self._learning_rate, out=self._update)


class RMSprop(Optimizer):
    """v <- decay v + (1 - decay) g^2;   update = learning_rate g / (sqrt(v) + eps)

    Tieleman, Hinton, Lecture 6.5, Coursera (2012)."""

    slots = ("square_average",)

    def __init__(self, numbers: Sequence[Mapping[str, Any]], like: Tensor):
        super().__init__(numbers, like)
        self._learning_rate = self.column(self.per_lane("learning_rate"))
        self._decay = self.column(self.per_lane("decay"))
        self._share = self.column(1 - decay for decay in self.per_lane("decay"))
        self._eps = self.column(self.per_lane("eps"))

    def update(self, grads: Tensor) -> Tensor:
        self.steps += 1
        v = self.state["square_average"].mul_(self._decay)
        v.add_(torch.mul(grads, grads, out=self._update).mul_(self._share))
        torch.sqrt(v, out=self._update).add_(self._eps)
        return torch.div(grads.mul_(self._learning_rate), self._update, out=self._update)


class Adam(Optimizer):
    """m <- beta1 m + (1 - beta1) g;   v <- beta2 v + (1 - beta2) g^2

    update = learning_rate m' / (sqrt(v') + eps), with m' = m / (1 - beta1^t), v' = v / (1 - beta2^t)

    Kingma, Ba, Adam: a method for stochastic optimization, ICLR (2015), algorithm 1.
    """

    slots = ("mean", "square_average")

    def __init__(self, numbers: Sequence[Mapping[str, Any]], like: Tensor):
        super().__init__(numbers, like)
        self._rates, self._beta1s, self._beta2s = map(self.per_lane, ("learning_rate", "beta1", "beta2"))
        self._beta1, self._beta2 = self.column(self._beta1s), self.column(self._beta2s)
        self._share1 = self.column(1 - beta for beta in self._beta1s)
        self._share2 = self.column(1 - beta for beta in self._beta2s)
        self._eps = self.column(self.per_lane("eps"))

    def update(self, grads: Tensor) -> Tensor:
        self.steps += 1
        t = self.steps
        rate = self.column(rate / (1 - beta**t) for rate, beta in zip(self._rates, self._beta1s, strict=True))
        correction = self.column((1 - beta**t) ** -0.5 for beta in self._beta2s)
        v = self.state["square_average"].mul_(self._beta2)
        v.add_(torch.mul(grads, grads, out=self._update).mul_(self._share2))
        m = self.state["mean"].mul_(self._beta1).add_(grads.mul_(self._share1))
        torch.sqrt(v, out=self._update).mul_(correction).add_(self._eps)
        return torch.div(m, self._update, out=self._update).mul_(rate)


OPTIMIZERS: Mapping[str, type[Optimizer]] = MappingProxyType({"sgd": SGD, "rmsprop": RMSprop, "adam": Adam})
