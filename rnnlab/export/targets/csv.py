"""--to csv: the tables as CSV files, one each.

A float reads back to the same bits; nan, inf and -inf are spelled like that, and an entry that is not there is empty.
A text that a spreadsheet would take for a formula gets an apostrophe before it (rnnlab/report/page/tables.py).
"""

from __future__ import annotations

import csv
from pathlib import Path

from rnnlab.export.source import Source
from rnnlab.export.tables import tables
from rnnlab.export.targets import register
from rnnlab.report.page.tables import safe


@register("csv", holds="the tables of rnnlab.load, one CSV file each")
def write(source: Source, building: Path, place: Path) -> None:
    for table in tables(source):
        with (building / f"{table.name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(map(safe, table.columns))
            for block in table.blocks():
                absent = [None] * len(next(iter(block.values())))
                columns = (
                    map(safe, block.get(name, absent)) if kind is str else block.get(name, absent)
                    for name, kind in table.columns.items()
                )
                writer.writerows(zip(*columns, strict=True))
