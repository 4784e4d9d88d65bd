"""Files of tasks: a run is known by what they hold, and a file that cannot be used is named."""

import hashlib
import os
from dataclasses import asdict, replace

import pytest

from rnnlab.config.parse import from_node
from rnnlab.config.run import content_hash
from rnnlab.options import ConfigError
from rnnlab.tasks import TASKS
from rnnlab.tasks.files import decoded

TEXT = "so it goes, and so it goes on and on. " * 40


@pytest.fixture
def text_at(tmp_path):
    """text_at("a.txt", content) -> the path of a file that holds it."""

    def write(name, content=TEXT):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(tmp_path / name)

    return write


def run_of(**options):
    task = {"name": "text", "window": 5} | options
    return from_node({"task": task, "cell": {"name": "rnn"}, "optimizer": {"name": "adam"}})


def test_the_digest_is_what_sha256sum_says(text_at):
    task = run_of(path=text_at("a.txt")).task
    assert task.sha256 == hashlib.sha256(TEXT.encode()).hexdigest()


def test_a_run_is_known_by_the_content_of_its_file_and_not_by_its_place(text_at):
    here, there = run_of(path=text_at("a.txt")), run_of(path=text_at("folder/b.txt"))
    other = run_of(path=text_at("c.txt", TEXT.replace("so", "as")))
    assert here.task.path != there.task.path
    assert (here.run_id, here.condition_id) == (there.run_id, there.condition_id)
    assert other.run_id != here.run_id
    assert run_of(path=here.task.path, window=6).run_id != here.run_id


def test_the_hash_of_a_record_is_that_of_its_run(text_at):
    run = run_of(path=text_at("a.txt"))
    assert run.as_dict()["task"]["path"] == run.task.path
    assert content_hash(run.as_dict()) == run.run_id


def test_three_files_are_told_from_one_and_from_each_other(text_at):
    a, b = text_at("a.txt"), text_at("b.txt", TEXT[::-1])
    runs = [run_of(path=a), run_of(path=a, valid_path=b, test_path=a), run_of(path=a, valid_path=a, test_path=b)]
    assert len({run.run_id for run in runs}) == 3


def test_a_file_that_changes_makes_another_run(text_at):
    path = text_at("a.txt")
    before = run_of(path=path)
    text_at("a.txt", TEXT.replace("goes", "went"))
    os.utime(path, ns=(1, 1))  # the same length: only the time of the change tells
    after = run_of(path=path)
    assert after.run_id != before.run_id


def test_a_file_that_changes_after_the_run_was_checked_fails_the_run(text_at):
    run = run_of(path=text_at("a.txt"), window=7)
    text_at("a.txt", TEXT.replace("goes", "went"))
    task = replace(run.task, window=8)  # not read yet
    with pytest.raises(ValueError, match=r"a\.txt.* has changed"):
        task.data(0)


def test_a_stated_digest_must_be_that_of_the_file(text_at):
    path = text_at("a.txt")
    right = hashlib.sha256(TEXT.encode()).hexdigest()
    assert run_of(path=path, sha256=right).run_id == run_of(path=path).run_id
    with pytest.raises(ConfigError, match=f"task.sha256: 'abc'; .*a.txt has {right}"):
        run_of(path=path, sha256="abc")


def test_a_digest_without_a_file_is_refused():
    with pytest.raises(ConfigError, match=r"task\.sha256: 'abc'; belongs to a file"):
        run_of(sha256="abc")


NOT_UTF8 = "is not UTF-8 text, see its byte 3; task.encoding names another encoding, such as cp1252, latin-1 or utf-16"


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("text", None, "cannot be read (no such file or directory)"),
        ("series", None, "cannot be read (no such file or directory)"),
        ("text", "folder", "cannot be read (is a directory)"),
        ("series", "folder", "cannot be read (is a directory)"),
        ("text", b"abc\xff\xfe", NOT_UTF8),
    ],
)
def test_a_file_that_cannot_be_read_is_named(name, content, complaint, tmp_path, look):
    path = tmp_path / "the file"
    if content == "folder":
        path.mkdir()
    elif content:
        path.write_bytes(content)
    assert look.refusal(replace(TASKS[name](), path=str(path))) == f"task.path: {str(path)!r}; {complaint}"


