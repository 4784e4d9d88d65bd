"""The diagnostics explained: what each is, and what of it means vanishing or exploding."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rnnlab.records.metrics import kind_of, title_of


@dataclass(frozen=True)
class Term:
    """A diagnostic in words.  neutral: the value between vanishing and exploding, where there is one."""

    kind: str
    meaning: str
    neutral: float | None = None

    @property
    def name(self) -> str:
        return title_of(self.kind)


_ALL = (
    Term(
        "lyapunov_1",
        "How much the trained network stretches a change of its state per step, as a natural logarithm, along the "
        "trajectories that it takes itself. Well below 0 the gradient vanishes, as exp(steps x exponent). Above 0 it "
        "explodes. Near 0 the network remembers.",
        0.0,
    ),
    Term(
        "spectral_radius",
        "The largest absolute eigenvalue of the recurrent weights. Below 1 a linear network forgets and its gradient "
        "vanishes; above 1 both explode. For an activation with a slope below 1 the border is higher: about 1.4 for "
        "relu, where half of the units are off, and 4 or more for sigmoid.",
        1.0,
    ),
    Term(
        "largest_singular_value",
        "The largest factor by which W_hh stretches a vector in one step. Multiply it by the activation's largest "
        "slope, which is 1, or 1/4 for sigmoid. Below 1 the gradient must vanish; above 1 it can explode, but need "
        "not.",
        1.0,
    ),
    Term(
        "saturated_frac",
        "The share of pre-activations at which the slope is below a tenth of the largest slope, so that hardly any "
        "gradient passes. Near 1 the gradient vanishes. For relu it is the share of units that are off; one half is "
        "usual.",
    ),
    Term(
        "dead_frac",
        "The share of units whose slope was 0 at every step of every sample of a batch. No gradient reaches them: they "
        "have stopped learning. Near 1 nothing is left that could learn.",
    ),
    Term(
        "hidden_norm",
        "The length of the state, its mean over steps and samples. If it grows by powers of ten, the state explodes; "
        "if it falls towards 0, the network forgets what it reads.",
    ),
    Term(
        "grad_norm",
        "The length of the whole gradient. A jump by powers of ten is an explosion. If it is near 0 while the loss is "
        "still high, the gradient has vanished.",
    ),
    Term(
        "grad_norm_layer",
        "The part of the gradient that belongs to one layer. If layers near the input have much less of it than layers "
        "near the output, the gradient vanishes on its way down.",
    ),
    Term(
        "clip_rate",
        "The share of updates since the last evaluation that were clipped. Near 1 the threshold sets the size of the "
        "updates; near 0 it only guards against a rare explosion.",
    ),
    Term(
        "grad_norm_readout",
        "The part of the gradient that belongs to the readout. If it is much larger than that of the layers below, "
        "what they could learn from has vanished.",
    ),
    Term(
        "grad_norm_embedding",
        "The part of the gradient that belongs to the embedding. If it is much smaller than that of the layers above, "
        "the gradient vanishes on its way down.",
    ),
)
TERMS = {term.kind: term for term in _ALL}


def explained(quantities: Iterable[str]) -> list[Term]:
    """The terms behind the quantities, each once, in the order of TERMS."""
    kinds = {kind_of(quantity) for quantity in quantities}
    return [term for kind, term in TERMS.items() if kind in kinds]
