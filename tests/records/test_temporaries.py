"""Temporary names, and what killed writers have left."""

import os
import subprocess
import sys
import time

import pytest

from rnnlab.records.files import replace_file, write_text
from rnnlab.records.temporaries import DAY_S, former, remove_left_over, temporary

WRITES = """
import os
import sys
from pathlib import Path

from rnnlab.records.temporaries import former, temporary

for name in ("run.json", "report"):
    path = temporary(Path(sys.argv[1], name))
    path.write_text("half") if "." in name else (path.mkdir(), (path / "page").write_text("half"))
    print(path)
former(path).mkdir()
(former(path) / "page").write_text("whole")
sys.stdout.flush()
if sys.argv[2] == "waits":
    sys.stdin.read()
os._exit(1)
"""


@pytest.fixture
def writer(tmp_path):
    """writer("waits" or "ends"): a process that has left two temporary files and one that it had set aside."""
    started = []

    def start(then):
        command = [sys.executable, "-c", WRITES, str(tmp_path), then]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() and process.stdout.readline()
        while len(list(tmp_path.iterdir())) < 3:
            time.sleep(0.01)
        if then == "ends":
            process.communicate()
        return process

    yield start
    for process in started:
        process.communicate()


def test_what_a_killed_writer_has_left_is_removed_and_what_was_there_before_gets_its_place_back(writer, tmp_path):
    writer("ends")
    (tmp_path / ".lock").write_text("")
    (tmp_path / ".mine.tmp").write_text("of somebody else")
    remove_left_over([tmp_path, tmp_path / "not there"])
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", ".mine.tmp", "report"]
    assert (tmp_path / "report" / "page").read_text() == "whole"


def test_what_was_set_aside_is_removed_where_something_new_has_its_place(writer, tmp_path):
    writer("ends")
    write_text(tmp_path / "report", "new")
    remove_left_over([tmp_path])
    assert [path.name for path in tmp_path.iterdir()] == ["report"]
    assert (tmp_path / "report").read_text() == "new"


def test_what_a_live_writer_writes_is_left_alone_until_it_has_died(writer, tmp_path):
    process = writer("waits")
    there = set(tmp_path.iterdir())
    for path in there:
        os.utime(path, (0, 0))  # however old it is
    remove_left_over([tmp_path])
    assert set(tmp_path.iterdir()) == there
    process.kill()
    process.communicate()
    remove_left_over([tmp_path])
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_only_one_name_can_be_asked_for(writer, tmp_path):
    writer("ends")
    remove_left_over([tmp_path], "run.json")
    assert len(list(tmp_path.iterdir())) == 2


def test_a_process_that_has_the_number_of_a_killed_one_is_not_taken_for_it(tmp_path):
    ours = temporary(tmp_path / "x")
    former = tmp_path / ours.name.replace(f"-{os.getpid()}-", f"-{os.getpid()}-1")  # started at another time
    for path in (ours, former):
        path.write_text("half")
    remove_left_over([tmp_path])
    assert list(tmp_path.iterdir()) == [ours]


@pytest.mark.parametrize("name", [".x.00000000-{pid}-1.tmp", ".x.{pid}.tmp", ".x.00000000-{pid}-1.old"])
def test_the_file_of_a_writer_nobody_can_look_for_is_left_over_after_a_day(tmp_path, name):
    """One on another machine that sees the same folder, or of an earlier version; its number says nothing here."""
    path = tmp_path / name.format(pid=2**22 + 1)  # there is no such process
    write_text(tmp_path / "x", "whole")
    path.write_text("half")
    remove_left_over([tmp_path])
    assert path.exists()
    os.utime(path, (time.time() - DAY_S - 60,) * 2)
    remove_left_over([tmp_path])
    assert not path.exists()


def test_a_file_that_is_being_written_is_no_left_over(tmp_path):
    with replace_file(tmp_path / "x", "w") as file:
        file.write("new")
        remove_left_over([tmp_path])
    assert (tmp_path / "x").read_text() == "new"


def test_names_of_the_same_writer_differ_in_nothing_but_what_they_are_for(tmp_path):
    assert temporary(tmp_path / "x").name.replace(".x.", ".y.") == temporary(tmp_path / "y").name
    assert former(temporary(tmp_path / "x")).suffix == ".old"
