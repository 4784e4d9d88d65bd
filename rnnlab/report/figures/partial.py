"""The curves so far of runs that are being trained.

The figure belongs to the section about what is running, and stands in no list of figures."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnnlab.options import counted
from rnnlab.report.figures.canvas import Margins, legend_below, panels, plain_log_ticks, room_for_legend, styled
from rnnlab.report.figures.choice import evenly
from rnnlab.report.figures.palette import HUES
from rnnlab.report.figures.plate import Plate
from rnnlab.report.reading.running import Running, UnderWay
from rnnlab.report.words.wording import number

MOST = 120  # lines


def plate(running: Running) -> Plate | None:
    """None while no run has two rows that can be drawn."""
    runs = [run for run in running.under_way if _loss(run) is not None]
    shown = [runs[n] for n in evenly(range(len(runs)), MOST)] if len(runs) > MOST else runs
    if not shown:
        return None
    finals = [run.curves["eval_loss"][-1] for run in shown]
    caption = "Validation loss so far, each run a line, on a log scale; the horizontal axis ends with the last step."
    if len(shown) < len(runs):
        caption += f" {len(shown)} of {len(runs)} runs are drawn."
    alt = (
        f"Curves of {counted(len(shown), 'run')} that are being trained. "
        f"Validation loss now: {number(float(np.min(finals)))} to {number(float(np.max(finals)))}."
    )
    return Plate("running", "running", "Curves so far", caption, alt, _drawn(shown))


def _loss(run: UnderWay) -> np.ndarray | None:
    loss = run.curves.get("eval_loss")
    return loss if loss is not None and np.sum(np.isfinite(loss) & (loss > 0)) > 1 else None


def _group(run: UnderWay) -> str:
    """The name of its folder without the seed and the run_id: sines-rnn-tanh."""
    return run.folder.rpartition("-")[0].rpartition("-s")[0] or run.folder


@styled
def _drawn(runs: list[UnderWay]) -> Figure:
    groups = list(dict.fromkeys(map(_group, runs)))
    hue = {name: HUES[n % len(HUES)] for n, name in enumerate(groups)}
    named = groups if len(groups) <= len(HUES) else []
    margins = Margins(left=0.72, right=0.35, top=0.15, bottom=room_for_legend(len(named)))
    figure, (axes,) = panels([""], 1, 2.2, margins)
    axes.set_yscale("log")
    axes.grid(axis="y")
    for run in runs:
        axes.plot(run.curves["step"], run.curves["eval_loss"], color=hue[_group(run)], linewidth=1.0, alpha=0.7)
    plain_log_ticks(axes)
    axes.set_xlim(0, max(max(run.steps for run in runs), 1))
    axes.set_xlabel("optimiser steps")
    axes.set_ylabel("validation loss")
    if named:
        legend_below(figure, [Line2D([], [], color=hue[name], label=name) for name in named])
    return figure
