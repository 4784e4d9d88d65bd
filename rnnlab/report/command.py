"""The command rnnlab-report: read a folder of runs, write its report, print where the page is."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

HELP = """\
Write the report of a study: DIR/report/index.html, one page that needs no network, with its figures (PNG, SVG) and
tables (CSV) beside it.  DIR is the folder of a sweep, the one that holds a folder per run.  It can be run at any
time, over whatever runs are there; runs that failed, are missing or cannot be read are named in the report.
"""
REASONS_SHOWN = 20


def main(argv: Sequence[str] | None = None) -> int:
    """0: the page is written and its path printed.  2: no report can be made of that folder; stderr says why."""
    parser = argparse.ArgumentParser(
        prog="rnnlab-report",
        description=HELP,
        epilog="example: rnnlab-report outputs/activations",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="the folder of a sweep, e.g. outputs/activations")
    folder = parser.parse_args(argv).folder

    from rnnlab.report.page import write_report  # after the arguments: --help and a typo answer at once
    from rnnlab.report.read import StudyError

    try:
        page = write_report(folder)
    except StudyError as error:
        print(f"rnnlab-report: {error}", file=sys.stderr)
        for reason in error.reasons[:REASONS_SHOWN]:
            print(f"  {reason}", file=sys.stderr)
        if len(error.reasons) > REASONS_SHOWN:
            print(f"  and {len(error.reasons) - REASONS_SHOWN} more", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"rnnlab-report: {folder}: the report cannot be written ({error.strerror or error})", file=sys.stderr)
        return 2
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
