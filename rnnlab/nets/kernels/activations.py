"""The passes that apply an activation, or its slope, to the rows of a matrix.

A kernel chooses the loop of an activation by its number, once per pass: the kernels are compiled once for all
activations, and a lane may have any of them.
"""

from __future__ import annotations

from rnnlab.nets.kernels.forms import FORMS, VectorForm
from rnnlab.nets.kernels.loops import rowwise
from rnnlab.nets.kernels.vectors import Formula, Vector


def _keeping(form: VectorForm) -> Formula:
    def formula(x: Vector, p: Vector, q: Vector) -> tuple[Vector, Vector | None]:
        return form.phi(x, p, q), x if form.keeps_input else None

    return formula


def _reversing(form: VectorForm) -> Formula:
    def formula(g: Vector, h: Vector, kept: Vector, p: Vector, q: Vector) -> Vector:
        return g * form.slope(kept, h, p, q)

    return formula


NUMBERS = {name: n for n, name in enumerate(FORMS)}  # by which a kernel chooses a form

activate = rowwise("activate", *map(_keeping, FORMS.values()), n_outputs=2, n_numbers=2)
"""activate(memory, number, x, y, kept, p, q, n_rows, n_columns): y = phi(x); kept = x where the activation keeps it.

Each matrix is an offset and a stride: see loops.py."""

reverse = rowwise("reverse", *map(_reversing, FORMS.values()), n_inputs=3, n_numbers=2)
"""reverse(memory, number, g, h, kept, d, p, q, n_rows, n_columns): d = g * phi'(a), with h = phi(a) and a = kept."""
