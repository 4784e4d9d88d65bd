"""weights.safetensors: read back to the same bits, equal bytes for equal content, damage named in one line."""

import hashlib
import json
import re
from dataclasses import replace

import numpy as np
import pytest
import safetensors.torch

from rnnlab.records import run as records
from rnnlab.records.files import RecordError
from rnnlab.records.run import Record, RunResult, TaskFacts
from rnnlab.records.weights import WEIGHTS, Weights, read_weights, to_bytes

TENSORS = {
    "weight_ih_l0": np.arange(6, dtype=np.float32).reshape(3, 2),
    "bias_ih_l0": np.array([np.nan, -np.inf, 1e-40], np.float32),
    "readout.weight": np.zeros((1, 3), np.float32),
}
PREPROCESSING = {"kind": "vocabulary", "tokens": ["a", "ü", "\n"], "unit": "words"}
RECORD = Record(
    "0123456789ab",
    "ba9876543210",
    {"seed": 0},
    TaskFacts("sines", "mse", "series", "mse", False),
    RunResult("completed", 3, weights=Weights(TENSORS, PREPROCESSING)),
)


def assert_same(one, other):
    assert one.preprocessing == other.preprocessing
    assert one.tensors.keys() == other.tensors.keys()
    for name, tensor in one.tensors.items():
        assert (tensor.dtype, tensor.shape) == (other.tensors[name].dtype, other.tensors[name].shape)
        assert tensor.tobytes() == other.tensors[name].tobytes()


def test_weights_read_back_to_the_same_bits_also_by_safetensors_itself(tmp_path):
    (tmp_path / WEIGHTS).write_bytes(to_bytes(Weights(TENSORS, PREPROCESSING)))
    assert_same(read_weights(tmp_path / WEIGHTS), Weights(TENSORS, PREPROCESSING))
    by_torch = safetensors.torch.load_file(tmp_path / WEIGHTS)
    assert_same(Weights({name: tensor.numpy() for name, tensor in by_torch.items()}), Weights(TENSORS))


def test_equal_weights_are_equal_bytes_whatever_the_order_and_the_memory():
    columns = np.asfortranarray(TENSORS["weight_ih_l0"])
    other = Weights(dict(reversed(TENSORS.items())) | {"weight_ih_l0": columns}, dict(reversed(PREPROCESSING.items())))
    assert to_bytes(other) == to_bytes(Weights(TENSORS, PREPROCESSING))
    digest = hashlib.sha256(to_bytes(Weights(TENSORS, PREPROCESSING))).hexdigest()
    assert digest == "5fb7edc12debeeccb6bfc784a83d3aeffa263c7e65fad76e4c761468bddf8fa4", (
        "the bytes of a record follow from its config"
    )


def test_the_file_is_a_header_and_numbers_and_no_pickle(tmp_path):
    content = to_bytes(Weights(TENSORS, PREPROCESSING))
    n = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + n])
    assert header.pop("__metadata__").keys() == {"preprocessing"}
    assert header.keys() == TENSORS.keys()
    assert len(content) == 8 + n + sum(tensor.nbytes for tensor in TENSORS.values())


def test_a_record_keeps_its_weights_and_its_run_json_does_not_depend_on_them(tmp_path):
    without = replace(RECORD, result=replace(RECORD.result, weights=None))
    records.write_record(tmp_path / "with", RECORD, {})
    records.write_record(tmp_path / "without", without, {})
    assert_same(records.read_record(tmp_path / "with").result.weights, RECORD.result.weights)
    assert records.read_record(tmp_path / "without").result.weights is None
    assert (tmp_path / "with" / "run.json").read_bytes() == (tmp_path / "without" / "run.json").read_bytes()


def test_the_weights_of_an_older_record_are_not_left_beside_a_newer_one(tmp_path):
    records.write_record(tmp_path, RECORD, {})
    records.write_record(tmp_path, replace(RECORD, result=replace(RECORD.result, weights=None)), {})
    assert not (tmp_path / WEIGHTS).exists()
    records.write_record(tmp_path, RECORD, {})
    assert_same(read_weights(tmp_path / WEIGHTS), RECORD.result.weights)


@pytest.mark.parametrize(
    "damage", [lambda c: c[:-3], lambda c: c + b"0", lambda c: b"", lambda c: c[:20], lambda c: b"{" * 99]
)
def test_a_damaged_file_is_named_in_one_line(tmp_path, damage):
    records.write_record(tmp_path, RECORD, {})
    run = records.read_run(tmp_path)
    records.check_sizes(tmp_path, run)
    (tmp_path / WEIGHTS).write_bytes(damage(to_bytes(RECORD.result.weights)))
    for read in (lambda: read_weights(tmp_path / WEIGHTS), lambda: records.check_sizes(tmp_path, run)):
        with pytest.raises(RecordError, match=rf"^{re.escape(str(tmp_path / WEIGHTS))}: cannot be read \(.*\)$"):
            read()


def test_weights_that_are_not_there_are_named_where_they_are_asked_for_and_no_damage(tmp_path):
    records.write_record(tmp_path, RECORD, {})
    (tmp_path / WEIGHTS).unlink()
    records.check_sizes(tmp_path, records.read_run(tmp_path))
    with pytest.raises(RecordError, match=r"weights\.safetensors: no such file"):
        read_weights(tmp_path / WEIGHTS)
