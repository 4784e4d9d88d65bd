"""The command: what one run and one sweep leave behind, and how bad input is answered."""

import json
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from rnnlab import __version__, app, places
from rnnlab.__main__ import main
from rnnlab.nets.activations import ACTIVATIONS
from rnnlab.records import run as records
from rnnlab.records.digests import SUMS
from rnnlab.records.run import CURVES, GRADIENTS, PREDICTIONS, PROVENANCE, RUN
from rnnlab.records.weights import WEIGHTS
from rnnlab.sweep import worker
from rnnlab.tasks import TASKS

SMALL = [
    "task.n_points=60",
    "task.forecast_steps=7",
    "cell.hidden_size=5",
    "training.steps=6",
    "training.eval_every=3",
    "training.batch_size=16",
]
SWEEP = ["-m", *SMALL, "cell.activation=tanh,relu", "seed=1,2"]
BYTES = (RUN, CURVES, PREDICTIONS, WEIGHTS, SUMS)  # what follows from the config alone

HELP_AND_MODULES = """
import sys
sys.argv = ["rnnlab", "--help"]
from rnnlab.__main__ import main
main()
print("slow:", *({"torch", "hydra", "omegaconf", "numpy"} & set(sys.modules)))
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The commands that cost a process each, run side by side from a folder elsewhere: name -> what came of it."""
    folder = tmp_path_factory.mktemp("elsewhere")
    module = [sys.executable, "-m", "rnnlab"]
    commands = {
        "single": [*module, *SMALL, "cell.activation=relu", "seed=2", "study=single"],
        "packed": [*module, *SWEEP, "study=packed"],
        "basic": [*module, *SWEEP, "study=basic", "hydra/launcher=basic"],
        "help": [sys.executable, "-c", HELP_AND_MODULES],
        "bad": [*module, "cell.activation=rleu", "study=bad"],
    }
    started = {
        name: subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for name, command in commands.items()
    }
    ended = {}
    for name, process in started.items():
        out, err = process.communicate(timeout=300)
        ended[name] = subprocess.CompletedProcess(commands[name], process.returncode, out, err)
    return ended, folder / "outputs"


def runs_in(folder):
    return sorted(path.parent for path in folder.glob(f"*/{RUN}"))


# One run


def test_a_run_leaves_its_files_and_hydras(ran):
    ended, outputs = ran
    assert ended["single"].returncode == 0, ended["single"].stderr
    (folder,) = runs_in(outputs / "single")
    assert {path.name for path in folder.iterdir()} == {*BYTES, GRADIENTS, PROVENANCE, ".hydra"}
    assert {path.name for path in (folder / ".hydra").iterdir()} == {"config.yaml", "hydra.yaml", "overrides.yaml"}
    record = records.read_record(folder)
    assert folder.name == f"sines-rnn-relu-s2-{record.run_id}"
    assert record.config["cell"]["activation"] == "relu"
    assert record.config["training"].items() >= {"steps": 6, "batch_size": 16, "eval_every": 3}.items()
    assert record.result.steps_done == 6
    assert record.result.curves["step"].tolist() == [0, 3, 6]
    assert len(record.result.predictions["truth"]) == 9  # the last 15 % of 60 points
    assert json.loads((folder / PROVENANCE).read_text())["command"].endswith("study=single")


def test_a_run_says_in_two_lines_how_it_ended_and_where_it_is(ran):
    ended, _ = ran
    summary, place = ended["single"].stdout.splitlines()
    assert summary.startswith("sines, rnn relu, seed 2: ")
    assert (Path(place) / RUN).is_file()
    assert ended["single"].stderr == ""


def test_run_json_states_everything_that_readers_rely_on(ran):
    _, outputs = ran
    run = json.loads((runs_in(outputs / "single")[0] / RUN).read_text())
    identity = {"schema", "run_id", "condition_id", "config", "task"}
    ending = {"status", "diverged", "diverged_at_step", "divergence_reason", "outcome", "steps_done", "metrics"}
    assert identity | ending <= run.keys()
    assert {"train_loss", "eval_loss", "naive_loss", "persistence_loss", "mse_closed_loop"} <= run["metrics"].keys()
    sections = {"task", "cell", "readout", "init", "optimizer", "training", "divergence"}
    assert run["config"].keys() == sections | {"seed", "code"}


