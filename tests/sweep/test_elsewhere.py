"""Packs and results as text."""

import json
import math
import platform
import random
from pathlib import Path

import pytest

from rnnlab import plugins
from rnnlab.options import ConfigError
from rnnlab.sweep.elsewhere import pack_from_text, pack_to_text, result_from_text, result_to_text, work_elsewhere
from rnnlab.sweep.engine import Pack
from rnnlab.sweep.finished import finish
from rnnlab.sweep.worker import work_on
from rnnlab.training.loop import train

PLUGIN = "import rnnlab\n\n@rnnlab.activation('mine')\ndef mine(a):\n    return a.sin()\n"


@pytest.fixture(autouse=True)
def _plugins_end_with_a_test():
    yield
    plugins.use([], Path())


@pytest.fixture
def pack(run_config):
    return Pack([run_config(seed=seed, training__save_weights=False) for seed in range(3)], "cpu")


@pytest.fixture
def text_with_plugin(tmp_path, run_config):
    """The text of a pack whose run needs a plugin, on a machine where that is not loaded."""
    (tmp_path / "my.py").write_text(PLUGIN)
    plugins.use(["my.py"], tmp_path)
    text = pack_to_text(Pack([run_config(cell__activation="mine")], "cpu"))
    plugins.use([], tmp_path)
    return text


def changed(text, change):
    data = json.loads(text)
    change(data)
    return json.dumps(data)


@pytest.mark.parametrize(
    ("task", "cell", "optimizer"),
    [("sines", "rnn", "adam"), ("text", "gru", "sgd"), ("digits", "lstm", "rmsprop"), ("adding", "rnn", "adamw")],
)
def test_a_pack_is_the_same_when_it_arrives(task, cell, optimizer, run_config, tmp_path):
    if task == "text":
        (tmp_path / "some.txt").write_text("a text of some words that are said again and again. " * 30)
    given = {"task__path": str(tmp_path / "some.txt")} if task == "text" else {}
    runs = [
        run_config(task, cell, optimizer, seed, cell__activation="leaky_relu", cell__negative_slope=0.1 + 0.2, **given)
        for seed in (0, 2**31)
    ]
    sent = Pack(runs, "cpu", "torch", tmp_path, 0.1 + 0.2)
    assert pack_from_text(pack_to_text(sent), []) == sent
    assert pack_from_text(pack_to_text(Pack(runs, "cpu")), []).checkpoint_s == math.inf


@pytest.mark.parametrize("weights", [True, False])
def test_a_result_is_the_same_when_it_is_back(weights, run_config):
    """Whether weights are kept is no part of a run's identity, and travels with it."""
    pack = Pack([run_config(seed=seed, training__save_weights=weights) for seed in range(3)], "cpu")
    answer = work_elsewhere(pack_to_text(pack), [])
    runs, provenance = result_from_text(answer, pack)
    assert runs == [finish(run, result) for run, result in zip(pack.runs, train(pack.runs), strict=True)]
    assert ["weights.safetensors" in run.files for run in runs] == [weights] * 3
    assert provenance["host"] == platform.node() and provenance["pack_width"] == 3


def test_of_a_result_only_the_runs_that_are_asked_for_are_taken(pack):
    answer = result_to_text(*work_on(pack))
    (last,), _ = result_from_text(answer, Pack(pack.runs[2:], "cpu"))
    assert last.run_id == pack.runs[2].run_id


def test_a_config_is_checked_as_one_from_the_command_line_is(pack):
    def change(data):
        data["runs"][1]["config"]["training"]["steps"] = -1

    with pytest.raises(ConfigError, match=r"training\.steps: -1; must be a finite number at least 0"):
        pack_from_text(changed(pack_to_text(pack), change), [])


def test_a_config_that_is_another_run_here_is_refused_with_both_versions(pack):
    def change(data):
        data["runs"][1]["config"]["seed"] = 7
        data["rnnlab"] = "0.0.1"

    complaint = f"run {pack.runs[1].run_id} would be run .* here, and 0.0.1 where the command was started"
    with pytest.raises(ConfigError, match=complaint):
        pack_from_text(changed(pack_to_text(pack), change), [])


