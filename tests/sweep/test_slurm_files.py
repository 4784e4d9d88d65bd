"""The folder of a job array."""

import pytest

from rnnlab.records.aside import set_aside
from rnnlab.sweep.slurm_files import arrays_in, read_note, remove_array, write_array

RUNS = [["0123456789ab", "123456789abc"], ["23456789abcd"]]


@pytest.fixture
def array(tmp_path):
    array = tmp_path / ".slurm" / "rnnlab-one"
    write_array(array, ["first", "second"], RUNS)
    return array


def test_packs_and_note_are_read_back(array):
    assert arrays_in(array.parent) == [array]
    assert read_note(array) == RUNS
    assert [(array / f"{n}.pack.json").read_text() for n in range(2)] == ["first", "second"]


def test_what_a_command_had_not_submitted_or_was_removing_is_removed(array):
    (array / "note.json").unlink()
    assert arrays_in(array.parent) == []
    assert not array.exists()


def test_what_is_put_aside_is_not_found_again(array):
    (aside,) = set_aside([array])
    assert aside.name == "rnnlab-one.damaged" and aside.is_dir()
    assert arrays_in(array.parent) == []


NO_NOTES = ["", "{", "[]", "null", "[" * 100_000, "\ud800", '{"format": 1, "runs": [["a"]', '{"runs": []}']
NO_RUNS = ['{"format": 2, "runs": []}', '{"format": 1, "runs": 3}', '{"format": 1, "runs": [3]}']


@pytest.mark.parametrize("text", [*NO_NOTES, *NO_RUNS, '{"format": 1, "runs": [[3]]}'])
def test_a_damaged_note_is_a_value_error(text, array):
    (array / "note.json").write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(ValueError):
        read_note(array)


def test_what_cannot_be_removed_now_is_removed_by_the_next_command(array):
    (array / "0.still-open").mkdir()
    remove_array(array)
    assert arrays_in(array.parent) == [array], "the note goes last"
    (array / "0.still-open").rmdir()
    remove_array(array)
    assert not array.exists()
