"""What each metric of run.json and each column of curves.csv is: its name in words, unit, bounds, and better side.

    metric_of("spectral_radius_layer0")           the Metric of its kind, "spectral_radius"
    title_of("spectral_radius_layer0")            "spectral radius of W_hh in layer 0"
    labelled("eval_loss", loss="cross_entropy")   "evaluation loss (nats)"

A name that ends in a layer belongs to one kind with those of the other layers; one that ends in a step of a forecast
(rmse_step3) with those of the other steps.  A task or a diagnostic that writes a
metric of its own can `register` it, at any time.  Of a metric that is not in the table no direction and no unit is
known: it is taken as it was measured.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

Side = Literal["lower", "higher"]
Role = Literal["loss", "task", "baseline", "diagnostic"]
FIRST = "first_"  # before the name of a diagnostic: its first value, not its last
LONGER = "longer_"  # before a metric on test sequences that are longer than those of training: task.longer
PARAMETERS = "n_parameters"
PLACE = re.compile(r"(.+)_(layer|step)(\d+)")


@dataclass(frozen=True)
class Metric:
    """One kind of metric.

    title   in words; where it says "a layer" or "a step", the number takes that place
    role    loss: of the network, on one split.  task: what a task measures of the network's answers.  baseline: of an
            answer that needs no training.  diagnostic: of weights, states or gradients
    better  the side that is better; None where neither is
    unit    "" for a pure number; losses and baselines named ..._loss have the unit of the task's loss function
    low, high   the bounds; None where there is none
    is_event    0 or 1 by run: it happened or not
    """

    kind: str
    title: str
    role: Role
    better: Side | None = None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    is_event: bool = False

    @property
    def when_diverged(self) -> Literal["worst", "as measured"]:
        """What a diverged run counts as: the worst there is, unless no side is better."""
        return "worst" if self.better else "as measured"

    @property
    def is_share(self) -> bool:
        return (self.low, self.high) == (0.0, 1.0)


_TABLE: dict[str, Metric] = {}


def register(metric: Metric) -> Metric:
    """Enter a metric.  Raises ValueError for a kind that is there already."""
    if metric.kind in _TABLE:
        raise ValueError(f"a metric named {metric.kind!r} is registered already")
    _TABLE[metric.kind] = metric
    kind_of.cache_clear()
    return metric


@cache  # it is asked for every metric of every run
def kind_of(name: str) -> str:
    """ "dead_frac_layer1" -> "dead_frac", but "grad_norm_layer1" -> "grad_norm_layer", a kind beside "grad_norm"."""
    found = PLACE.fullmatch(name)
    if name in _TABLE or not found:
        return name
    of_places = f"{found[1]}_{found[2]}"
    if of_places in _TABLE:
        return of_places
    return found[1] if found[2] == "layer" else name


def metric_of(name: str) -> Metric | None:
    """The kind that a metric or a column belongs to; None for one that nobody registered."""
    return _TABLE.get(kind_of(name)) or _TABLE.get(kind_of(name.removeprefix(FIRST).removeprefix(LONGER)))


def title_of(name: str) -> str:
    """ "dead_frac_layer1" -> "share of dead units in layer 1"; a name that is not in the table, without its _."""
    if name.startswith(FIRST):
        return f"first {title_of(name.removeprefix(FIRST))}"
    if name.startswith(LONGER) and name not in _TABLE:
        return f"{title_of(name.removeprefix(LONGER))} on longer sequences"
    metric, found = metric_of(name), PLACE.fullmatch(name)
    title = metric.title if metric else kind_of(name).replace("_", " ")
    if found is None or kind_of(name) == name:
        return title
    place = f"{found[2]} {found[3]}"
    return title.replace(f"a {found[2]}", place) if f"a {found[2]}" in title else f"{title} in {place}"


def unit_of(name: str, loss: str = "") -> str:
    """The unit of a metric, "" for a pure number.  loss: the task's loss function, which is a kind itself."""
    metric = metric_of(name)
    if metric is None:
        return ""
    in_units_of_loss = metric.role in ("loss", "baseline") and name.endswith("_loss")
    return unit_of(loss) if in_units_of_loss and loss and loss != name else metric.unit


def labelled(name: str, loss: str = "") -> str:
    """Title and unit, for an axis or the head of a column: "cross-entropy (nats)"."""
    unit = unit_of(name, loss)
    return f"{title_of(name)} ({unit})" if unit else title_of(name)


def score_of(loss: float, naive: float, diverged: bool) -> float:
    """1 - loss / naive, kept within 0 and 1: 1 is perfect, 0 no better than the naive answer, or diverged.  NaN where
    the naive loss is not a positive number: there is nothing to measure against."""
    if not (math.isfinite(naive) and naive > 0):
        return math.nan
    if diverged or not math.isfinite(loss):
        return 0.0
    return min(max(1 - loss / naive, 0.0), 1.0)


