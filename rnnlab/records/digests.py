"""sha256sums: the digests of a record's other files, so that a change of a single digit is found.

    d2c5...e1  curves.csv
    90ab...07  run.json

It is the format of the program sha256sum: `sha256sum -c sha256sums` in a run's folder checks a record without rnnlab.
The digests are of the bytes that were to be written, taken before they were.

They stand in a file of their own, and not in run.json: so run.json has a digest, too, and does not change by
training.save_weights=false.  provenance.json and .hydra/ have no digest: they differ from one computation of a run to
the next, and no number of a report follows from them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from rnnlab.records.files import RecordError, read_bytes

SUMS = "sha256sums"
LINE = re.compile(r"([0-9a-f]{64})  ([\w-]+(?:\.[\w-]+)*)")


def to_sums(files: Mapping[str, str | bytes]) -> str:
    """The content of sha256sums, a line for each file, in their order.  files: name -> content."""
    return "".join(f"{_digest(content)}  {name}\n" for name, content in files.items())


def _digest(content: str | bytes) -> str:
    return hashlib.sha256(content if isinstance(content, bytes) else content.encode()).hexdigest()


def read_sums(folder: Path) -> dict[str, str]:
    """File name -> digest.  Raises RecordError where there are none, and where they cannot be read."""
    path = folder / SUMS
    content = read_bytes(path)
    try:
        *lines, end = content.decode().split("\n")
    except ValueError:
        *lines, end = ["not text"]
    found = [LINE.fullmatch(line) for line in lines]
    sums = {match[2]: match[1] for match in found if match}
    if end or not sums or len(sums) != len(lines):
        raise RecordError(f"{path}: is no list of digests", [path])
    return sums


def differing(folder: Path, sums: Mapping[str, str], may_lack: Collection[str]) -> list[RecordError]:
    """For each file that is not as it was written, the error that says so.  may_lack: files that need not be there."""
    found = []
    for name, digest in sums.items():
        path = f"{folder}/{name}"
        try:
            if _digest(read_bytes(path)) != digest:
                reason = "is not as it was written (its SHA-256 is another one)"
                found.append(RecordError(f"{path}: {reason}", [Path(path)]))
        except RecordError as error:
            if name not in may_lack or error.damaged:
                found.append(error)
    return found
