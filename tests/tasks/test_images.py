"""Images in rows, flat and by pixels, embedded or from files of IDX: what is read, and what is refused by name."""

import gzip
import hashlib
import struct
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from rnnlab.config.parse import from_node
from rnnlab.options import ConfigError
from rnnlab.tasks import TASKS

NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
REST = {"cell": {"name": "rnn"}, "optimizer": {"name": "adam"}, "training": {"batch_size": None}}  # of a run's config
every_view = pytest.mark.parametrize("name", ["rows", "images", "pixels"])


def idx(array):
    """The bytes of an IDX file, put together by hand."""
    return bytes([0, 0, 8, array.ndim]) + b"".join(struct.pack(">i", n) for n in array.shape) + array.tobytes()


@pytest.fixture
def drawn():
    """Sixty images of 4 x 3 to learn from, ten to test on."""
    generator = np.random.default_rng(0)
    images = [generator.integers(256, size=(n, 4, 3)).astype(np.uint8) for n in (60, 10)]
    labels = [(np.arange(n) % 5).astype(np.uint8) for n in (60, 10)]
    return [images[0], labels[0], images[1], labels[1]]


@pytest.fixture
def stored(tmp_path):
    """stored(arrays, "folder") -> its path.  compressed: as .gz; instead: name -> bytes, or None for no file."""

    def write(arrays, folder="mnist", compressed=False, **instead):
        (tmp_path / folder).mkdir(exist_ok=True)
        for name, array in zip(NAMES, arrays, strict=True):
            content = instead.get(name[:8].replace("-", "_"), idx(array))
            if content is not None:
                file = tmp_path / folder / (name + ".gz" * compressed)
                file.write_bytes(gzip.compress(content) if compressed and content[:1] != b"!" else content)
        return str(tmp_path / folder)

    return write


# The embedded digits


def test_rows_without_a_folder_are_the_digits(look):
    assert look.same(TASKS["rows"]().data(0), TASKS["digits"]().data(0))
    rows, digits = (TASKS[name]() for name in ("rows", "digits"))
    assert rows.baselines(rows.data(0)) == digits.baselines(digits.data(0))


@pytest.mark.parametrize(("name", "shape"), [("rows", (8, 8)), ("images", (1, 64)), ("pixels", (64, 1))])
def test_a_view_reads_the_pixels_of_an_image_in_their_order(name, shape, look):
    task, digits = TASKS[name](), TASKS["digits"]().data(0)
    assert (task.seq_len, task.input_size) == shape
    for ours, theirs in zip(look.splits(task.data(0)).values(), look.splits(digits).values(), strict=True):
        np.testing.assert_array_equal(ours.inputs.reshape(-1, 64), theirs.inputs.reshape(-1, 64))
        np.testing.assert_array_equal(ours.targets, theirs.targets)


def test_permuted_pixels_are_those_of_every_image_in_one_other_order(look):
    plain, permuted = TASKS["pixels"]().data(0), replace(TASKS["pixels"](), permuted=True).data(0)
    # pixel values may repeat within an image, columns of 1197 images do not, but for those that are never inked
    columns = {column.tobytes() for column in plain.train.inputs[:, :, 0].T}
    assert {column.tobytes() for column in permuted.train.inputs[:, :, 0].T} == columns
    for ours, theirs in zip(look.splits(permuted).values(), look.splits(plain).values(), strict=True):
        assert not np.array_equal(ours.inputs, theirs.inputs)
        np.testing.assert_array_equal(np.sort(ours.inputs, axis=1), np.sort(theirs.inputs, axis=1))
    order = np.random.default_rng(0).permutation(64)
    np.testing.assert_array_equal(permuted.test.inputs, plain.test.inputs[:, order])


# Files


@every_view
@pytest.mark.parametrize("compressed", [False, True])
def test_files_are_read_and_scaled_by_255_in_training_and_test_alike(name, compressed, drawn, stored, look):
    task = replace(TASKS[name](), data_dir=stored(drawn, compressed=compressed)).fingerprinted()
    task.check()
    data = task.data(0)
    assert (task.seq_len, task.input_size) == {"rows": (4, 3), "images": (1, 12), "pixels": (12, 1)}[name]
    assert task.output_size == 5
    assert task.n_train == 50
    parts = {"train": drawn[0][:50], "eval": drawn[0][50:], "test": drawn[2]}
    labels = {"train": drawn[1][:50], "eval": drawn[1][50:], "test": drawn[3]}
    for split, part in look.splits(data).items():
        assert part.inputs.dtype == np.float32
        expected = parts[split].astype(np.float64).reshape(len(part), -1) / 255
        np.testing.assert_allclose(part.inputs.reshape(len(part), -1), expected, rtol=1e-6)
        np.testing.assert_array_equal(part.targets, labels[split])