def is_baseline(name: str) -> bool:
    """Whether a metric belongs to an answer that needs no training.  Not in the table: by the names that tasks give,
    naive_<metric> and <answer>_loss."""
    metric = metric_of(name)
    return metric.role == "baseline" if metric else name.startswith("naive_") or name.endswith("_loss")


def _share(kind: str, title: str, role: Role, better: Side | None = None) -> None:
    register(Metric(kind, title, role, better, low=0.0, high=1.0))


def _positive(kind: str, title: str, role: Role, better: Side | None = None, unit: str = "") -> None:
    register(Metric(kind, title, role, better, unit, low=0.0))


# Loss functions
_positive("mse", "mean squared error", "task", "lower")
_positive("cross_entropy", "cross-entropy", "task", "lower", "nats")

# Losses of the network, and what follows from them
_positive("train_loss", "training loss", "loss", "lower")
_positive("eval_loss", "evaluation loss", "loss", "lower")
_positive("test_loss", "test loss", "loss", "lower")
_positive("batch_loss", "loss of the batch", "loss", "lower")
for _split, _name in (("train", "training"), ("eval", "validation")):
    register(Metric(f"{_split}_perplexity", f"{_name} perplexity", "loss", "lower", low=1.0))
    _positive(f"{_split}_bits_per_character", f"{_name} bits per character", "loss", "lower")

# What a task measures of the answers, on its test data unless the name says otherwise
_share("accuracy", "accuracy", "task", "higher")
_share("eval_accuracy", "validation accuracy", "task", "higher")
register(Metric("spelled", "spelled", "task", "higher", low=0.0, high=1.0, is_event=True))
register(Metric("success", "success", "task", "higher", low=0.0, high=1.0, is_event=True))
_share("success_rate", "share of sequences answered right", "task", "higher")
register(Metric("perplexity", "perplexity", "task", "lower", low=1.0))
_positive("bits_per_character", "bits per character", "task", "lower")
_positive("mse_closed_loop", "closed-loop mean squared error", "task", "lower")
_positive("rmse", "root mean squared error", "task", "lower", "in the unit of the data")
_positive("rmse_step", "root mean squared error at a step", "task", "lower", "in the unit of the data")
_positive("mae", "mean absolute error", "task", "lower", "in the unit of the data")
_share("longer_score", "score on longer sequences", "task", "higher")
register(Metric("skill", "skill against persistence", "task", "higher", high=1.0))

_positive("updates", "number of updates", "task", "lower", "updates")  # the report's, until a threshold is reached

# Answers that need no training
for _answer in ("naive", "persistence", "seasonal", "memoryless", "bigram"):
    _positive(f"{_answer}_loss", f"{_answer} loss", "baseline", "lower")
    _positive(f"{_answer}_test_loss", f"{_answer} test loss", "baseline", "lower")
_share("naive_accuracy", "naive accuracy", "baseline", "higher")
for _answer, _name in (("persistence", "persistence"), ("seasonal", "the last season")):
    _positive(f"{_answer}_rmse", f"root mean squared error of {_name}", "baseline", "lower", "in the unit of the data")
    _positive(f"{_answer}_mae", f"mean absolute error of {_name}", "baseline", "lower", "in the unit of the data")

# Diagnostics: neither side is better
_positive(PARAMETERS, "number of parameters", "diagnostic")
for _when, _words in (("", ""), ("initial_", " before training")):
    _positive(f"{_when}spectral_radius", f"spectral radius of W_hh{_words}", "diagnostic")
    _positive(f"{_when}largest_singular_value", f"largest singular value of W_hh{_words}", "diagnostic")
for _kind, _words in (("lyapunov_1", "largest"), ("lyapunov_2", "second"), ("lyapunov_3", "third")):
    register(Metric(_kind, f"{_words} Lyapunov exponent", "diagnostic", unit="per step"))
_share("saturated_frac", "share of saturated units", "diagnostic")
_share("dead_frac", "share of dead units", "diagnostic")
_positive("hidden_norm", "norm of the hidden state", "diagnostic")
_positive("grad_norm", "gradient norm, before clipping", "diagnostic")
_positive("grad_norm_layer", "gradient norm of a layer", "diagnostic")
_positive("grad_norm_readout", "gradient norm of the readout", "diagnostic")
_positive("grad_norm_embedding", "gradient norm of the embedding", "diagnostic")
_share("clip_rate", "share of clipped updates", "diagnostic")
register(Metric("gradient_reach", "gradient reach", "diagnostic", unit="decades"))  # the report's, of gradients.csv
