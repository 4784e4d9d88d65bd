"""Where compiled kernels are kept."""

import os
import shutil
import time

import pytest

from rnnlab.nets.kernels import place


@pytest.fixture(autouse=True)
def _asked_anew():
    """Each test asks as a new process does."""
    cached = [value for value in vars(place).values() if hasattr(value, "cache_clear")]
    for function in cached:
        function.cache_clear()
    yield
    for function in cached:
        function.cache_clear()


def named(monkeypatch, **changes):
    """The folder's name, with other values in the module."""
    with monkeypatch.context() as patch:
        for name, value in changes.items():
            patch.setattr(place, name, value)
        place.fingerprint.cache_clear()
        return place.fingerprint()


def test_the_folder_is_in_the_users_cache_or_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.delenv("RNNLAB_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert place.folder() == tmp_path / "cache" / "rnnlab" / f"kernels-{place.fingerprint()}"
    assert place.folder().is_dir()
    place.base.cache_clear()
    place.folder.cache_clear()
    monkeypatch.setenv("RNNLAB_CACHE", str(tmp_path / "own"))
    assert place.folder().parent == tmp_path / "own"


def test_where_nothing_can_be_written_a_process_has_a_folder_of_its_own(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way of a folder")
    monkeypatch.setenv("RNNLAB_CACHE", str(tmp_path / "file" / "cache"))
    folder = place.folder()
    try:
        assert folder.is_dir()
        (folder / "x").write_text("it can be written")
        assert not folder.is_relative_to(tmp_path / "file")
        assert place.folder() == folder, "the same one each time"
    finally:
        shutil.rmtree(place.base())


def test_an_edited_kernel_has_another_folder(monkeypatch, tmp_path):
    copies = tuple(shutil.copy(source, tmp_path / source.name) for source in place.SOURCES)
    found = {place.fingerprint(), named(monkeypatch, SOURCES=copies)}
    assert len(found) == 2, "numba would compile the same sources again elsewhere"
    for edited in copies:
        text, status = edited.read_bytes(), edited.stat()
        edited.write_bytes(text + b"# edited\n")
        os.utime(edited, ns=(status.st_atime_ns, status.st_mtime_ns))
        found.add(named(monkeypatch, SOURCES=copies))
        edited.write_bytes(text)
    assert len(found) == 2 + len(copies)


def test_every_kernel_and_the_rule_of_divergence_are_among_the_sources():
    names = {path.name for path in place.SOURCES}
    assert {"rnn.py", "lstm.py", "gru.py", "training.py", "optimizers.py", "vectors.py", "divergence.py"} <= names


def test_other_versions_and_another_processor_have_another_folder(monkeypatch):
    before, version = place.fingerprint(), place.version
    assert named(monkeypatch) == before
    for changed in ("numba", "llvmlite", "numpy"):
        assert (
            named(monkeypatch, version=lambda name, changed=changed: version(name) + "1" * (name == changed)) != before
        )
    monkeypatch.setenv("NUMBA_CPU_NAME", "nehalem")
    assert named(monkeypatch) != before


def test_the_machine_is_named_in_one_line_with_the_versions_of_what_compiles():
    assert "\n" not in place.machine()
    assert f"numba {place.version('numba')}" in place.machine()
    assert f"llvmlite {place.version('llvmlite')}" in place.machine()


def test_kernels_that_nobody_has_used_for_a_month_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(place, "base", lambda: tmp_path)
    now = time.time()
    for name, age_days in (("kernels-old", 31), ("kernels-recent", 29), ("other", 31)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (now - age_days * 86400,) * 2)
    place.remove_unused()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kernels-recent", "other"]
