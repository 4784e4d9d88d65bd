"""What is measured beside the loss: its name, what it is, and what of it means vanishing or exploding."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Term:
    """A diagnostic in words.  neutral: the value between vanishing and exploding, where there is one."""

    name: str
    meaning: str
    neutral: float | None = None


TERMS = {
    "lyapunov_1": Term(
        "largest Lyapunov exponent",
        "How much the trained network stretches a change of its state per step, as a logarithm, along its own "
        "trajectories. Well below 0 the gradient vanishes, as exp(steps x exponent); above 0 it explodes; near 0 the "
        "network remembers.",
        0.0,
    ),
    "spectral_radius": Term(
        "spectral radius of W_hh",
        "The largest absolute eigenvalue of the recurrent weights. Below 1 a linear network forgets and its gradient "
        "vanishes, above 1 both explode; an activation whose slope is below 1 shifts the border upwards: relu, half of "
        "it off, to about 1.4, sigmoid to 4 and more.",
        1.0,
    ),
    "largest_singular_value": Term(
        "largest singular value of W_hh",
        "The most by which W_hh stretches any vector in one step. Times the activation's largest slope (1; of sigmoid "
        "1/4) below 1, the gradient must vanish; above 1 it can explode, but need not.",
        1.0,
    ),
    "saturated_frac": Term(
        "share of saturated units",
        "Where the slope is below a tenth of its largest, hardly any gradient passes. Near 1 it vanishes; of relu it "
        "is the share that is off, and one half is usual.",
    ),
    "dead_frac": Term(
        "share of dead units",
        "Units whose slope was 0 at every step of every sample of a batch: no gradient reaches them, they have stopped "
        "learning. Near 1 nothing is left that could learn.",
    ),
    "hidden_norm": Term(
        "norm of the hidden state",
        "The length of the state, mean over steps and samples. Growing by powers of ten it explodes; falling towards 0 "
        "it forgets what it reads.",
    ),
    "grad_norm": Term(
        "gradient norm, before clipping",
        "The length of the whole gradient. Jumps by powers of ten are an explosion; near 0 while the loss is still "
        "high it has vanished.",
    ),
    "grad_norm_layer": Term(
        "gradient norm of a layer",
        "A layer's share of it. Layers near the input with much less than those near the output: it vanishes on the "
        "way down.",
    ),
    "clip_rate": Term(
        "share of clipped updates",
        "Since the last evaluation. Near 1 the threshold is what sets the size of updates; near 0 it is an insurance "
        "against the rare explosion.",
    ),
    "grad_norm_readout": Term(
        "gradient norm of the readout",
        "The readout's share. Much larger than that of the layers below: what they would learn from has vanished.",
    ),
    "grad_norm_embedding": Term(
        "gradient norm of the embedding",
        "The embedding's share. Much smaller than that of the layers above: it vanishes on the way down.",
    ),
}
LAYER = re.compile(r"_layer(\d+)$")


@cache  # it is asked for every metric of every run
def kind_of(quantity: str) -> str:
    """ "saturated_frac_layer1" -> "saturated_frac"; "grad_norm_layer1" -> "grad_norm_layer"."""
    kind = LAYER.sub("", quantity)
    return "grad_norm_layer" if kind == "grad_norm" != quantity else kind


def title_of(quantity: str) -> str:
    """ "dead_frac_layer1" -> "share of dead units in layer 1"."""
    kind, layer = kind_of(quantity), LAYER.search(quantity)
    name = TERMS[kind].name if kind in TERMS else kind.replace("_", " ")
    return f"{name} in layer {layer[1]}" if layer else name


def explained(quantities: Iterable[str]) -> list[Term]:
    """The terms behind the quantities, each once, in the order of TERMS."""
    kinds = {kind_of(quantity) for quantity in quantities}
    return [term for kind, term in TERMS.items() if kind in kinds]