def test_an_option_that_is_set_and_does_not_act_is_said_in_one_line(rnnlab, capsys, tmp_path):
    assert rnnlab(*SMALL, "cell.negative_slope=0.5", "cell.dropout=0.1") == 0
    assert capsys.readouterr().err == (
        "rnnlab: cell.negative_slope does not act with cell.activation=tanh; "
        "cell.dropout does not act with cell.num_layers=1\n"
    )
    (folder,) = runs_in(tmp_path / "outputs" / "scratch")
    assert not {"negative_slope", "alpha", "dropout"} & records.read_run(folder)["config"]["cell"].keys()


# A sweep


def test_a_sweep_leaves_a_record_per_run_its_description_and_a_report(ran):
    ended, outputs = ran
    assert ended["packed"].returncode == 0, ended["packed"].stderr
    folders = runs_in(outputs / "packed")
    assert len(folders) == 4
    study = json.loads((outputs / "packed" / "study.json").read_text())
    assert sorted(study["expected"]) == [folder.name for folder in folders]
    assert study["study"] == "packed"
    page = outputs / "packed" / "report" / "index.html"
    assert page.is_file()
    assert ended["packed"].stdout.splitlines()[-1] == f"report: {page.relative_to(outputs.parent)}"
    for folder in folders:
        assert (folder / ".hydra" / "config.yaml").is_file()
        assert records.read_run(folder)["config"]["cell"]["activation"] in page.read_text()


def test_records_are_the_same_bytes_from_every_launcher(ran):
    ended, outputs = ran
    assert ended["basic"].returncode == 0, ended["basic"].stderr
    folders = runs_in(outputs / "packed")
    assert [folder.name for folder in runs_in(outputs / "basic")] == [folder.name for folder in folders]
    for folder in folders:
        for name in BYTES:
            assert (folder / name).read_bytes() == (outputs / "basic" / folder.name / name).read_bytes()


def test_the_record_of_a_run_is_the_same_bytes_alone_and_in_a_sweep(ran):
    _, outputs = ran
    (alone,) = runs_in(outputs / "single")
    for name in BYTES:
        assert (alone / name).read_bytes() == (outputs / "packed" / alone.name / name).read_bytes()


def test_hydras_own_files_are_the_same_from_every_launcher_but_for_the_launcher(ran):
    _, outputs = ran
    for folder in runs_in(outputs / "packed"):
        for name in ("config.yaml", "overrides.yaml"):
            packed = (folder / ".hydra" / name).read_text().replace("study: packed", "").replace("study=packed", "")
            basic = (outputs / "basic" / folder.name / ".hydra" / name).read_text()
            assert packed == basic.replace("study: basic", "").replace("study=basic", "")


# Help


def test_help_lists_every_group_without_importing_anything_slow(ran):
    ended, _ = ran
    assert ended["help"].returncode == 0, ended["help"].stderr
    *text, slow = ended["help"].stdout.splitlines()
    assert slow == "slow:"
    for group in places.groups():
        (line,) = [line for line in text if line.startswith(f"  {group} ")]
        assert line.split(maxsplit=1)[1] == ", ".join(places.options(group))
    assert sum(line.startswith("  rnnlab ") for line in text) >= 3, "three examples"


def test_the_version_is_rnnlabs_own(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["rnnlab", "--version"])
    main()
    assert capsys.readouterr().out == f"rnnlab {__version__}\n"


def test_both_commands_are_installed():
    found = {script.name: script.value for script in entry_points(group="console_scripts")}
    assert found["rnnlab"] == "rnnlab.__main__:main"
    assert found["rnnlab-report"] == "rnnlab.report.command:main"


# Bad input


def assert_refused(code, capsys, folder, *parts):
    """Exit code 2, one line that names all parts, and nothing trained."""
    captured = capsys.readouterr()
    assert code == 2, captured.err
    assert captured.err.startswith("rnnlab: ")
    assert captured.err.count("\n") == 1, captured.err
    assert len(captured.err) <= len("rnnlab: ") + 600 + 1
    for part in parts:
        assert part in captured.err
    assert not list(folder.rglob(RUN))
    assert not list(folder.rglob(CURVES))


def test_bad_input_in_a_process_of_its_own_is_one_line_and_exit_code_2(ran):
    ended, outputs = ran
    assert ended["bad"].returncode == 2
    assert ended["bad"].stdout == ""
    assert ended["bad"].stderr.startswith("rnnlab: cell.activation: unknown 'rleu'; one of tanh, sigmoid, relu, ")
    assert ended["bad"].stderr.count("\n") == 1
    assert not (outputs / "bad").exists()


