"""The command rnnlab-export: read a folder of runs, write it in the form of another tool, print where it is."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rnnlab.export.targets import targets

HELP = """\
Export a study to another tool: its runs, their configs as hyperparameters, curves, final metrics and the figures of the
report.  DIR is the folder of a sweep, which holds a folder for each run.  The export is DIR/export/<target>, a folder
that must be empty or not there yet.  Failed and diverged runs are exported with their status; runs that cannot be read
are named at the end.
"""
EXAMPLES = """\
examples:
  rnnlab-export outputs/activations --to tensorboard       a folder for tensorboard --logdir
  rnnlab-export outputs/activations --to mlflow            a database for mlflow ui
  rnnlab-export outputs/activations --to csv --force       again, in place of an earlier export
  rnnlab-export outputs/activations --to parquet --out tables
"""
PROBLEMS_SHOWN = 20


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0: the export is whole and its folder printed.  2: there is none, and stderr says why."""
    arguments = _parser().parse_args(argv)

    from rnnlab.export.errors import ExportError
    from rnnlab.export.export import export
    from rnnlab.report.reading.folders import StudyError

    try:
        place, problems = export(arguments.folder, arguments.to, arguments.out, arguments.force)
    except StudyError as error:
        _say(f"rnnlab-export: {error}", error.reasons)
        return 2
    except ExportError as error:
        _say(f"rnnlab-export: {error}")
        return 2
    except OSError as error:
        _say(f"rnnlab-export: {arguments.folder}: cannot be exported ({error.strerror or error})")
        return 2
    except KeyboardInterrupt:
        _say("rnnlab-export: interrupted; an earlier export is left as it was")
        return 130
    print(place)
    if opens := targets()[arguments.to].open_with:
        _say(f"open it with: {opens.format(folder=place.resolve())}")
    if problems:
        lines = tuple(f"{problem.kind}: {problem.name}: {problem.reason}" for problem in problems)
        _say(f"rnnlab-export: {len(problems)} problems", lines)
    return 0


def _parser() -> argparse.ArgumentParser:
    known = targets()
    listing = "".join(f"  {name:<14}{target.holds}\n" for name, target in known.items())
    parser = argparse.ArgumentParser(
        prog="rnnlab-export",
        description=HELP,
        epilog=f"targets:\n{listing}\n{EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="the folder of a sweep")
    parser.add_argument("--to", choices=list(known), required=True, help="the target, see below")
    parser.add_argument("--out", type=Path, metavar="DIR", help="the folder of the export, empty or not there yet")
    parser.add_argument("--force", action="store_true", help="replace an earlier export of the same study")
    return parser


def _say(line: str, details: Sequence[str] = ()) -> None:
    """A line on stderr, and below it the first of its details."""
    print(line, file=sys.stderr)
    for detail in details[:PROBLEMS_SHOWN]:
        print(f"  {detail}", file=sys.stderr)
    if len(details) > PROBLEMS_SHOWN:
        print(f"  and {len(details) - PROBLEMS_SHOWN} more", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
