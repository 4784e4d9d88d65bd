"""Which numbers a quantity can have.  This module is light: what is checked before training needs no arrays.

bounded     a share or a score, within 0 and 1; means over settings and over tasks have a meaning
event       0 or 1 by run, such as "diverged"; by seed the share of its runs
unbounded   a loss or a norm, infinite where a run diverged; numbers of two tasks have no common scale
"""

from __future__ import annotations

from typing import Literal

Kind = Literal["bounded", "event", "unbounded"]
