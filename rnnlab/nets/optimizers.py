"""Optimisers with every number per lane: learning rates and all are vectors over the run axis.

weights and grads are (R, P), one row a lane, all its parameters side by side.  An optimiser turns gradients into the
update that is to be subtracted; who subtracts it may leave lanes out.  Step by step equal to torch.optim's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from rnnlab.nets.schedules import is_constant, rate_factor

_CLIP_EPS = 1e-6  # torch.nn.utils.clip_grad_norm_; also Deep Learning from Scratch 2, section 6.1.4


def clip_by_global_norm(grads: Tensor, norm: Tensor, clip_norm: Tensor) -> None:
    """Scale each lane's row by min(1, clip_norm / (norm + 1e-6)), in place.  norm, clip_norm: (R,); inf is off."""
    grads.mul_((clip_norm / (norm + _CLIP_EPS)).clamp_(max=1).unsqueeze(1))


def clip_by_value(grads: Tensor, clip_value: Tensor) -> None:
    """Each entry into [-clip_value, clip_value], in place.  clip_value: (R,); inf is off.  NaN stays NaN."""
    limit = clip_value.unsqueeze(1)
    torch.clamp(grads, -limit, limit, out=grads)


class Optimizer:
    """Base of all optimisers.  `numbers`: one mapping per lane, the optimiser's config values.

    weight_decay is added to the gradient as weight_decay * w, except where a subclass says `decoupled`: there the
    update itself gets learning_rate * weight_decay * w (Loshchilov, Hutter, ICLR (2019))."""

    slots: tuple[str, ...] = ()  # the (R, P) tensors carried from step to step, by name
    decoupled: bool = False

    def __init__(self, numbers: Sequence[Mapping[str, Any]], like: Tensor, n_steps: int = 0):
        """n_steps: how many updates there will be in all, for schedules that end."""
        self.steps = 0
        self._like = like
        self._numbers, self._n_steps = list(numbers), n_steps
        self.state = {name: torch.zeros_like(like) for name in self.slots}
        self._update = torch.empty_like(like)
        self._rates = self.per_lane("learning_rate")
        self._constant = all(map(is_constant, numbers))
        self._rate_column = self.column(self._rates)
        decays = [float(n.get("weight_decay", 0)) for n in numbers]
        self._weight_decay = self.column(decays) if any(decays) else None
        self._build()

    def _build(self) -> None:
        """Make columns of the per-lane numbers."""

    def update(self, grads: Tensor, weights: Tensor | None = None) -> Tensor:
        """(R, P) gradients and weights -> (R, P) update, valid until the next call.  grads may be overwritten."""
        self.steps += 1
        if not self._constant:
            self._rate_column = self.column(self.rates())
        if self._weight_decay is not None and not self.decoupled:
            grads.addcmul_(weights, self._weight_decay)
        update = self._step(grads)
        if self._weight_decay is not None and self.decoupled:
            update.addcmul_(weights, self._weight_decay * self._rate_column)
        return update

    def _step(self, grads: Tensor) -> Tensor:
        raise NotImplementedError

    def rates(self) -> list[float]:
        """Each lane's learning rate in the present step."""
        if self._constant:
            return self._rates
        return [
            rate * rate_factor(n, self.steps, self._n_steps) for rate, n in zip(self._rates, self._numbers, strict=True)
        ]

    def select(self, lanes: Sequence[int], like: Tensor) -> Optimizer:
        """The same optimiser for some of the lanes, in the order given."""
        chosen = type(self)([self._numbers[lane] for lane in lanes], like, self._n_steps)
        chosen.steps = self.steps
        chosen.state = {name: slot[lanes].contiguous() for name, slot in self.state.items()}
        return chosen

    def per_lane(self, name: str) -> list[float]:
        return [float(numbers[name]) for numbers in self._numbers]

    def column(self, values: Iterable[float]) -> Tensor:
        """Per-lane numbers, computed in double precision, as an (R, 1) tensor in the weights' precision."""
        return torch.tensor(list(values), dtype=torch.float64).to(self._like).unsqueeze(1)


class SGD(Optimizer):
    """b <- momentum b + g;   update = learning_rate b"""

    slots = ("momentum_buffer",)

    def _build(self) -> None:
        self._momentum = self.column(self.per_lane("momentum"))

    def _step(self, grads: Tensor) -> Tensor:
        buffer = self.state["momentum_buffer"].mul_(self._momentum).add_(grads)
        return torch.mul(buffer, self._rate_column, out=self._update)


class Nesterov(SGD):
    """b <- momentum b + g;   update = learning_rate (g + momentum b)

    Sutskever, Martens, Dahl, Hinton, ICML (2013), in torch's form."""

    def _step(self, grads: Tensor) -> Tensor:
        buffer = self.state["momentum_buffer"].mul_(self._momentum).add_(grads)
        return torch.addcmul(grads, buffer, self._momentum, out=self._update).mul_(self._rate_column)


