"""The linear recurrent unit: a diagonal recurrence of complex numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rnnlab import portable
from rnnlab.lazy import torch
from rnnlab.nets.activations import ACTIVATIONS, Activation
from rnnlab.nets.cells.base import Cell, Kept, State, Weight, Weights, register
from rnnlab.nets.cells.options import HAS_LAYERS, CellOptions
from rnnlab.options import ConfigError, member, number

if TYPE_CHECKING:
    from torch import Tensor

PARTS = ("real", "imaginary")


@register("lru")
class LruCell(Cell):
    """The linear recurrent unit: H complex states that do not see each other, then a linear map and phi.

        s[t] = lambda s[t-1] + exp(gamma) (x[t] B)                  lambda = exp(-exp(nu) + i exp(theta)), |lambda| < 1
        a[t] = Re(s[t] C) + x[t] D + b
        h[t] = phi(a[t])                                            Orvieto, Smith, Gu, Fernando, Gulcehre, Pascanu, De,
                                                                    ICML (2023), sections 3.3 and 3.4

    and in reverse, with g[t] = dL/dh[t] and k[t] = dL/d(Re s[t]) + i dL/d(Im s[t]), where * is the conjugate:

        da = g phi'        k[t] = da C*^T + q[t+1]        q[t] = lambda* k[t]        dC = sum_t s[t]*^T da
        dnu = -exp(nu) sum_t Re(s[t-1]* q[t])        dtheta = exp(theta) sum_t Im(s[t-1]* q[t])
        dgamma = exp(gamma) sum_t Re((x[t] B)* k[t])

    The states are (h, Re s, Im s); h is read by the layer above, and by no later step.  The blocks of the
    pre-activations are (x D + b, Re x B, Im x B).

    lambda begins uniform in area on the ring from r_min to r_max, with a phase below max_phase, and gamma such that
    s has the variance of its input (the paper's lemma 3.2 and section 3.4); C is normal with the variance 1 / H.
    Here differs from the paper's block: phi takes the place of its gated linear unit, D is a matrix as W_ih is, B and D
    begin as init.input says, and there are no skip connections and no normalisation between layers.
    """

    @dataclass(frozen=True)
    class Options(CellOptions):
        activation: Activation = member("gelu", ACTIVATIONS, acts=[HAS_LAYERS], about="phi, after the linear map")
        r_min: float = number(0.0, at_least=0, below=1, acts=[HAS_LAYERS], about="least |lambda| at the beginning")
        r_max: float = number(
            1.0, above=0, at_most=1, acts=[HAS_LAYERS], about="greatest |lambda| at the beginning, above r_min"
        )
        max_phase: float = number(
            2 * math.pi, above=0, at_most=2 * math.pi, acts=[HAS_LAYERS], about="greatest phase at the beginning"
        )

        def check(self) -> None:
            if self.r_max <= self.r_min:
                raise ConfigError(f"cell.r_max: {self.r_max:g}; must be above cell.r_min, which is {self.r_min:g}")

        def drawn(self, name: str, generator: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
            if name == "weight_c":  # numpy's normal numbers come from the C library: their last bits are rounded away
                normal = generator.normal(size=(fan_in, 2 * fan_out)).astype(np.float32).astype(np.float64)
                return normal / np.sqrt(fan_in)
            least, greatest = self.r_min**2, self.r_max**2
            square = least + (greatest - least) * (1 - generator.uniform(size=(fan_in, fan_out)))  # of |lambda|
            square = np.clip(square, 1e-12, 1 - 1e-7)
            phase = self.max_phase * (1 - generator.uniform(size=(fan_in, fan_out)))  # above 0
            nu = portable.log(-0.5 * portable.log(square))
            return np.concatenate([nu, portable.log(phase), 0.5 * portable.log(1 - square)], axis=1)

    blocks = 3
    input_blocks = 3
    n_states = 3
    products = 2
    traces = 3 + 6

    @classmethod
    def weights(cls, input_size: int, hidden_size: int, bias: bool) -> list[Weight]:
        weights = [
            Weight("weight_ih", "input", input_size, hidden_size, ("direct", *PARTS)),
            Weight("eigenvalues", "own", 1, hidden_size, ("nu", "theta", "gamma")),
            Weight("weight_c", "own", hidden_size, hidden_size, PARTS),
        ]
        return [*weights, Weight("bias", "bias", 1, hidden_size, ("direct",))] if bias else weights

    def step(self, pre: Tensor, state: State, w: Weights) -> tuple[State, Kept]:
        _, re_prev, im_prev = state
        direct, u_re, u_im = pre.chunk(3, dim=-1)
        rates = _rates(w)
        re_lambda, im_lambda, gain = rates[:3]
        re = re_lambda * re_prev - im_lambda * im_prev + gain * u_re
        im = re_lambda * im_prev + im_lambda * re_prev + gain * u_im
        c_re, c_im = w["weight_c"].chunk(2, dim=-1)
        a = direct + re @ c_re - im @ c_im
        return (self.phi(a), re, im), (a, re_prev, im_prev, u_re, u_im, re, im)

    def reverse_step(self, gradient: State, kept: Kept, w: Weights, grads: dict[str, Tensor]) -> tuple[Tensor, State]:
        (g, k_re, k_im), (a, re_prev, im_prev, u_re, u_im, re, im) = gradient, kept
        re_lambda, im_lambda, gain, decay, frequency = _rates(w)
        c_re, c_im = w["weight_c"].chunk(2, dim=-1)
        da = g * self.phi.slope(a)
        k_re, k_im = k_re + da @ c_re.mT, k_im - da @ c_im.mT
        q_re, q_im = re_lambda * k_re + im_lambda * k_im, re_lambda * k_im - im_lambda * k_re
        grads["weight_c"] += torch.cat([re.mT @ da, -im.mT @ da], dim=-1)
        d_nu = -decay * (re_prev * q_re + im_prev * q_im).sum(-2, keepdim=True)
        d_theta = frequency * (re_prev * q_im - im_prev * q_re).sum(-2, keepdim=True)
        d_gamma = gain * (u_re * k_re + u_im * k_im).sum(-2, keepdim=True)
        grads["eigenvalues"] += torch.cat([d_nu, d_theta, d_gamma], dim=-1)
        return torch.cat([da, gain * k_re, gain * k_im], dim=-1), (torch.zeros_like(g), q_re, q_im)

    def unroll(self, pre: Sequence[Tensor], state: State, w: Weights) -> tuple[list[State], list[Kept]]:
        """As step by step, but what no step waits for is computed for all steps at once."""
        re_lambda, im_lambda, gain = _rates(w)[:3]
        eigenvalue = torch.complex(re_lambda, im_lambda)
        direct, u_re, u_im = torch.stack(list(pre)).chunk(3, dim=-1)
        inputs, s = torch.complex(gain * u_re, gain * u_im), [torch.complex(state[1], state[2])]
        for inputs_t in inputs.unbind(0):
            s.append(torch.addcmul(inputs_t, eigenvalue, s[-1]))
        re, im = (part.contiguous() for part in (torch.stack(s).real, torch.stack(s).imag))
        c_re, c_im = w["weight_c"].chunk(2, dim=-1)
        a = (direct + re[1:] @ c_re - im[1:] @ c_im).unbind(0)
        states: list[State] = list(zip(map(self.phi, a), re[1:].unbind(0), im[1:].unbind(0), strict=True))
        parts = (re[:-1], im[:-1], u_re, u_im, re[1:], im[1:])
        trace: list[Kept] = list(zip(a, *(part.unbind(0) for part in parts), strict=True))
        return states, trace

    def unroll_reverse(
        self, above: Sequence[Tensor], trace: Sequence[Kept], w: Weights
    ) -> tuple[list[Tensor], list[State], dict[str, Tensor]]:
        """As step by step, but what no step waits for is computed for all steps at once."""
        a, re_prev, im_prev, u_re, u_im, re, im = (torch.stack(each) for each in zip(*trace, strict=True))
        re_lambda, im_lambda, gain, decay, frequency = _rates(w)
        c_re, c_im = w["weight_c"].chunk(2, dim=-1)
        g = torch.stack(list(above))
        da = g * self.phi.slope(a.movedim(0, 1)).movedim(1, 0)  # lanes first
        conjugate = torch.complex(re_lambda, -im_lambda)
        k: list[Tensor] = []
        for from_above in torch.complex(da @ c_re.mT, -da @ c_im.mT).flip(0).unbind(0):
            k.append(torch.addcmul(from_above, conjugate, k[-1]) if k else from_above)
        k_all = torch.stack(k[::-1])
        q = conjugate * k_all
        k_re, k_im, q_re, q_im = (part.contiguous() for part in (k_all.real, k_all.imag, q.real, q.imag))
        d_rates = (
            -decay * (re_prev * q_re + im_prev * q_im).sum((0, -2)).unsqueeze(-2),
            frequency * (re_prev * q_im - im_prev * q_re).sum((0, -2)).unsqueeze(-2),
            gain * (u_re * k_re + u_im * k_im).sum((0, -2)).unsqueeze(-2),
        )
        grads = {
            "eigenvalues": torch.cat(d_rates, dim=-1),
            "weight_c": torch.cat([(re.mT @ da).sum(0), -(im.mT @ da).sum(0)], dim=-1),
        }
        d_pre = torch.cat([da, gain * k_re, gain * k_im], dim=-1)
        zero = torch.zeros_like(g[0])
        d_states = zip([zero, *above], [*q_re.unbind(0), zero], [*q_im.unbind(0), zero], strict=True)
        return list(d_pre.unbind(0)), list(d_states), grads


def _rates(w: Weights) -> tuple[Tensor, ...]:
    """Re lambda, Im lambda, exp(gamma), exp(nu) and exp(theta), (R, 1, H) each."""
    nu, theta, gamma = w["eigenvalues"].chunk(3, dim=-1)
    decay, frequency = nu.exp(), theta.exp()
    radius = (-decay).exp()
    return radius * frequency.cos(), radius * frequency.sin(), gamma.exp(), decay, frequency
