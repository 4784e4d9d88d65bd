"""JSON text, and files that are replaced whole or not at all."""

import json
import math
from pathlib import Path

import pytest

from rnnlab.records.files import replace_file, to_json, write_text


def test_nested_numbers_that_are_not_finite_are_spelled_as_words_too():
    text = to_json({"a": [1.0, math.inf, {"b": (math.nan, -math.inf)}]})
    assert json.loads(text) == {"a": [1.0, "inf", {"b": ["nan", "-inf"]}]}


def test_text_that_cannot_be_written_leaves_the_old_file_as_it_was(tmp_path, monkeypatch):
    def full(self, target):
        raise OSError(28, "No space left on device", str(target))

    path = tmp_path / "page.html"
    write_text(path, "old")
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_sees_the_old_file_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "page.html"
    write_text(path, "old")
    with replace_file(path, "wb") as file:
        file.write(b"half")
        assert path.read_text() == "old"
        file.write(b" and half")
    assert path.read_bytes() == b"half and half"
    assert list(tmp_path.iterdir()) == [path]
