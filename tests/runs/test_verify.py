"""rnnlab-runs verify: a line for each damaged record, and an exit code."""

import hashlib
import os
import re
import shutil
import subprocess

import pytest

from rnnlab.records.digests import SUMS
from rnnlab.runs.command import SUBCOMMANDS, main
from rnnlab.sweep.finished import finish
from rnnlab.training.loop import train

FILES = ("run.json", "curves.csv", "predictions.csv", "gradients.csv", "weights.safetensors")


@pytest.fixture(scope="module")
def trained(tmp_path_factory, run_config):
    """Two studies of two runs each."""
    folder = tmp_path_factory.mktemp("verify") / "outputs"
    runs = [run_config(seed=seed) for seed in range(2)]
    for study in ("first", "second"):
        for run, result in zip(runs, train(runs), strict=True):
            finish(run, result).write(folder / study / run.folder, {"host": study})
    return folder


@pytest.fixture
def folder(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "outputs")


def verify(capsys, *folders):
    """Exit code, lines on stdout, and what stands on stderr."""
    code = main(["verify", *map(str, folders)])
    said = capsys.readouterr()
    return code, said.out.splitlines(), said.err.strip()


def test_records_that_are_as_they_were_written_are_well(folder, capsys):
    assert verify(capsys, folder) == (0, [], "4 records: none damaged")
    assert verify(capsys, folder / "first", folder / "second") == (0, [], "4 records: none damaged")
    run = next((folder / "first").iterdir())
    assert verify(capsys, run) == (0, [], "1 record: none damaged")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("position", [0, 0.5, 1])
def test_one_flipped_bit_of_any_file_is_named_whatever_its_times(folder, capsys, name, position):
    path = next((folder / "second").iterdir()) / name
    before, content = path.stat(), bytearray(path.read_bytes())
    content[int(position * (len(content) - 1))] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    code, (line,), said = verify(capsys, folder)
    assert code == 1 and line == f"{path}: is not as it was written (its SHA-256 is another one)"
    assert said == "4 records: 1 damaged"


@pytest.mark.parametrize("position", [0, 40, 64, 70, -2, -1])
def test_a_flipped_bit_among_the_digests_is_found_too(folder, capsys, position):
    path = next((folder / "second").iterdir()) / SUMS
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    code, (line,), _ = verify(capsys, folder)
    assert code == 1 and str(path.parent) in line


@pytest.mark.parametrize("name", [SUMS, *FILES[:-1]])
@pytest.mark.parametrize("left", [None, 0, 100])
def test_a_file_that_is_cut_off_or_gone_is_named(folder, capsys, name, left):
    path = next((folder / "second").iterdir()) / name
    path.write_bytes(path.read_bytes()[:left]) if left is not None else path.unlink()
    code, lines, _ = verify(capsys, folder)
    if left is None and name in (SUMS, "run.json"):  # as an earlier version wrote it; or no record
        assert (code, lines) == (0, [])
    else:
        assert code == 1 and len(lines) == 1 and str(path) in lines[0]


def test_two_damaged_files_of_a_record_are_one_line(folder, capsys):
    run = next((folder / "second").iterdir())
    for name in ("curves.csv", "weights.safetensors"):
        (run / name).write_bytes(b"x")
    code, (line,), _ = verify(capsys, folder)
    assert code == 1 and line.endswith("and 1 more of its files")


def test_weights_may_be_removed_and_provenance_and_hydra_may_differ(folder, capsys):
    for run in (folder / "first").iterdir():
        (run / "weights.safetensors").unlink()
        (run / "provenance.json").write_text("another day")
        (run / ".hydra").mkdir()
    assert verify(capsys, folder)[:2] == (0, [])


def test_records_from_before_there_were_digests_are_counted(folder, capsys):
    for run in (folder / "first").iterdir():
        (run / SUMS).unlink()
    code, lines, said = verify(capsys, folder)
    assert (code, lines) == (0, [])
    assert said == "4 records: none damaged, 2 without digests, whose files have the right sizes at best"


def test_a_record_of_another_version_is_no_damaged_one(folder, capsys, seal):
    run = next((folder / "first").iterdir())
    text = (run / "run.json").read_text()
    (run / "run.json").write_text(text.replace('"schema": 1', '"schema": 2'))
    seal(run)
    assert verify(capsys, folder) == (0, [], "4 records: none damaged, 1 of another version of rnnlab")


@pytest.mark.parametrize("what", ["nowhere", "empty", "a file"])
def test_a_folder_without_records_is_named(tmp_path, capsys, what):
    place = tmp_path / what
    if what == "empty":
        place.mkdir()
    elif what == "a file":
        place.write_text("")
    code, lines, said = verify(capsys, place)
    assert (code, lines) == (2, []) and said.startswith(f"rnnlab-runs: {place}: no records in it")


def test_the_digests_are_those_of_sha256sum(folder):
    run = next((folder / "first").iterdir())
    lines = dict(reversed(line.split("  ")) for line in (run / SUMS).read_text().splitlines())
    assert lines == {name: hashlib.sha256((run / name).read_bytes()).hexdigest() for name in lines}
    assert set(lines) == set(FILES)
    if shutil.which("sha256sum"):
        subprocess.run(["sha256sum", "--strict", "--status", "-c", SUMS], cwd=run, check=True)


def test_the_digests_are_the_same_whatever_surrounds_a_run(folder):
    for run in (folder / "first").iterdir():
        assert (run / SUMS).read_bytes() == (folder / "second" / run.name / SUMS).read_bytes()


def test_help_names_every_subcommand(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert all(re.search(rf"^ +{name} ", said, re.MULTILINE) for name in SUBCOMMANDS)


def test_a_name_with_a_line_end_stays_in_its_line(folder, capsys):
    run = next((folder / "first").iterdir()).rename(folder / "first" / "a\nb")
    (run / "curves.csv").write_text("x")
    _, (line,), _ = verify(capsys, folder)
    assert "a\\nb" in line
