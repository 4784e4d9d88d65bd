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

from rnnlab.options import ConfigError
from rnnlab.records.files import RecordError
from rnnlab.report.reading.folders import StudyError
from rnnlab.runs import compare, delete, disk, find, show, verify

DESCRIPTION = """\
Recorded runs: find, show, compare and delete them; are they as they were written; how much disk do they take?
"""
EXAMPLES = """\
examples:
  rnnlab-runs find outputs/activations cell.activation=relu,tanh 'test_loss<0.1'
  rnnlab-runs show outputs/activations 0a1b2c
  rnnlab-runs compare outputs/activations task=sines cell.activation=relu 'seed<2'
  rnnlab-runs delete outputs/activations outcome=diverged
  rnnlab-runs disk outputs
"""


@dataclass(frozen=True)
class Subcommand:
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


SUBCOMMANDS: Mapping[str, Subcommand] = {
    "find": Subcommand(find.HELP, find.add_arguments, find.run),
    "show": Subcommand(show.HELP, show.add_arguments, show.run),
    "compare": Subcommand(compare.HELP, compare.add_arguments, compare.run),
    "delete": Subcommand(delete.HELP, delete.add_arguments, delete.run),
    "disk": Subcommand(disk.HELP, disk.add_arguments, disk.run),
    "verify": Subcommand(verify.HELP, verify.add_arguments, verify.run),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0: done, and all is well.  1: done, and something was found.  2: the command cannot be used so."""
    arguments = _parser().parse_args(argv)
    try:
        return SUBCOMMANDS[arguments.subcommand].run(arguments)
    except BrokenPipeError:  # `| head`
        sys.stderr.close()
        return 0
    except (RecordError, ConfigError, StudyError, OSError) as error:
        print(f"rnnlab-runs: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("rnnlab-runs: interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rnnlab-runs",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = parser.add_subparsers(dest="subcommand", metavar="SUBCOMMAND", required=True)
    for name, subcommand in SUBCOMMANDS.items():
        subcommand.add_arguments(subparsers.add_parser(name, help=subcommand.help, description=subcommand.help))
    return parser


if __name__ == "__main__":
    sys.exit(main())