class Adagrad(Optimizer):
    """s <- s + g^2;   update = learning_rate g / (sqrt(s) + eps)

    Duchi, Hazan, Singer, JMLR 12 (2011)."""

    slots = ("sum_of_squares",)

    def _build(self) -> None:
        self._eps = self.column(self.per_lane("eps"))

    def _step(self, grads: Tensor) -> Tensor:
        s = self.state["sum_of_squares"].addcmul_(grads, grads)
        torch.sqrt(s, out=self._update).add_(self._eps)
        return torch.div(grads.mul_(self._rate_column), self._update, out=self._update)


class RMSprop(Optimizer):
    """v <- decay v + (1 - decay) g^2;   update = learning_rate g / (sqrt(v) + eps)

    Tieleman, Hinton, Lecture 6.5, Coursera (2012)."""

    slots = ("square_average",)

    def _build(self) -> None:
        self._decay = self.column(self.per_lane("decay"))
        self._share = self.column(1 - decay for decay in self.per_lane("decay"))
        self._eps = self.column(self.per_lane("eps"))

    def _step(self, grads: Tensor) -> Tensor:
        v = self.state["square_average"].mul_(self._decay)
        v.add_(torch.mul(grads, grads, out=self._update).mul_(self._share))
        torch.sqrt(v, out=self._update).add_(self._eps)
        return torch.div(grads.mul_(self._rate_column), self._update, out=self._update)


class Adadelta(Optimizer):
    """v <- rho v + (1 - rho) g^2;   d = g sqrt(u + eps) / sqrt(v + eps);   u <- rho u + (1 - rho) d^2

    update = learning_rate d                               Zeiler, arXiv 1212.5701 (2012), algorithm 1"""

    slots = ("square_average", "update_average")

    def _build(self) -> None:
        self._rho = self.column(self.per_lane("rho"))
        self._share = self.column(1 - rho for rho in self.per_lane("rho"))
        self._eps = self.column(self.per_lane("eps"))

    def _step(self, grads: Tensor) -> Tensor:
        v, u = self.state["square_average"].mul_(self._rho), self.state["update_average"]
        v.add_(torch.mul(grads, grads, out=self._update).mul_(self._share))
        d = torch.add(u, self._eps, out=self._update).sqrt_().div_((v + self._eps).sqrt_()).mul_(grads)
        u.mul_(self._rho).add_(torch.mul(d, d, out=grads).mul_(self._share))
        return d.mul_(self._rate_column)


class Adam(Optimizer):
    """m <- beta1 m + (1 - beta1) g;   v <- beta2 v + (1 - beta2) g^2

    update = learning_rate m' / (sqrt(v') + eps), with m' = m / (1 - beta1^t), v' = v / (1 - beta2^t)

    Kingma, Ba, Adam: a method for stochastic optimization, ICLR (2015), algorithm 1.
    """

    slots = ("mean", "square_average")

    def _build(self) -> None:
        self._beta1s, self._beta2s = map(self.per_lane, ("beta1", "beta2"))
        self._beta1, self._beta2 = self.column(self._beta1s), self.column(self._beta2s)
        self._share1 = self.column(1 - beta for beta in self._beta1s)
        self._share2 = self.column(1 - beta for beta in self._beta2s)
        self._eps = self.column(self.per_lane("eps"))

    def _step(self, grads: Tensor) -> Tensor:
        t = self.steps
        rate = self.column(rate / (1 - beta**t) for rate, beta in zip(self.rates(), self._beta1s, strict=True))
        correction = self.column((1 - beta**t) ** -0.5 for beta in self._beta2s)
        v = self.state["square_average"].mul_(self._beta2)
        v.add_(torch.mul(grads, grads, out=self._update).mul_(self._share2))
        m = self.state["mean"].mul_(self._beta1).add_(grads.mul_(self._share1))
        torch.sqrt(v, out=self._update).mul_(correction).add_(self._eps)
        return torch.div(m, self._update, out=self._update).mul_(rate)


class AdamW(Adam):
    """Adam with the weight decay beside the gradient: Loshchilov, Hutter, Decoupled weight decay regularization, ICLR
    (2019), algorithm 2, in torch's form."""

    decoupled = True


OPTIMIZERS: Mapping[str, type[Optimizer]] = MappingProxyType(
    {
        "sgd": SGD,
        "nesterov": Nesterov,
        "adagrad": Adagrad,
        "rmsprop": RMSprop,
        "adadelta": Adadelta,
        "adam": Adam,
        "adamw": AdamW,
    }
)
