import os
import shutil
from pathlib import Path

import numpy as np
import pytest

import rnnlab
from rnnlab.records import run as records
from rnnlab.report.reading import cache
from rnnlab.report.reading.read import read_study


@pytest.fixture
def folder(build, tmp_path):
    records = [build.record("sines", "tanh", seed, diverged_at=50 if seed == 1 else None) for seed in range(3)]
    return build.runs(tmp_path, [*records, build.record("digits", "tanh", 4, status="failed")])


@pytest.fixture
def reads(monkeypatch):
    """The folders that were read from their files."""
    names = []
    read_run = records.read_run
    monkeypatch.setattr(records, "read_run", lambda path: (names.append(path.name), read_run(path))[1])
    return names


def same(one, other):
    assert one.members[:1] == other.members[:1]  # the first has no NaN
    assert [repr(run) for run in one.members] == [repr(run) for run in other.members]
    assert one.problems == other.problems and one.provenance == other.provenance
    assert one.curves.keys() == other.curves.keys()
    for run_id, curves in one.curves.items():
        assert list(curves) == list(other.curves[run_id])
        for name, column in curves.items():
            np.testing.assert_array_equal(column, other.curves[run_id][name])


def test_what_was_read_before_is_not_read_again_and_is_the_same(folder, reads):
    first = read_study(folder)
    assert len(reads) == 4
    again = read_study(folder)
    assert len(reads) == 4
    same(first, again)


def test_only_what_changed_is_read(folder, reads, build):
    read_study(folder)
    reads.clear()
    build.runs(folder, [build.record("sines", "tanh", 0, final=0.5), build.record("sines", "tanh", 7)])
    study = read_study(folder)
    assert sorted(reads) == ["sines-tanh-0", "sines-tanh-7"]
    assert next(run for run in study.members if run.run_id == "sines-tanh-0").metrics["eval_loss"] == 0.5


def test_a_table_that_changed_makes_its_run_be_read(folder, reads):
    read_study(folder)
    reads.clear()
    os.utime(folder / "sines-tanh-2" / "curves.csv", ns=(1, 1))
    read_study(folder)
    assert reads == ["sines-tanh-2"]


def test_a_run_that_went_away_goes_from_the_cache(folder, reads):
    read_study(folder)
    for path in sorted((folder / "sines-tanh-2").rglob("*")):
        path.unlink()
    (folder / "sines-tanh-2").rmdir()
    assert len(read_study(folder).members) == 3
    assert set(cache.load(folder)) == {"sines-tanh-0", "sines-tanh-1", "digits-tanh-4"}


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half an archive", b"{}"])
def test_a_damaged_cache_is_as_good_as_none_and_is_replaced(folder, reads, content):
    read_study(folder)
    (folder / cache.CACHE).write_bytes(content)
    reads.clear()
    read_study(folder)
    assert len(reads) == 4 and len(cache.load(folder)) == 4


def test_a_cache_of_another_version_is_not_used(folder, reads, monkeypatch):
    read_study(folder)
    monkeypatch.setattr(cache, "VERSION", "another")
    reads.clear()
    read_study(folder)
    assert len(reads) == 4


def test_a_report_is_known_by_the_files_it_was_made_from(folder):
    report = folder / cache.REPORT
    report.mkdir()
    (report / "index.html").write_text("a page")
    stamp = cache.stamp_of(folder)
    assert not cache.is_made_from(report, stamp)
    cache.note_made(report, stamp)
    assert cache.is_made_from(report, stamp) and cache.stamp_of(folder) == stamp
    os.utime(folder / "sines-tanh-2" / "predictions.csv", ns=(1, 1))
    assert cache.stamp_of(folder) != stamp and not cache.is_made_from(report, cache.stamp_of(folder))
    (report / "index.html").write_text("half a pa")
    assert not cache.is_made_from(report, stamp)


def test_a_folder_that_cannot_be_listed_has_no_stamp_and_no_report_is_made_from_it(tmp_path):
    assert cache.stamp_of(tmp_path / "nowhere") == ""
    cache.note_made(tmp_path, "")
    assert not cache.is_made_from(tmp_path, "")


@pytest.mark.parametrize("room", ["records", "report/judging", "report/page/templates"])
def test_a_report_is_made_anew_when_the_code_changed(folder, monkeypatch, tmp_path_factory, room):
    package = tmp_path_factory.mktemp("copy") / "rnnlab"
    shutil.copytree(Path(rnnlab.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(cache, "__file__", str(package / "report" / "reading" / "cache.py"))
    stamp = cache.stamp_of(folder)
    assert cache.stamp_of(folder) == stamp
    (package / room / "new_file.py").write_text('"""New."""\n')
    assert cache.stamp_of(folder) != stamp


def test_a_folder_that_cannot_be_written_to_is_read_all_the_same(folder, reads, monkeypatch):
    def refuse(*args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("rnnlab.records.files.replace_file", refuse)
    assert len(read_study(folder).members) == 4
    assert not (folder / cache.CACHE).exists()
