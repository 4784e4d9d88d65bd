"""rnnlab-runs verify DIR: are the files of every record as they were written?

Every file is read, also one that has not changed since it was read before.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from rnnlab.records.digests import SUMS
from rnnlab.records.files import RecordError, UnknownSchemaError
from rnnlab.records.run import RUN, read_checked_run

HELP = "check the digests of all records; a line for each damaged one, and exit code 1 if there is any"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", metavar="DIR", nargs="+", type=Path, help="of a run, of a sweep, or of sweeps")


def run(arguments: argparse.Namespace) -> int:
    """Print a line for each damaged record, and what was found in all.  1: there are damaged ones.

    Raises RecordError for a folder in which there is no record."""
    n_records = n_damaged = n_without = n_of_others = 0
    for folder in arguments.folders:
        places = list(record_folders(folder))
        if not places:
            raise RecordError(f"{folder}: no records in it (a record is a folder with a {RUN})")
        for place in places:
            n_records += 1
            n_without += not os.path.lexists(place / SUMS)
            try:
                read_checked_run(place)
            except UnknownSchemaError:  # its digests are right, or it has none
                n_of_others += 1
            except RecordError as error:
                n_damaged += 1
                print(_printable(error))
    found = [f"{n_records} record{'' if n_records == 1 else 's'}: {n_damaged or 'none'} damaged"]
    found += [f"{n_without} without digests, whose files have the right sizes at best"] if n_without else []
    found += [f"{n_of_others} of another version of rnnlab"] if n_of_others else []
    print(", ".join(found), file=sys.stderr)
    return 1 if n_damaged else 0


def record_folders(folder: Path) -> Iterator[Path]:
    """The folders in `folder`, or itself, that hold a record.  Links to folders are not followed."""
    for place, inside, _ in os.walk(folder):
        if os.path.lexists(f"{place}/{RUN}"):
            yield Path(place)
            inside.clear()
        inside[:] = sorted(name for name in inside if not name.startswith("."))


def _printable(text: object) -> str:
    """In one line, whatever a folder's name holds."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text))
