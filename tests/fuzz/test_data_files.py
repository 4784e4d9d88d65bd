"""Data files: tables, IDX files and photographs, made well and then damaged.

A file is refused in one line, or its numbers are finite and of the shapes that the task has promised."""

from __future__ import annotations

import gzip
import io

import numpy as np
from hypothesis import event, given
from hypothesis import strategies as st
from PIL import Image

CELLS = [
    "1",
    "-2.5",
    "1e3",
    "",
    " ",
    "nan",
    "inf",
    "1,5",
    "1.000,5",
    "x",
    "'",
    '"',
    "2020-01-01",
    "01/02/2020",
    "ü",
    "\0",
]
CELLS += ["1e400", "9" * 400, "9" * 5000, "0x10", "1_000", "\ufeff1", "NA", "true", "=1+1", "\r", "\x1a"]
SEPARATORS = [",", ";", "\t", "|", " "]
ODD = [
    b"",
    b"\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\x00\x00\x08\x03",
    b"\xff\xfe",
    b"\n\n",
    b'"',
    b"\x1f\x8b",
]


@st.composite
def tables(draw):
    """A table of some columns, most of whose cells are numbers."""
    separator, n = draw(st.sampled_from(SEPARATORS)), draw(st.integers(1, 3))
    cell = st.floats(-1e3, 1e3, width=32).map(str) if draw(st.booleans()) else st.sampled_from(CELLS)
    rows = draw(st.lists(st.lists(cell, min_size=n, max_size=n), min_size=1, max_size=40))
    head = [["a", "b", "c"][:n]] if draw(st.booleans()) else []
    return "\n".join(separator.join(row) for row in [*head, *rows]).encode("utf-8", "surrogatepass")


@st.composite
def damaged(draw, contents):
    """Some bytes of a content lost, doubled or replaced."""
    content = draw(contents)
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(content)))
        end = draw(st.integers(start, min(len(content), start + 8)))
        content = content[:start] + draw(st.sampled_from(ODD) | st.binary(max_size=6)) + content[end:]
    return content


def idx(array):
    """An array of bytes in the format of MNIST's files."""
    head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return head + array.astype(np.uint8).tobytes()


def picture(kind):
    out = io.BytesIO()
    Image.fromarray(np.arange(96, dtype=np.uint8).reshape(4, 8, 3)).save(out, kind)
    return out.getvalue()


IMAGES = idx(np.arange(20 * 6).reshape(20, 2, 3) % 251)
LABELS = idx(np.arange(20) % 4)
PICTURES = {kind: picture(kind) for kind in ("png", "jpeg", "gif", "bmp", "webp", "tiff")}
NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def assert_right(found):
    """What was accepted has data of the promised shapes, and is finite."""
    for run in found.runs[:1]:
        data = run.task.data(0)
        assert len(data.train) == run.task.n_train
        for split in (data.train, data.eval, data.test):
            assert split.inputs.shape[1] == run.task.seq_len
            assert np.isfinite(split.inputs).all()
            assert np.isfinite(split.targets).all()
    event(f"exit code {found.code}")


SWEEP = ("-m", "training.batch_size=null", "hydra.launcher.dry_run=true")


@given(damaged(tables()), st.sampled_from(["task.target=null", "task.target=a", "task.target=0", "task.columns=[a,b]"]))
def test_any_table_has_an_answer(answer, tmp_path_factory, content, option):
    path = tmp_path_factory.mktemp("table") / "table.csv"
    path.write_bytes(content)
    assert_right(answer(*SWEEP, "task=series", f"task.path='{path}'", "task.window=2", option))


@given(damaged(st.text(max_size=200).map(str.encode)), st.sampled_from(["characters", "words"]))
def test_any_text_has_an_answer(answer, tmp_path_factory, content, unit):
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_bytes(content)
    assert_right(answer(*SWEEP, "task=text", f"task.path='{path}'", "task.window=3", f"task.unit={unit}"))


@given(st.tuples(*(damaged(st.just(content)) for content in (IMAGES, LABELS, IMAGES, LABELS))), st.booleans())
def test_any_idx_files_have_an_answer(answer, tmp_path_factory, contents, compressed):
    folder = tmp_path_factory.mktemp("idx")
    for name, content in zip(NAMES, contents, strict=True):
        (folder / (f"{name}.gz" if compressed else name)).write_bytes(gzip.compress(content) if compressed else content)
    assert_right(
        answer(*SWEEP, "task=rows", f"task.data_dir='{folder}'", "task.n_train_images=5", "task.n_eval_images=5")
    )


@given(st.sampled_from([*PICTURES]), st.data())
def test_any_photographs_have_an_answer(answer, tmp_path_factory, kind, data):
    folder = tmp_path_factory.mktemp("photos")
    one = data.draw(damaged(st.just(PICTURES[kind])))
    for name in ("ape", "bee"):
        (folder / name).mkdir()
        for k in range(6):
            (folder / name / f"{k}.png").write_bytes(PICTURES["png"] + bytes([k, len(name), name == "ape"]))
    (folder / "ape" / f"0.{kind}").write_bytes(one)
    assert_right(answer(*SWEEP, "task=rows", f"task.data_dir='{folder}'", "task.size=4"))