@pytest.mark.parametrize(
    ("argument", "parts"),
    [
        ("cell.activation=rleu", ["cell.activation", "'rleu'", *ACTIVATIONS, "did you mean 'relu'?"]),
        ("cell.activation=null", ["cell.activation", "None", "str"]),
        ("task=sine", ["task", "'sine'", *TASKS]),
        ("cell=ltsm", ["cell", "'ltsm'", "memoryless", "rnn", "did you mean 'lstm'?"]),
        ("optimizer=lion", ["optimizer", "'lion'", "adam", "rmsprop", "sgd"]),
        ("cell=null", ["cell", "memoryless", "rnn"]),
        ("optimizer=null", ["optimizer", "adam", "rmsprop", "sgd"]),
        ("experiment=activation", ["experiment", "'activation'", "activations"]),
        ("cell.hidden_sise=5", ["cell.hidden_sise", "no such key", "did you mean 'hidden_size'?"]),
        ("trainng.steps=5", ["trainng.steps", "no such key", "did you mean 'training'?"]),
        ("training.step=5", ["training.step", "no such key", "did you mean 'steps'?"]),
        ("optimizer.momentum=0.9", ["optimizer.momentum", "no such key", "beta1", "sgd"]),
        ("+cell.gates=5", ["cell.gates", "no such key", "hidden_size"]),
        ("learning_rate=1", ["learning_rate", "no such key", "optimizer"]),
        ("training=5", ["training", "5", "steps"]),
        ("training.steps=many", ["training.steps", "'many'", "int"]),
        ("training.steps=2.5", ["training.steps", "2.5", "int"]),
        ("training.steps=-1", ["training.steps", "-1", "at least 0"]),
        ("training.steps=", ["training.steps", "int"]),
        ("cell.hidden_size=0", ["cell.hidden_size", "0", "at least 1"]),
        ("optimizer.learning_rate=-0.1", ["optimizer.learning_rate", "-0.1", "above 0"]),
        ("optimizer.learning_rate=nan", ["optimizer.learning_rate", "nan", "finite"]),
        ("task.window=2400", ["task.window", "2400", "n_points"]),
        ("training.batch_size=5000", ["training.batch_size", "5000", "1670"]),
        ("seed=-3", ["seed", "-3", "from 0 up"]),
        ("seed=x", ["seed", "'x'", "whole number"]),
        ("device=gpu", ["device", "'gpu'", "cpu, cuda"]),
        ("backend=numba", ["backend", "'numba'", "auto, compiled, torch"]),
        ("study=a/b", ["study", "'a/b'"]),
        ("cell.hidden_size", ["cell.hidden_size"]),
        ("cell.activation=tanh,relu", ["tanh,relu", "-m"]),
        ("cell.activation=ReLU", ["cell.activation", "'ReLU'", "did you mean 'relu'?"]),
        (
            "cell.gate_activation=relu",
            ["cell.gate_activation: no such key for the cell that was chosen; gru, lstm, mgu, mingru have"],
        ),
        ("init.recurrent_scale=-1", ["init.recurrent_scale", "-1.0", "at least 0"]),
        ("seed=12345678901234567890", ["seed: 12345678901234567890", "at most 9007199254740991"]),
        ("~seed", ["'~seed'", "cannot be removed"]),
        ("cell.hidden_size=1000000000", ["cell.hidden_size: 1000000000", "3.2e+10 GB of memory", "this machine has"]),
        ("cell.hidden_size=" + "9" * 400, ["cell.hidden_size: 99999", "at most 9007199254740991"]),
        ("cell.hidden_size=" + "9" * 5000, ["5000 digits"]),
        ("study=ünï", ["study: 'ünï'; is no value in Hydra's grammar", "study='ünï', with its quotes"]),
        ("study='a\nb'", ["study: 'a\\nb'", "a folder's name"]),
        ("study='\udcff'", ["study: '\\udcff'", "a folder's name"]),
        ("question=[1,2]", ["question: [1, 2]; must be text, or null"]),
        ("claims=3", ["claims: 3; must be a list"]),
        ("claims=" + "[" * 400 + "]" * 400, ["nested too deeply"]),
        ("plugins=3", ["plugins: 3; must be a list of Python files"]),
        ("cell.hidden_size=${cell.hidden_size}", ["Recursive interpolation", "(cell.hidden_size)"]),
        ("study=" + "x" * 5000, ["study: 'xxx", "a folder's name of at most 200 bytes"]),
        ("task=" + "x" * 5000, ["task: ", "xxx"]),
        ("--foo", ["unrecognized arguments: --foo", "rnnlab --help"]),
        ("--cfg=nonsense", ["--cfg", "'nonsense'"]),
        ("--config-dir=nowhere", ["nowhere", "not found"]),
        ("task.target=true", ["task.target: no such key"]),
        ("until=decided", ["until: 'decided'; must be null for a single run"]),
        ("precision=0.5", ["precision: 0.5; must be null"]),
    ],
    ids=lambda of: of[:40].encode("ascii", "backslashreplace").decode() if isinstance(of, str) else "",
)
def test_bad_input_is_answered_in_one_line_before_anything_trains(argument, parts, rnnlab, capsys, tmp_path):
    assert_refused(rnnlab(argument), capsys, tmp_path, *parts)


