"""Record files: whole or absent, and the same bits after reading back."""

import json
import math
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnnlab.records import run as records
from rnnlab.records.files import RecordError
from rnnlab.records.run import (
    CURVES,
    GRADIENTS,
    PREDICTIONS,
    PROVENANCE,
    RUN,
    SUMS,
    TABLES,
    Record,
    RunResult,
    TaskFacts,
)

FACTS = TaskFacts("sines", "mse", "series", "mse_closed_loop", False)


def make_record(**changes):
    result = RunResult(
        status="completed",
        steps_done=7,
        diverged_at_step=7,
        divergence_reason='says "no", and\nmore: ünïcode',
        outcome="diverged",
        metrics={"train_loss": 0.1 + 0.2, "eval_loss": math.nan, "naive_loss": math.inf, "least": -math.inf},
        curves={"step": np.array([0, 5, 7]), "train_loss": np.array([0.1, 1 / 3, math.nan])},
        predictions={"t": np.linspace(0, 1, 4), "truth": np.ones(4),
                     "one_step": np.array([0.1, math.inf, -1e30, 1e-40], dtype=np.float32)},
        gradients={"step": np.array([5, 5]), "layer": np.array([0, 0]), "t": np.array([0, 1]),
                   "grad_norm": np.array([1e-40, np.nan], np.float32)},
    )  # fmt: skip
    config = {"task": {"name": "sines", "noise": 1e-9}, "optimizer": {"clip_norm": None}, "seed": 3}
    return Record("0123456789ab", "ba9876543210", config, FACTS, replace(result, **changes))


def bits(array):
    return [struct.pack("d", value) for value in np.asarray(array, dtype=np.float64).tolist()]


def assert_same_record(one, other):
    """other is what was read back: a float32 column as the float64 that is nearest to its text."""
    for name in ("run_id", "condition_id", "config", "task", "schema"):
        assert getattr(one, name) == getattr(other, name)
    for name in ("status", "steps_done", "diverged_at_step", "divergence_reason", "outcome", "error"):
        assert getattr(one.result, name) == getattr(other.result, name)
    assert one.result.metrics.keys() == other.result.metrics.keys()
    assert bits(list(one.result.metrics.values())) == bits(list(other.result.metrics.values()))
    for table in TABLES:
        ours, theirs = getattr(one.result, table), getattr(other.result, table)
        assert list(ours) == list(theirs)
        for name in ours:
            assert bits(ours[name]) == bits(theirs[name].astype(ours[name].dtype))


def test_a_record_reads_back_to_the_same_bits(tmp_path):
    record = make_record()
    records.write_record(tmp_path / "a" / "run", record, {"host": "here"})
    assert_same_record(record, records.read_record(tmp_path / "a" / "run"))


def test_a_failed_run_reads_back_with_its_traceback(tmp_path):
    record = make_record(
        status="failed", error="Traceback\n  boom", metrics={}, diverged_at_step=None, **{key: {} for key in TABLES}
    )
    records.write_record(tmp_path, record, {})
    assert_same_record(record, records.read_record(tmp_path))
    assert not records.read_record(tmp_path).result.diverged


def test_a_run_without_gradients_through_time_has_no_file_of_them(tmp_path):
    record = make_record(gradients={})
    records.write_record(tmp_path, record, {})
    assert not (tmp_path / GRADIENTS).exists()
    assert_same_record(record, records.read_record(tmp_path))


def test_the_same_record_is_written_as_the_same_bytes_whatever_its_provenance(tmp_path):
    for n in range(2):
        records.write_record(tmp_path / str(n), make_record(), {"wall_s": n})
    for name in (RUN, *TABLES.values()):
        assert (tmp_path / "0" / name).read_bytes() == (tmp_path / "1" / name).read_bytes()
    assert json.loads((tmp_path / "1" / PROVENANCE).read_text()) == {"wall_s": 1}


def test_json_is_strict_and_spells_nan_and_infinities_as_words(tmp_path):
    records.write_record(tmp_path, make_record(), {})

    def refuse(word):
        raise AssertionError(f"{word} is no JSON")

    run = json.loads((tmp_path / RUN).read_text(encoding="utf-8"), parse_constant=refuse)
    assert run["metrics"] == {"train_loss": 0.1 + 0.2, "eval_loss": "nan", "naive_loss": "inf", "least": "-inf"}
    assert run["schema"] == records.SCHEMA
    assert run["diverged"] is True
    assert run["config"]["optimizer"] == {"clip_norm": None}


def fail_at(monkeypatch, name):
    """Let the replacement of a file of that name fail, as a full disk would."""
    replace_path = Path.replace

    def failing(self, target):
        if str(target).endswith(name):
            raise OSError(28, "No space left on device", str(target))
        return replace_path(self, target)

    monkeypatch.setattr(Path, "replace", failing)


