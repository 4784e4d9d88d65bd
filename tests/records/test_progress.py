"""What commands and workers say about themselves while they are at work."""

import json
import os
import subprocess
import sys

import pytest

from rnnlab.records.progress import (
    FOLDER,
    CommandProgress,
    PackProgress,
    RunProgress,
    as_curves,
    at_work,
    commands,
    forget_pack,
    read_packs,
    remove_ended,
    tell,
    to_text,
    write_pack,
)

PACK = PackProgress(
    500,
    (RunProgress("sines-a", "a" * 12, 40, begun=10), RunProgress("sines-b", "b" * 12, 7, live=False)),
    {"a" * 12: {"step": [0, 40], "train_loss": [1.0, 0.5], "eval_loss": [float("inf"), 0.25]}},
)
SAYS = """
import sys
from pathlib import Path
from rnnlab.records.progress import CommandProgress, PackProgress, RunProgress, tell, to_text, write_pack

study = Path(sys.argv[1])
pack = PackProgress(500, (RunProgress("sines-c", "c" * 12, 3),))
write_pack(study, pack.name, to_text(pack))
tell(study, CommandProgress("half-way"))
print("said", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
    """A process that has said how far it is, and goes on when it gets a line."""
    command = [sys.executable, "-c", SAYS, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "said\n"
        yield process
        process.kill()


def test_a_pack_is_read_as_it_was_written(tmp_path):
    write_pack(tmp_path, PACK.name, to_text(PACK))
    assert read_packs(tmp_path, curves=True) == [PACK]
    (without,) = read_packs(tmp_path)
    assert without.runs == PACK.runs and without.curves == {}
    forget_pack(tmp_path, PACK.name)
    assert read_packs(tmp_path) == []


def test_what_a_living_process_says_is_read_and_what_a_killed_one_has_left_is_not(other, tmp_path):
    write_pack(tmp_path, PACK.name, to_text(PACK))
    assert {pack.runs[0].folder for pack in read_packs(tmp_path)} == {"sines-a", "sines-c"}
    assert commands(tmp_path) == [CommandProgress("half-way")]
    remove_ended(tmp_path)
    assert len(list((tmp_path / FOLDER).iterdir())) == 3, "all are alive"
    other.kill()
    other.wait()
    assert [pack.runs[0].folder for pack in read_packs(tmp_path)] == ["sines-a"]
    assert commands(tmp_path) == []
    remove_ended(tmp_path)
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == [PACK.name]


def test_a_command_is_seen_as_long_as_a_block_of_it_is_open(tmp_path):
    with at_work(tmp_path):
        with at_work(tmp_path):
            tell(tmp_path, CommandProgress("3 of 4 runs"))
        assert commands(tmp_path) == [CommandProgress("3 of 4 runs")]
    assert commands(tmp_path) == []
    assert not (tmp_path / FOLDER).exists(), "nothing is left"


def test_a_study_that_is_not_there_is_not_made(tmp_path):
    with at_work(tmp_path / "study"):
        assert commands(tmp_path / "study") == []
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize(
    "text", ["", "\n\n\n", "\xff", "x\n[]\n{}\n", 'x\n{"steps": 3, "runs": [{"folder": "a"}]}\n{}\n', "a-b-c\n{}\n{}\n"]
)
def test_a_damaged_file_is_left_out(tmp_path, text):
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "a-1.pack").write_text(text, encoding="latin-1")
    (tmp_path / FOLDER / f"{os.getpid()}.command").write_text(json.dumps({"lines": 3}))
    assert read_packs(tmp_path, curves=True) == []
    assert commands(tmp_path) == []
    remove_ended(tmp_path)


def test_long_curves_are_thinned_to_their_ends_and_what_lies_between():
    rows = [{"step": 10 * n, "train_loss": 1.0, "eval_loss": 2.0, "grad_norm": 3.0} for n in range(1001)]
    curves = as_curves(rows, 11)
    assert curves["step"] == [0, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10000]
    assert sorted(curves) == ["eval_loss", "step", "train_loss"]
    assert as_curves(rows[:3], 11)["step"] == [0, 10, 20]