@pytest.mark.parametrize(
    ("argument", "parts"),
    [
        ("cell.activation=tanh,rleu", ["cell.activation", "'rleu'", "relu", "2 of 4 runs"]),
        ("cell=rnn,ltsm", ["cell", "'ltsm'", "memoryless, "]),
        ("optimizer.learning_rate=0.1,-1,nan", ["optimizer.learning_rate", "above 0", "of 6 runs"]),
        ("task.window=10,2400", ["task.window", "2400", "2 of 4 runs"]),
        ("cell.hidden_sise=1,2", ["cell.hidden_sise", "no such key"]),
        ("study=a,b", ["study: 'a,b'; cannot be swept, it must be one for all runs of a sweep"]),
        ("hydra.launcher._target_=x", ["hydra.launcher._target_: 'x'; must stay as it is", "hydra/launcher=<name>"]),
        ("hydra.sweeper.max_batch_size=0", ["hydra.sweeper.max_batch_size: 0; must be a whole number at least 1"]),
        ("cell.hidden_size=5,1000000000", ["cell.hidden_size: 1000000000", "3.2e+10 GB"]),
        ("training.steps=range(10000000000)", ["a sweep of 2e+10 runs; at most 2000000 are planned at once"]),
        ("init.input_scale=range(0,1,1e-300)", ["at most 2000000 are planned at once"]),
    ],
)
def test_a_bad_value_in_a_sweep_stops_all_runs_before_the_first(argument, parts, rnnlab, capsys, tmp_path):
    assert_refused(rnnlab("-m", argument, "seed=0,1"), capsys, tmp_path, *parts)


def test_overrides_may_stand_on_both_sides_of_a_flag(rnnlab, capsys):
    assert rnnlab(*SMALL, "hydra.launcher.dry_run=true", "-m", "seed=1,2") == 0
    assert "2 to compute" in capsys.readouterr().out
    assert rnnlab("seed=4", "--cfg", "job", "training.steps=7") == 0
    text = capsys.readouterr().out
    assert "seed: 4" in text and "steps: 7" in text


def test_a_dry_run_is_refused_where_the_sweep_would_be(rnnlab, capsys, tmp_path):
    line = ("-m", "seed=1,2", "hydra.launcher.dry_run=true", "hydra.launcher.memory_gb=0.5", "cell.hidden_size=10000")
    assert_refused(
        rnnlab(*line), capsys, tmp_path, "cell.hidden_size: 10000", "3.32 GB", "hydra.launcher.memory_gb is 0.5"
    )


@pytest.mark.parametrize("sweep", [[], ["-m"]], ids=["run", "sweep"])
@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("cell:\n  activation: [relu\nseed: 3\n", ["line 4, column 5", "is no YAML that can be used"]),
        ('study: !!python/object/apply:os.system ["echo hi"]\n', ["line 2, column 8", "python/object/apply:os.system"]),
        ("study: &a [*a]\n", ["line 2: *a stands inside of itself"]),
        ("study: a\nstudy: b\n", ["line 3, column 1", "found duplicate key study"]),
        ("study: " + "[" * 3000 + "]" * 3000, ["nested more than 50 deep"]),
        (
            "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
            + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)),
            ["stands for ", "at most 5000"],
        ),
        ("hydra: {launcher: {_target_: os.system}, sweeper: {_target_: os.system}}\nseed: x\n", []),
    ],
    ids=["typo", "tag", "loop", "twice", "deep", "bomb", "target"],
)
def test_a_study_file_of_ones_own_that_cannot_be_used_is_one_line(content, parts, sweep, rnnlab, capsys, tmp_path):
    (tmp_path / "own" / "experiment").mkdir(parents=True)
    (tmp_path / "own" / "experiment" / "mine.yaml").write_text("# @package _global_\n" + content)
    assert_refused(rnnlab(*sweep, "--config-dir", "own", "experiment=mine"), capsys, tmp_path, *parts)


