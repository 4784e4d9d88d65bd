"""The command rnnlab-runs: a subcommand for each thing that can be done with recorded runs.

To add one, write a module in this folder with three things, and name it in SUBCOMMANDS:

    HELP                         one sentence, for --help
    def add_arguments(parser)    its arguments, for argparse
    def run(arguments) -> int    do it and return the exit code; RecordError: a folder that cannot be used
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rnnlab.records.files import RecordError
from rnnlab.runs import verify

DESCRIPTION = """\
Recorded runs: are they as they were written?  DIR is the folder of a run, of a sweep, or of several sweeps.
"""


@dataclass(frozen=True)
class Subcommand:
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


SUBCOMMANDS: Mapping[str, Subcommand] = {
    "verify": Subcommand(verify.HELP, verify.add_arguments, verify.run),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0: done, and all is well.  1: done, and something was found.  2: the command cannot be used so."""
    arguments = _parser().parse_args(argv)
    try:
        return SUBCOMMANDS[arguments.subcommand].run(arguments)
    except (RecordError, OSError) as error:
        print(f"rnnlab-runs: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("rnnlab-runs: interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rnnlab-runs", description=DESCRIPTION)
    subparsers = parser.add_subparsers(dest="subcommand", metavar="SUBCOMMAND", required=True)
    for name, subcommand in SUBCOMMANDS.items():
        subcommand.add_arguments(subparsers.add_parser(name, help=subcommand.help, description=subcommand.help))
    return parser


if __name__ == "__main__":
    sys.exit(main())
