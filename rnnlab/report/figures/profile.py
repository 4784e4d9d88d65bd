"""The share of runs that score above tau, for every tau, all tasks together: a performance profile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from rnnlab.report.figures.canvas import Margins, label_handles, legend_below, panels, room_for_legend, styled
from rnnlab.report.figures.plate import Plate
from rnnlab.report.figures.registry import Styles, figure_of_study
from rnnlab.report.judging.estimates import BOOTSTRAP_SEED
from rnnlab.report.judging.view import View
from rnnlab.report.reading.study import Study
from rnnlab.report.words.wording import listed, near_one, percent
from rnnlab.statistics import resampling, summaries

N_RESAMPLES = 500  # of the band, at each tau
STRETCHED_FROM, DECADES = 0.95, 4  # above this score, the axis shows tau by decades of 1 - tau

Band = tuple[np.ndarray, np.ndarray]


@figure_of_study("profile", place=1)
def plates(study: Study, view: View, style_of: Styles) -> Iterator[Plate]:
    across = view.across
    if across is None:
        return
    stretched = max(iqm for iqm, _ in across.iqm.values()) > STRETCHED_FROM
    taus = 1 - 10 ** -np.linspace(0, DECADES, 121) if stretched else np.linspace(0, 1, 101)
    profiles = {label: summaries.performance_profile(across.strata[label], taus) for label in across.labels}
    bands = {label: _band(across.strata[label], taus) for label in across.labels}
    where = "one task" if across.n_strata == 1 else f"{across.n_strata} tasks or settings, each weighing the same"
    caption = f"The share of runs that score above tau, over {where}: the higher the line, the better."
    if any(band is not None for band in bands.values()):
        caption += " Bands: the 95% stratified bootstrap at each tau."
    if stretched:
        caption += " The axis is stretched towards 1."
    rows = [
        f"{label} {near_one(across.iqm[label][0])}, {percent(float(np.interp(0.5, taus, profiles[label])))} above 0.5"
        for label in across.labels
    ]
    alt = f"Performance profiles over {where}. Interquartile mean score: {listed(rows, at_most=24)}."
    figure = draw_profiles(taus, profiles, bands, style_of, stretched)
    yield Plate("profile", "profile", "Profile across tasks", caption, alt, figure)


def _band(strata: Sequence[np.ndarray], taus: np.ndarray) -> Band | None:
    """The stratified bootstrap at each tau.  It counts how often each run is drawn, so that the share above tau is one
    matrix product."""
    if min(map(len, strata)) < resampling.MIN_RUNS_FOR_INTERVAL:
        return None
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    shares = np.zeros((N_RESAMPLES, len(taus)))
    for scores in strata:
        above = (scores[:, None] > taus).astype(float)
        drawn = resampling.draws(len(scores), rng, N_RESAMPLES)
        counts = np.stack([np.bincount(row, minlength=len(scores)) for row in drawn])
        shares += counts @ above / len(scores)
    low, high = np.percentile(shares / len(strata), [2.5, 97.5], axis=0)
    return low, high


@styled
def draw_profiles(
    taus: np.ndarray,
    profiles: Mapping[str, np.ndarray],
    bands: Mapping[str, Band | None],
    style_of: Styles,
    stretched: bool = False,
) -> Figure:
    handles = label_handles(style_of, profiles)
    margins = Margins(left=0.72, right=0.2, top=0.2, bottom=room_for_legend(len(handles)))
    figure, (axes,) = panels([""], 1, 2.6, margins, width=7.2)
    x = -np.log10(np.maximum(1 - taus, 10.0**-DECADES)) if stretched else taus
    for label, profile in profiles.items():
        style, band = style_of[label], bands[label]
        if band is not None:
            axes.fill_between(x, *band, color=style.color, alpha=0.15, linewidth=0)
        axes.plot(x, profile, color=style.color, linestyle=style.line, linewidth=1.8)
    if stretched:
        axes.set_xticks(range(DECADES + 1), [f"{1 - 10.0**-k:.9g}" for k in range(DECADES + 1)])
    axes.set_xlim(x[0], x[-1])
    axes.set_ylim(-0.02, 1.02)
    axes.grid(axis="y")
    axes.set_xlabel("tau (score)")
    axes.set_ylabel("share of runs above tau")
    legend_below(figure, handles)
    return figure