def files_loaded():
    """The files that are plugins now.  A module of the tests that has registered something stays one, too."""
    return [plugin.name for plugin in plugins.loaded() if plugin.text is not None]


def test_a_plugin_comes_as_text_and_is_imported_when_the_command_named_it(text_with_plugin):
    digests = [plugin["sha256"] for plugin in json.loads(text_with_plugin)["plugins"]]
    (run,) = pack_from_text(text_with_plugin, digests).runs
    assert run.cell.activation.name == "mine"
    assert files_loaded() == ["my.py"]


def test_a_plugin_that_the_command_has_not_named_is_never_executed(text_with_plugin):
    with pytest.raises(ConfigError, match=r"plugins: 'my\.py'; the command has named no such plugin"):
        pack_from_text(text_with_plugin, [])
    assert not files_loaded()


def test_a_plugin_with_another_text_than_its_digest_says_is_never_executed(text_with_plugin, tmp_path):
    def change(data):
        data["plugins"][0]["text"] += f"\nopen({str(tmp_path / 'executed')!r}, 'w')\n"

    digests = [plugin["sha256"] for plugin in json.loads(text_with_plugin)["plugins"]]
    with pytest.raises(ConfigError, match=r"plugins: 'my\.py'; its text has changed on its way here"):
        pack_from_text(changed(text_with_plugin, change), digests)
    assert not (tmp_path / "executed").exists()


def test_a_plugin_with_a_byte_order_mark_and_windows_lines_arrives(tmp_path, run_config):
    (tmp_path / "my.py").write_bytes(b"\xef\xbb\xbf" + PLUGIN.replace("\n", "\r\n").encode())
    plugins.use(["my.py"], tmp_path)
    digests = [plugin.sha256 for plugin in plugins.loaded()]
    text = pack_to_text(Pack([run_config(cell__activation="mine")], "cpu"))
    plugins.use([], tmp_path)
    assert pack_from_text(text, digests).runs[0].cell.activation.name == "mine"


def test_a_machine_without_the_data_is_named_with_the_file(run_config, tmp_path):
    text = tmp_path / "some.txt"
    text.write_text("a text that is here while the sweep is checked, and not where it is computed. " * 20)
    sent = pack_to_text(Pack([run_config(task="text", task__path=str(text))], "cpu"))
    text.unlink()
    with pytest.raises(ConfigError, match=rf"{platform.node()}: task\.path: .*cannot be read.*on every node"):
        work_elsewhere(sent, [])


@pytest.mark.parametrize("name", ["../run.json", "/tmp/run.json", "a/b", "..", "", "c:\\run.json", "a\\b"])
def test_a_result_writes_into_no_other_folder(name, pack):
    def change(data):
        data["runs"][0]["files"][name] = "x"

    with pytest.raises(ValueError, match="is no name of a file of a record"):
        result_from_text(changed(result_to_text(*work_on(pack)), change), pack)


def test_what_is_cut_off_or_has_other_bytes_is_refused_or_understood_and_raises_nothing_else(pack):
    """The damage comes from a generator with a fixed seed, one byte at a time."""
    sent, answer = pack_to_text(pack), result_to_text(*work_on(pack))
    assert sent.isascii() and answer.isascii()
    generator = random.Random(0)
    refused = 0
    for text, read, error in (
        (sent, lambda text: pack_from_text(text, []), ConfigError),
        (answer, lambda text: result_from_text(text, pack), ValueError),
    ):
        for _ in range(150):
            place = generator.randrange(len(text))
            other = text[:place] + chr(generator.randrange(32, 127)) * generator.randrange(2) + text[place + 1 :]
            for damaged in (other, text[:place]):
                try:
                    read(damaged)
                except error:
                    refused += 1
    assert refused >= 300, "at least all that were cut off"


def test_what_is_no_pack_at_all_is_refused(pack):
    for text in ("", "[]", "{}", "null", '{"format": 1}', '{"format": 2}', "[" * 100_000):
        with pytest.raises(ConfigError, match="a damaged pack"):
            pack_from_text(text, [])
        with pytest.raises(ValueError, match="Error: "):
            result_from_text(text, pack)