def test_a_byte_order_mark_and_other_ends_of_lines_are_no_part_of_the_text(text_at):
    plain = replace(TASKS["text"](), path=text_at("a.txt", "one\ntwo\n" * 50), window=5)
    other = replace(TASKS["text"](), path=text_at("b.txt", b"\xef\xbb\xbf" + b"one\r\ntwo\r" * 50), window=5)
    assert plain.vocabulary == other.vocabulary
    assert (plain.data(0).test.inputs == other.data(0).test.inputs).all()


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        (None, "größer € ".encode()),
        (None, "größer € ".encode("utf-8-sig")),
        (None, "größer € ".encode("utf-16")),
        (None, "größer € ".encode("utf-16-le")),
        (None, "größer € ".encode("utf-16-be")),
        (None, "größer € ".encode("utf-32")),
        ("utf-8", "größer € ".encode("utf-8-sig")),
        ("cp1252", "größer € ".encode("cp1252")),
        ("iso8859-15", "größer € ".encode("iso8859-15")),
    ],
)
def test_encodings_are_recognised_or_named(encoding, content):
    assert decoded("path", "a.txt", content, encoding) == "größer € "


@pytest.mark.parametrize(
    ("encoding", "complaint"),
    [
        ("utf8x", "task.encoding: unknown 'utf8x'; one that Python knows, such as utf-8, utf-16, cp1252"),
        ("rot13", "task.encoding: unknown 'rot13'"),
        ("ascii", "task.path: 'a.txt'; is not text in ascii, see its byte 2"),
    ],
)
def test_an_encoding_that_does_not_fit_is_refused(encoding, complaint):
    with pytest.raises(ConfigError) as caught:
        decoded("path", "a.txt", "größer".encode(), encoding)
    assert str(caught.value).startswith(complaint)


def test_options_that_say_where_files_lie_are_options_of_some_task():
    from rnnlab.tasks import PLACES

    options = {name for task in TASKS.values() for name in asdict(task())}
    assert set(PLACES) <= options


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["task=rows", "task.data_dir=nowhere"], "task.data_dir: 'nowhere'; has neither train-images-idx3-ubyte"),
        (
            ["task=text", "task.path=nowhere.txt"],
            "task.path: 'nowhere.txt'; cannot be read (no such file or directory)",
        ),
        (["task=text", "task.path=empty"], "task.path: 'empty'; the text is empty"),
        (["task=series", "task.path=gap.csv"], "task.path: 'gap.csv'; line 3, column b: nothing"),
        (["task=series", "task.columns=[c]"], "task.columns: 'c'; no such column in the airline series"),
    ],
    ids=str,
)
@pytest.mark.parametrize("sweep", [[], ["-m", "seed=1,2"]], ids=["run", "sweep"])
def test_files_that_cannot_be_used_end_the_command_before_anything_trains(
    arguments, sweep, complaint, rnnlab, capsys, tmp_path
):
    (tmp_path / "empty").touch()
    (tmp_path / "gap.csv").write_text("a,b\n1,2\n3,\n" * 9)
    assert rnnlab(*sweep, *arguments, "training.batch_size=null", "study=bad") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"rnnlab: {complaint}")
    assert not list(tmp_path.rglob("run.json"))


@pytest.mark.parametrize("sweep", [[], ["-m", "seed=1,2"]], ids=["run", "sweep"])
def test_what_is_to_be_known_of_a_file_is_said_once(sweep, rnnlab, capsys, tmp_path):
    (tmp_path / "gap.csv").write_text("a;b\n" + "".join(f"{n},5;{'' if n == 9 else n % 5}\n" for n in range(60)))
    options = ["task.path=gap.csv", "task.missing=drop", "training.batch_size=null", "training.steps=1"]
    assert rnnlab(*sweep, "task=series", *options, "study=own") == 0
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("rnnlab:")]
    assert said == [
        "rnnlab: gap.csv was read with task.separator=semicolon task.decimal=comma; "
        "task.missing=drop: 1 of 60 rows with gaps, 8 of 53 windows unused"
    ]


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("series", "path sha256 columns target window horizon scaling newest_first valid_fraction test_fraction"),
        ("text", "path valid_path test_path sha256 unit window vocabulary_size valid_fraction test_fraction n_tokens"),
        ("rows", "data_dir fetch sha256 n_train_images n_eval_images n_test_images"),
    ],
)
def test_options_that_came_later_are_no_part_of_a_run_that_does_not_use_them(name, keys):
    """So runs from before keep their identity."""
    parts = {"cell": {"name": "rnn"}, "optimizer": {"name": "adam"}, "training": {"batch_size": None}}
    run = from_node({"task": {"name": name}} | parts)
    assert run.as_dict()["task"].keys() == {"name", *keys.split()}