def test_sizes_can_be_cut(drawn, stored, look):
    task = replace(TASKS["rows"](), data_dir=stored(drawn), n_train_images=7, n_eval_images=20, n_test_images=3)
    task.check()
    data = task.data(0)
    assert task.n_train == 7
    assert [len(part) for part in look.splits(data).values()] == [7, 20, 3]
    np.testing.assert_array_equal(data.eval.targets, drawn[1][40:])
    np.testing.assert_array_equal(data.train.targets, drawn[1][:7])


def test_validation_is_the_test_set_where_nothing_is_held_out(drawn, stored):
    task = replace(TASKS["rows"](), data_dir=stored(drawn), n_eval_images=0)
    data = task.data(0)
    assert task.n_train == len(data.train) == 60
    assert data.eval is data.test


def test_a_run_is_known_by_its_images_compressed_or_not_here_or_there(drawn, stored):
    def run_id(data_dir):
        task = {"name": "rows", "data_dir": data_dir}
        return from_node({"task": task} | REST).run_id

    changed = [array.copy() for array in drawn]
    changed[3][4] = 0
    ids = [run_id(stored(drawn)), run_id(stored(drawn, "other", compressed=True)), run_id(stored(changed, "third"))]
    assert ids[0] == ids[1] != ids[2]


def test_images_that_change_after_the_run_was_checked_fail_the_run(drawn, stored):
    task = replace(TASKS["rows"](), data_dir=stored(drawn)).fingerprinted()
    stored([drawn[0][::-1].copy(), *drawn[1:]])
    with pytest.raises(ValueError, match="has changed"):
        task.data(0)


def magic(array, number):
    return struct.pack(">i", number) + idx(array)[4:]


@pytest.mark.parametrize(
    ("file", "spoil", "complaint"),
    [
        ("train_im", lambda a: None, "; has neither train-images-idx3-ubyte nor train-images-idx3-ubyte.gz"),
        ("t10k_lab", lambda a: None, "; has neither t10k-labels-idx1-ubyte nor t10k-labels-idx1-ubyte.gz"),
        ("train_im", lambda a: b"", "/train-images-idx3-ubyte is cut off: 0 bytes, where the header alone has 16"),
        ("train_im", lambda a: idx(a)[:15], "ubyte is cut off: 15 bytes, where the header alone has 16"),
        ("t10k_ima", lambda a: idx(a)[:-1], "cut off or too long: 119 bytes follow the header, 10 x 4 x 3 need 120"),
        ("t10k_ima", lambda a: idx(a) + b"x", "cut off or too long: 121 bytes follow the header, 10 x 4 x 3 need 120"),
        (
            "train_im",
            lambda a: magic(a, 2049),
            "/train-images-idx3-ubyte begins with the magic number 2049; must be 2051",
        ),
        (
            "train_la",
            lambda a: magic(a, 2051),
            "/train-labels-idx1-ubyte begins with the magic number 2051; must be 2049",
        ),
        ("train_la", lambda a: idx(a[:-1]), "/train-labels-idx1-ubyte has 59 labels for 60 images"),
        ("t10k_lab", lambda a: idx(a[:9]), "/t10k-labels-idx1-ubyte has 9 labels for 10 images"),
        ("t10k_ima", lambda a: idx(a.transpose(0, 2, 1).copy()), "has images of (3, 4), the training set of (4, 3)"),
    ],
    ids=lambda value: None if callable(value) else str(value),
)
def test_files_that_cannot_be_used_are_named_with_the_reason(file, spoil, complaint, drawn, stored, look):
    array = next(a for a, name in zip(drawn, NAMES, strict=True) if name.startswith(file.replace("_", "-")))
    task = replace(TASKS["rows"](), data_dir=stored(drawn, **{file: spoil(array)}))
    refusal = look.refusal(task)
    assert refusal.startswith("task.data_dir: ")
    assert refusal.endswith(complaint)


