"""--to parquet: the tables as Parquet files, one each, by pyarrow.

Columns have the types bool, int64, double and string.  An entry that is not there is null; one that is not a number is
NaN.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlab.export.source import Source
from rnnlab.export.tables import Table, tables
from rnnlab.export.targets import register

if TYPE_CHECKING:
    import pyarrow

ROW_GROUP = 100_000  # rows, at least: a group for each run of a large study would be mostly description


@register("parquet", holds="the tables of rnnlab.load, one Parquet file each", library="pyarrow", extra="parquet")
def write(source: Source, building: Path, place: Path) -> None:
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    types = {bool: pyarrow.bool_(), int: pyarrow.int64(), float: pyarrow.float64(), str: pyarrow.string()}
    for table in tables(source):
        schema = pyarrow.schema([(name, types[kind]) for name, kind in table.columns.items()])
        with ParquetWriter(building / f"{table.name}.parquet", schema) as writer:
            for group in _groups(table, schema):
                writer.write_table(group)


def _groups(table: Table, schema: pyarrow.Schema) -> Iterator[pyarrow.Table]:
    """The rows of a table in groups of ROW_GROUP rows or a few more."""
    import pyarrow

    batches, n_rows = [], 0
    for block in table.blocks():
        length = len(next(iter(block.values())))
        columns = [
            pyarrow.array(block[field.name], field.type) if field.name in block else pyarrow.nulls(length, field.type)
            for field in schema
        ]
        batches.append(pyarrow.RecordBatch.from_arrays(columns, schema=schema))
        n_rows += length
        if n_rows >= ROW_GROUP:
            yield pyarrow.Table.from_batches(batches)
            batches, n_rows = [], 0
    if batches:
        yield pyarrow.Table.from_batches(batches)