def test_a_key_that_is_given_twice_is_refused(rnnlab, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "argv", ["rnnlab", "-m", "seed=1", "training.steps=5", "seed=2"])
    assert_refused(app.run(), capsys, tmp_path, "seed: given twice", "-m seed=1,2")


@pytest.mark.parametrize("sweep", [[], ["-m"]], ids=["run", "sweep"])
@pytest.mark.parametrize("file", ["outputs", "outputs/scratch"])
def test_an_output_folder_that_is_a_file_is_named(file, sweep, rnnlab, capsys, tmp_path):
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("in the way")
    assert_refused(rnnlab(*sweep, *SMALL), capsys, tmp_path, "outputs", "cannot be used as an output folder")
    assert (tmp_path / file).read_text() == "in the way"


def test_a_user_who_wants_the_traceback_gets_it(rnnlab, monkeypatch):
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(Exception, match="rleu"):
        rnnlab("cell.activation=rleu")


def test_the_environment_is_left_as_it_was(rnnlab, monkeypatch, capsys):
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    rnnlab("cell.activation=rleu")
    import os

    assert os.environ["HYDRA_FULL_ERROR"] == "0"


def test_ctrl_c_while_the_command_ends_shows_nothing():
    code = """
import atexit, os, signal, sys
import rnnlab.app
from rnnlab.__main__ import main
signal.signal(signal.SIGINT, signal.default_int_handler)
rnnlab.app.run = lambda: 0
atexit.register(os.kill, os.getpid(), signal.SIGINT)
sys.argv = ["rnnlab"]
main()
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")


# Failures and other endings


def test_a_run_that_raises_exits_with_1_and_leaves_a_record_of_it(rnnlab, monkeypatch, capsys, tmp_path):
    def failing(*_, **__):
        raise ArithmeticError("boom")

    monkeypatch.setattr(worker, "train", failing)
    assert rnnlab(*SMALL) == 1
    error = capsys.readouterr().err
    (line,) = error.splitlines()
    assert line.startswith("rnnlab: the run failed: ArithmeticError: boom")
    (folder,) = runs_in(tmp_path / "outputs" / "scratch")
    assert str(folder.relative_to(tmp_path)) in error
    assert "Traceback" in records.read_record(folder).result.error


def test_a_run_that_diverges_is_a_result_and_no_failure(rnnlab, capsys, tmp_path):
    assert rnnlab(*SMALL, "optimizer=sgd", "optimizer.learning_rate=1e30", "training.steps=20") == 0
    assert "diverged at step" in capsys.readouterr().out
    (folder,) = runs_in(tmp_path / "outputs" / "scratch")
    assert records.read_record(folder).result.diverged


def test_the_same_run_again_writes_the_same_bytes_over_the_old_ones(rnnlab, tmp_path):
    assert rnnlab(*SMALL) == 0
    (folder,) = runs_in(tmp_path / "outputs" / "scratch")
    first = {name: (folder / name).read_bytes() for name in BYTES}
    assert rnnlab(*SMALL, "device=cpu") == 0
    assert runs_in(tmp_path / "outputs" / "scratch") == [folder]
    assert {name: (folder / name).read_bytes() for name in BYTES} == first


@pytest.mark.parametrize("arguments", [["task=digits", "training.steps=2"], ["task=sinc", "cell=memoryless", *SMALL]])
def test_other_tasks_and_cells_run_too(arguments, rnnlab, capsys, tmp_path):
    assert rnnlab(*arguments, "training.eval_every=2", "cell.hidden_size=5") == 0
    (folder,) = runs_in(tmp_path / "outputs" / "scratch")
    record = records.read_record(folder)
    assert record.task.score in record.result.metrics
    assert record.task.score in capsys.readouterr().out


def test_values_of_the_study_can_be_overridden_on_the_command_line(rnnlab, capsys, tmp_path):
    assert rnnlab("experiment=activations", "training.steps=1", "task.n_points=120", "task.forecast_steps=1") == 0
    assert capsys.readouterr().err == (
        "rnnlab: this is one run, in the folder of the study activations, whose report will show it; "
        "the whole study is rnnlab -m experiment=activations; study=NAME keeps the run apart\n"
    )
    (folder,) = runs_in(tmp_path / "outputs" / "activations")
    config = records.read_run(folder)["config"]
    assert config["training"]["steps"] == 1
    assert config["cell"]["hidden_size"] == 32
