"""Tables as CSV text, and back to the same bits."""

import math
import struct

import numpy as np
import pytest

from rnnlab.records.files import write_text
from rnnlab.records.tables import read_table, to_csv

TRICKY = [0.1, 1 / 3, 1e-300, 5e-324, 1.7976931348623157e308, -0.0, 3.0, math.pi, math.nan, math.inf, -math.inf]


def bits(array):
    return [struct.pack("d", value) for value in np.asarray(array, dtype=np.float64).tolist()]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_csv_numbers_read_back_to_the_same_bits(tmp_path, dtype):
    generator = np.random.default_rng(0)
    patterns = generator.integers(0, 2**32, 4000, dtype=np.uint64).astype(np.uint32)
    if dtype is np.float64:
        patterns = generator.integers(0, 2**64, 4000, dtype=np.uint64)
    with np.errstate(over="ignore"):
        column = np.concatenate([patterns.view(dtype), np.array(TRICKY).astype(dtype)])
    write_text(tmp_path / "t.csv", to_csv({"x": column}))
    back = read_table(tmp_path / "t.csv")["x"].astype(dtype)
    numbers = ~np.isnan(column)  # of NaN only that it is one
    assert back[numbers].tobytes() == column[numbers].tobytes()
    assert np.isnan(back[~numbers]).all()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_whole_numbers_stay_floating_point_and_keep_their_sign(tmp_path, dtype):
    column = np.array([0.0, -0.0, 1.0, -3.0, 1e6], dtype=dtype)
    write_text(tmp_path / "t.csv", to_csv({"x": column}))
    back = read_table(tmp_path / "t.csv")["x"]
    assert back.dtype.kind == "f"
    assert back.astype(dtype).tobytes() == column.tobytes()


def test_csv_keeps_integers_text_and_the_order_of_columns(tmp_path):
    columns = {
        "step": np.array([0, -5, 2**53 + 1]),
        "word": np.array(["a,b", 'say "x"', "ünï\ncode"]),
        "x": np.array([1.0, 2.0, math.nan]),
    }
    write_text(tmp_path / "t.csv", to_csv(columns))
    back = read_table(tmp_path / "t.csv")
    assert list(back) == list(columns)
    assert back["step"].dtype == np.int64
    assert back["step"].tolist() == columns["step"].tolist()
    assert back["word"].tolist() == columns["word"].tolist()
    assert bits(back["x"]) == bits(columns["x"])


def test_csv_spells_what_is_not_finite_in_one_way():
    for dtype in (np.float32, np.float64):
        assert to_csv({"x": np.array([math.nan, math.inf, -math.inf], dtype=dtype)}) == "x\nnan\ninf\n-inf\n"


def test_columns_of_different_length_are_refused():
    with pytest.raises(ValueError, match="differ in length"):
        to_csv({"a": np.zeros(2), "b": np.zeros(3)})


def test_a_table_without_rows_or_columns_reads_back_empty(tmp_path):
    for text in (to_csv({}), to_csv({"a": np.zeros(0), "b": np.zeros(0)})):
        write_text(tmp_path / "t.csv", text)
        assert all(len(column) == 0 for column in read_table(tmp_path / "t.csv").values())


def test_a_number_too_long_for_an_integer_is_read_as_floating_point(tmp_path):
    (tmp_path / "t.csv").write_text("x\n1\n123456789012345678901\n")
    assert read_table(tmp_path / "t.csv")["x"].tolist() == [1.0, 123456789012345678901.0]