def test_a_cut_off_or_false_gzip_file_is_refused(drawn, stored, look):
    folder = stored(drawn, compressed=True, t10k_lab=b"!not gzip")
    assert "t10k-labels-idx1-ubyte.gz is not a whole gzip file" in look.refusal(
        replace(TASKS["rows"](), data_dir=folder)
    )
    folder = stored(drawn, "cut", compressed=True)
    path = f"{folder}/{NAMES[0]}.gz"
    with open(path, "rb") as file:
        content = file.read()
    with open(path, "wb") as file:
        file.write(content[:-20])
    assert f"{path} is not a whole gzip file" in look.refusal(replace(TASKS["rows"](), data_dir=folder))


def test_files_without_images_are_refused(drawn, stored, look):
    folder = stored([drawn[0][:0], drawn[1][:0], *drawn[2:]])
    assert look.refusal(replace(TASKS["rows"](), data_dir=folder)).endswith("train-labels-idx1-ubyte has no labels")


def test_a_folder_that_is_not_there_is_refused(look):
    refusal = look.refusal(replace(TASKS["images"](), data_dir="nowhere"))
    assert refusal.startswith("task.data_dir: 'nowhere'; has neither train-images-idx3-ubyte")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"n_train_images": 51}, "task.n_train_images: 51; of 60 training images 10 are held out"),
        ({"n_eval_images": 60}, "task.n_train_images: None; of 60 training images 60 are held out"),
        ({"n_test_images": 11}, "task.n_test_images: 11; must be at most 10"),
    ],
    ids=lambda value: None if callable(value) else str(value),
)
def test_more_images_than_there_are_are_refused(options, complaint, drawn, stored, look):
    assert look.refusal(replace(TASKS["rows"](), data_dir=stored(drawn), **options)).startswith(complaint)


# OpenML


@pytest.fixture
def openml(drawn, monkeypatch):
    """scikit-learn's loader, which hands out images in its own types; .calls says how often it was asked."""
    asked = SimpleNamespace(calls=[], error=None)

    def fetch_openml(name, **options):
        asked.calls.append((name, options["version"]))
        if asked.error:
            raise asked.error
        images = np.zeros((60_002, 784))
        images[:60_000:1000, 5] = 255
        return images, np.array([str(n % 10) for n in range(60_002)], dtype=object)

    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch_openml)
    return asked


def test_mnist_is_fetched_once_and_kept_as_files(openml, tmp_path):
    task = replace(TASKS["images"](), data_dir=str(tmp_path / "new"), fetch=True, n_train_images=9).fingerprinted()
    task.check()
    assert openml.calls == [("mnist_784", 1)]
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == sorted(NAMES)
    data = task.data(0)
    assert (len(data.train), len(data.eval), len(data.test)) == (9, 10_000, 2)
    assert data.train.inputs.shape == (9, 1, 784)
    np.testing.assert_array_equal(data.test.targets, [0, 1])
    replace(task, sha256=None).fingerprinted()
    assert len(openml.calls) == 1


def test_where_files_come_from_is_no_part_of_a_runs_identity(drawn, stored, openml):
    def run_id(**options):
        task = {"name": "rows", "data_dir": stored(drawn)} | options
        return from_node({"task": task} | REST).run_id

    assert run_id(fetch=True) == run_id()
    assert not openml.calls


def test_without_a_network_fetching_is_refused_in_one_line(openml, tmp_path, look):
    openml.error = OSError("no route to host")
    refusal = look.refusal(replace(TASKS["rows"](), data_dir=str(tmp_path), fetch=True))
    assert refusal == "task.fetch: true; MNIST cannot be fetched from OpenML (no route to host)"


def test_fetching_needs_a_place_to_keep(look):
    assert look.refusal(replace(TASKS["rows"](), fetch=True)).startswith("task.fetch: true; task.data_dir must say")


def test_a_stated_digest_is_that_of_the_four_arrays(drawn, stored):
    digest = hashlib.sha256()
    for array in drawn:
        digest.update(f"{array.shape}".encode() + array.tobytes())
    folder = stored(drawn)
    replace(TASKS["rows"](), data_dir=folder, sha256=digest.hexdigest()).fingerprinted()
    with pytest.raises(ConfigError, match=digest.hexdigest()):
        replace(TASKS["rows"](), data_dir=folder, sha256="0").fingerprinted()
