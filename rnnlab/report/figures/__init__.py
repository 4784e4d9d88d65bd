"""From numbers to pictures: a module for each kind of figure, found by registry.py.

    maps          outcome and score by two swept keys
    effects       score by each swept key
    importance    how much each swept key has to do with score and divergence
    claims        what the claims are judged by: estimates, intervals, margins; and from look to look
    scores        score by activation, every run a dot
    pairs         how far any two are apart, by task
    curves        loss against optimiser steps, seeds thin, median thick
    predictions   the truth against one-step and closed-loop forecasts
    confusion     label against prediction, pooled over seeds
    divergence    how many runs diverged, by activation and another axis
    gradients     the gradient through time
    dynamics      score against Lyapunov exponent, spectral radius, largest singular value
    diagnostics   saturated and dead units, norms; depth: gradient norm by layer
    sensitivity   score against a swept number
    tuning        the expected best of k runs
    profile       the share of runs above tau, across tasks

Each has functions that register with the page and yield plates (a figure with its words), and `draw_...` functions that
draw plain data.  They share plate, palette, canvas, fonts, and choice (what is shown where there is no room for all).
"""