@pytest.mark.parametrize("name", [PROVENANCE, *TABLES.values(), SUMS, RUN])
@pytest.mark.parametrize("existing", [False, True], ids=["new", "over_an_older_record"])
def test_a_write_that_fails_half_way_leaves_no_record_and_no_temporary_files(tmp_path, monkeypatch, name, existing):
    if existing:
        records.write_record(tmp_path, make_record(steps_done=1), {})
    fail_at(monkeypatch, name)
    with pytest.raises(OSError, match="No space left"):
        records.write_record(tmp_path, make_record(), {})
    assert not (tmp_path / RUN).exists()
    assert {path.name for path in tmp_path.iterdir()} <= {SUMS, PROVENANCE, *TABLES.values()}
    with pytest.raises(RecordError, match=r"run\.json: no such file"):
        records.read_record(tmp_path)


def test_a_record_can_be_written_over_an_older_one(tmp_path):
    records.write_record(tmp_path, make_record(steps_done=1), {"wall_s": 1})
    newer = make_record(steps_done=2, curves={"step": np.array([0])})
    records.write_record(tmp_path, newer, {"wall_s": 2})
    assert_same_record(newer, records.read_record(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([RUN, SUMS, PROVENANCE, *TABLES.values()])


def test_a_table_that_the_newer_record_does_not_have_is_not_left_of_the_older_one(tmp_path):
    records.write_record(tmp_path, make_record(), {})
    newer = make_record(gradients={})
    records.write_record(tmp_path, newer, {})
    assert_same_record(newer, records.read_record(tmp_path))


def test_run_json_is_written_last(tmp_path, monkeypatch):
    seen = []
    replace_path = Path.replace
    monkeypatch.setattr(Path, "replace", lambda self, target: (seen.append(target.name), replace_path(self, target))[1])
    records.write_record(tmp_path, make_record(), {})
    assert seen[-1] == RUN
    assert set(seen) == {RUN, SUMS, PROVENANCE, *TABLES.values()}


def damaged(folder, name, content):
    records.write_record(folder, make_record(), {})
    (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"3", b"{}", b"\xff\xfe\x00", b'{"schema": 1}', b'{"schema": 1, "metrics": 3}'],
    ids=repr,
)
def test_a_damaged_run_json_is_named(tmp_path, content):
    with pytest.raises(RecordError, match=r"run\.json: "):
        records.read_record(damaged(tmp_path, RUN, content))


@pytest.mark.parametrize("key", ["metrics", "task", "config", "run_id", "steps_done"])
def test_a_run_json_with_a_value_of_another_kind_is_named(tmp_path, key):
    records.write_record(tmp_path, make_record(), {})
    run = json.loads((tmp_path / RUN).read_text(encoding="utf-8"))
    if key in ("metrics", "task"):
        (tmp_path / RUN).write_text(json.dumps(run | {key: {"train_loss": "much"}}))
    else:
        del run[key]
        (tmp_path / RUN).write_text(json.dumps(run))
    with pytest.raises(RecordError, match=r"run\.json: "):
        records.read_record(tmp_path)


@pytest.mark.parametrize("name", TABLES.values())
@pytest.mark.parametrize("content", [b"a,b\n1\n", b"a\n1,2\n", b"\xff\xfe\x00\x80"], ids=repr)
def test_a_damaged_table_is_named(tmp_path, name, content):
    with pytest.raises(RecordError, match=rf"{name}: "):
        records.read_record(damaged(tmp_path, name, content))


@pytest.mark.parametrize("name", [RUN, CURVES, PREDICTIONS])
def test_a_missing_file_is_named(tmp_path, name):
    records.write_record(tmp_path, make_record(), {})
    (tmp_path / name).unlink()
    with pytest.raises(RecordError, match=rf"{name}: "):
        records.read_record(tmp_path)


def test_a_record_of_another_schema_is_refused(tmp_path):
    records.write_record(tmp_path, replace(make_record(), schema=records.SCHEMA + 1), {})
    with pytest.raises(RecordError, match=rf"schema {records.SCHEMA + 1}; this version reads schema {records.SCHEMA}"):
        records.read_record(tmp_path)


def test_a_run_has_diverged_exactly_when_it_has_a_step_at_which_it_did():
    assert RunResult("completed", steps_done=3, diverged_at_step=0).diverged
    assert not RunResult("completed", steps_done=3).diverged


@pytest.mark.parametrize("name", TABLES.values())
def test_a_table_that_the_disk_has_lost_or_cut_off_is_named(tmp_path, name):
    records.write_record(tmp_path, make_record(), {})
    run = records.read_run(tmp_path)
    records.check_sizes(tmp_path, run)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[:-3])
    with pytest.raises(RecordError, match=rf"{name}: has {len(whole) - 3} bytes of {len(whole)}"):
        records.check_sizes(tmp_path, run)
    (tmp_path / name).unlink()
    with pytest.raises(RecordError, match=rf"{name}: no such file"):
        records.check_sizes(tmp_path, run)
