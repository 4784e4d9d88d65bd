"""How often verdicts are wrong, and how many seeds they need: simulations with a known truth, as Markdown tables.

    python benchmarks/verdicts > docs/simulations.md      2,000 repetitions of all tables but adastop: 15 min on 2 cores
    python benchmarks/verdicts rates equivalence -r 200   some of them, quicker
    python benchmarks/verdicts power adastop -r 100       beside AdaStop (pip install adastop; slow)

What is simulated is one number per seed, or several (settings, learning rates), for two sides or more (worlds.py).
"""

from __future__ import annotations

import argparse
import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: every core has a process of its own

from caution import caution_costs, caution_needed
from comparisons import worst
from families import families, one_look
from intervals import coverage, equivalence, near_the_margin, proportions
from power import adastop, power
from single import false_positives, looks, numbers, sides, thresholds
from tables import most, printed
from tuning import learning_rates, rates_at_looks
from until_decided import sweeps
from worlds import ALPHA

TABLES = {
    "false_positives": false_positives,
    "looks": looks,
    "sides": sides,
    "thresholds": thresholds,
    "numbers": numbers,
    "rates": learning_rates,
    "rates_at_looks": rates_at_looks,
    "families": families,
    "one_look": one_look,
    "sweeps": sweeps,
    "worst": worst,
    "coverage": coverage,
    "proportions": proportions,
    "equivalence": equivalence,
    "near_the_margin": near_the_margin,
    "caution_needed": caution_needed,
    "caution_costs": caution_costs,
    "power": power,
    "adastop": adastop,
}
HEAD = """# Verdicts, held by simulation

Printed by `python benchmarks/verdicts`: {repetitions} repetitions of each cell, at level {alpha}.
An error rate that is held may show as {alpha} plus two standard errors, {most:.3f}; a coverage as {least:.3f}."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", help=f"of {', '.join(TABLES)}")
    parser.add_argument("-r", "--repetitions", type=int, default=2000)
    options = parser.parse_args()
    limit = most(ALPHA, options.repetitions)
    print(HEAD.format(repetitions=f"{options.repetitions:,}", alpha=ALPHA, most=limit, least=1 - limit))
    names = options.tables or [name for name in TABLES if name != "adastop"]
    for line in printed([TABLES[name](options.repetitions) for name in names]):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
