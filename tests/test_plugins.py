"""Plugins: what they add, where they are known, and which runs they make new ones."""

import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rnnlab import app, load, plugins, testing
from rnnlab.__main__ import main
from rnnlab.config.parse import from_node
from rnnlab.nets.activations import ACTIVATIONS, make_activation
from rnnlab.nets.backends.choice import cannot_compile
from rnnlab.nets.cells import CELLS
from rnnlab.nets.initializers import INITIALIZERS
from rnnlab.nets.optimizers import OPTIMIZERS
from rnnlab.options import ConfigError
from rnnlab.records import run as records
from rnnlab.report.command import main as report
from rnnlab.sweep.engine import Pack
from rnnlab.tasks import TASKS

ONE_OF_EACH = '''
from dataclasses import dataclass

import numpy as np
import torch

import rnnlab


@rnnlab.activation("mine")
def mine(a, width=1.0):
    """phi(a) = exp(-(a / width)^2)"""
    return torch.exp(-(a / width).square())


@rnnlab.cell("mine")
def residual(pre, h, w, phi):
    """h[t] = h[t-1] + phi(a[t]) / 2"""
    return h + phi(pre + h @ w["weight_hh"]) / 2


@rnnlab.task("mine")
@dataclass(frozen=True)
class Sawtooth(rnnlab.Curve):
    """y(t) = t modulo 1"""

    @staticmethod
    def curve(t):
        return t % 1


@rnnlab.initializer("mine")
def ternary(generator, fan):
    """-1, 0 or 1, divided by the square root of fan_in"""
    return generator.integers(-1, 2, fan.shape) / np.sqrt(fan.fan_in)


@rnnlab.optimizer("mine")
class Sign(rnnlab.Optimizer):
    """update = learning_rate sign(g)"""

    class Options(rnnlab.OptimizerOptions):
        """Those of all."""

    def _step(self, grads):
        return grads.sign() * self._rate_column
'''
SMALL = ["task.n_points=44", "task.stop=8", "task.forecast_steps=2", "cell.hidden_size=4", "training.steps=4",
         "training.batch_size=8", "training.eval_every=2"]  # fmt: skip
SI = ("sigmoid", "silu", "sine")
REGISTRIES = (ACTIVATIONS, CELLS, TASKS, INITIALIZERS, OPTIMIZERS)


@pytest.fixture
def file(tmp_path):
    """my.py with one entry of each kind."""
    (tmp_path / "my.py").write_text(ONE_OF_EACH)
    return tmp_path / "my.py"


def records_in(folder):
    return {path.parent.name: json.loads(path.read_text()) for path in folder.glob(f"*/{records.RUN}")}


def files_loaded():
    """The files that are plugins now.  A module of the tests that has registered something stays one, too."""
    return [plugin.name for plugin in plugins.loaded() if plugin.text is not None]


# What a plugin adds


def test_a_file_adds_one_of_each_and_another_call_removes_them(file):
    plugins.use(["my.py"], file.parent)
    assert all("mine" in registry for registry in REGISTRIES)
    assert files_loaded() == ["my.py"]
    plugins.use([], file.parent)
    assert not any("mine" in registry for registry in REGISTRIES)
    assert "tanh" in ACTIVATIONS and "rnn" in CELLS


def test_a_changed_file_takes_the_place_of_its_former_state(file):
    plugins.use(["my.py"], file.parent)
    file.write_text(ONE_OF_EACH.replace("width=1.0", "width=3.0"))
    plugins.use(["my.py"], file.parent)
    assert make_activation("mine").width == 3.0


def test_a_sweep_trains_and_reports_them_in_worker_processes(file, rnnlab, capsys):
    """The plugin's entries in all places of a run at once; the report is written again where the plugin is not."""
    everything = ["task=mine", "cell=mine", "optimizer=mine", "init.weights=mine", "cell.width=2"]
    assert rnnlab("-m", "plugins=[my.py]", *SMALL, *everything, "cell.activation=mine,tanh", "seed=0,1") == 0
    folder = Path("outputs/scratch")
    found = records_in(folder)
    assert {record["status"] for record in found.values()} == {"completed"}
    activations = sorted(record["config"]["cell"]["activation"] for record in found.values())
    assert activations == [
        "mine",
        "mine",
        "tanh",
        "tanh",
    ]
    assert {record["config"]["cell"].get("width") for record in found.values()} == {None, 2.0}
    file.unlink()
    plugins.use([], Path())
    capsys.readouterr()
    assert report([str(folder)]) == 0
    assert "mine" in (folder / "report" / "index.html").read_text()


def test_a_run_of_a_plugin_has_the_same_bytes_alone_and_in_a_sweep(file, rnnlab):
    values = [*SMALL, "cell.activation=mine", "init.weights=mine"]
    assert rnnlab("plugins=[my.py]", *values, "study=alone") == 0
    assert rnnlab("-m", "plugins=[my.py]", *values, "study=swept", "seed=0", "hydra.launcher.report=false") == 0
    ((name, alone),) = records_in(Path("outputs/alone")).items()
    assert records_in(Path("outputs/swept")) == {name: alone}


def test_hydras_own_launcher_runs_jobs_of_a_plugin(file, rnnlab):
    assert rnnlab("-m", "plugins=my.py", *SMALL, "cell=mine", "seed=0,1", "hydra/launcher=basic") == 0
    assert len(records_in(Path("outputs/scratch"))) == 2


def test_a_pack_brings_its_plugins_along(file, tmp_path):
    """To a fresh process in another folder, which knows nothing of the file: this is what an engine sends to a node."""
    plugins.use(["my.py"], file.parent)
    node = {"task": {"name": "mine", "n_points": 44}, "cell": {"name": "mine", "activation": "mine"}, "seed": 0}
    node |= {"optimizer": {"name": "mine"}, "training": {"batch_size": 8}}
    run = from_node(node)
    (tmp_path / "pack").write_bytes(pickle.dumps(Pack([run], "cpu")))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    file.unlink()
    code = "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb')).runs[0].run_id)"
    command = [sys.executable, "-c", code, str(tmp_path / "pack")]
    out = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True, check=True).stdout
    assert out.split() == [run.run_id]


def test_a_study_names_its_plugin_relative_to_its_own_file(rnnlab, tmp_path, capsys):
    place = tmp_path / "studies" / "experiment"
    place.mkdir(parents=True)
    (place / "act.py").write_text(ONE_OF_EACH)
    text = "# @package _global_\nquestion: why?\nsource: me\nstudy: own\nplugins: [act.py]\ncell: {activation: mine}\n"
    (place / "own.yaml").write_text(text)
    assert rnnlab("--config-dir=studies", "experiment=own", *SMALL) == 0, capsys.readouterr().err
    assert len(records_in(Path("outputs/own"))) == 1


# A vector form


FAST = '''
import torch

import rnnlab
from rnnlab.nets.kernels.functions import exp


@rnnlab.activation("fast")
class Fast(rnnlab.Activation):
    """phi(a) = exp(-a^2)"""

    def phi(self, a):
        return torch.exp(-a.square())


@rnnlab.vector_form("fast", keeps_input=True)
class Vectors:
    def phi(x, p, q):
        return exp(-x * x)

    def slope(a, h, p, q):
        return a * h * -2.0
'''


@pytest.mark.slow
def test_an_activation_with_a_vector_form_is_compiled_in_a_library_of_its_own(tmp_path):
    """It agrees with torch; and runs that do not use it have the bytes that they have without the plugin."""
    (tmp_path / "fast.py").write_text(FAST)
    command = [
        sys.executable,
        "-m",
        "rnnlab",
        "-m",
        *SMALL,
        "hydra.launcher.report=false",
        "hydra.launcher.n_workers=1",
    ]
    for study, more in (
        ("compiled", ["plugins=[fast.py]", "cell.activation=fast,tanh", "backend=compiled"]),
        ("torch", ["plugins=[fast.py]", "cell.activation=fast", "backend=torch"]),
        ("plain", ["cell.activation=tanh", "backend=compiled"]),
    ):
        subprocess.run([*command, f"study={study}", *more], cwd=tmp_path, check=True, capture_output=True)
    compiled, torch, plain = (records_in(tmp_path / "outputs" / study) for study in ("compiled", "torch", "plain"))
    assert compiled.keys() == {*torch, *plain}
    for name, record in plain.items():
        assert compiled[name] == record
    for name, record in torch.items():
        for metric, value in record["metrics"].items():
            assert compiled[name]["metrics"][metric] == pytest.approx(value, rel=1e-3, abs=1e-5), metric


def test_a_vector_form_that_comes_when_the_kernels_are_loaded_is_computed_by_torch(tmp_path, rnnlab, capsys):
    """As in a notebook, where a network has been computed before."""
    assert cannot_compile() is None
    (tmp_path / "late.py").write_text(FAST.replace('"fast"', '"late"'))
    values = ["plugins=[late.py]", *SMALL, "cell.activation=late"]
    assert rnnlab(*values, "backend=compiled") == 2
    assert "the vector form of late came after the kernels were loaded" in capsys.readouterr().err
    assert rnnlab(*values) == 0
    (provenance,) = Path("outputs/scratch").glob("*/provenance.json")
    assert json.loads(provenance.read_text())["backend"] == "torch"


def test_a_vector_form_that_differs_from_the_formula_in_torch_is_refused(tmp_path, rnnlab, capsys):
    for wrong, complaint in (
        (FAST.replace("* -2.0", "* -1.0"), "slope of its vector form at a=-3.123 is 0.0001811, but 0.0003623 in torch"),
        (FAST.replace(", keeps_input=True", ""), "is nan, but "),
        (
            FAST.replace('form("fast"', 'form("other"'),
            "the activation 'other' must be registered before its vector form",
        ),
    ):
        (tmp_path / "wrong.py").write_text(wrong)
        assert rnnlab("plugins=[wrong.py]", *SMALL) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("rnnlab: plugins: wrong.py, line 16: ValueError: ") and complaint in line
    assert not Path("outputs").exists()


# Networks


def test_the_network_of_a_run_needs_the_plugin_and_says_so(file, rnnlab):
    assert rnnlab("plugins=[my.py]", *SMALL, "cell.activation=mine", "cell.width=2.0") == 0
    plugins.use([], Path())
    with pytest.raises(ConfigError, match=r"; the run used my\.py: rnnlab\.load\(folder, plugins=\['my\.py'\]\)"):
        load("outputs/scratch").best()
    assert load("outputs/scratch", plugins=[file]).best().core.activation.width == 2.0
    file.write_text(ONE_OF_EACH + "\n# another line\n")
    with pytest.warns(UserWarning, match=r"^my\.py has changed since run [0-9a-f]{12} was computed; the network may"):
        load("outputs/scratch", plugins=["my.py"]).best()


# Identity


def test_only_the_runs_that_use_the_plugin_are_new_when_it_changes(file, rnnlab, capsys):
    sweep = ["-m", "plugins=[my.py]", *SMALL, "cell.activation=mine,tanh", "seed=0,1"]
    assert rnnlab(*sweep, "hydra.launcher.report=false") == 0
    before = records_in(Path("outputs/scratch"))
    file.write_text(ONE_OF_EACH + "\n# another line\n")
    capsys.readouterr()
    assert rnnlab(*sweep, "hydra.launcher.report=false") == 0
    said = capsys.readouterr()
    assert "my.py has changed since 20" in said.err and "UTC: 2 runs are new" in said.err
    after = records_in(Path("outputs/scratch"))
    new = after.keys() - before.keys()
    assert {after[name]["config"]["cell"]["activation"] for name in new} == {"mine"} and len(new) == 2
    assert rnnlab(*sweep) == 0
    assert "has changed" not in capsys.readouterr().err
    page = Path("outputs/scratch/report/index.html").read_text()
    assert page.count("by other code") == 2, "the report counts the newer ones"


def test_a_single_run_says_what_code_has_changed(file, rnnlab, capsys):
    run = ["plugins=[my.py]", *SMALL, "cell.activation=mine"]
    assert rnnlab(*run) == 0
    file.write_text(ONE_OF_EACH + "\n# another line\n")
    capsys.readouterr()
    assert rnnlab(*run) == 0
    said = capsys.readouterr().err
    assert "rnnlab: my.py has changed since 20" in said and said.count("UTC: 1 run is new") == 1
    for words in (run, [*SMALL, "cell.activation=tanh"]):
        assert rnnlab(*words) == 0
        assert "has changed" not in capsys.readouterr().err


def test_the_place_and_the_name_of_a_file_are_not_part_of_the_identity(file, tmp_path, run_config):
    plugins.use(["my.py"], file.parent)
    here = run_config(cell__activation="mine")
    (tmp_path / "there").mkdir()
    shutil.copy(file, tmp_path / "there" / "other.py")
    plugins.use(["there/other.py"], tmp_path)
    there = run_config(cell__activation="mine")
    assert here.run_id == there.run_id
    assert "my.py" in here.code and "other.py" in there.code


@pytest.mark.parametrize(
    "values",
    [
        {"cell__activation": "mine"},
        {"cell": "gru", "cell__gate_activation": "mine"},
        {"cell": "mine"},
        {"optimizer": "mine"},
        {"init__recurrent": "mine"},
        {"init__bias": "mine"},
    ],
    ids=str,
)
def test_whatever_acts_in_a_run_is_part_of_its_identity(values, file, run_config):
    plugins.use(["my.py"], file.parent)
    before = run_config(**values)
    assert before.as_dict()["code"].keys() == {"numerics", "my.py"}
    assert from_node(before.as_dict()) == before
    file.write_text(ONE_OF_EACH + "\n")
    plugins.use(["my.py"], file.parent)
    assert run_config(**values).run_id != before.run_id
    assert run_config(init__recurrent="mine", init__weights="zeros").as_dict()["code"].keys() == {"numerics"}, "idle"


def test_the_numerics_of_rnnlab_are_part_of_the_identity(run_config, monkeypatch):
    before = run_config()
    monkeypatch.setattr("rnnlab.config.run.NUMERICS", 2)
    after = run_config()
    assert before.code == {"numerics": 1} and after.code == {"numerics": 2}
    assert before.run_id != after.run_id and before.condition_id != after.condition_id


# Installed packages


PACKED = "import rnnlab\n\n@rnnlab.activation('packed')\ndef packed(a):\n    return a.{}()\n"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """mypack_of_rnnlab, importable."""
    place = tmp_path / "site" / "mypack_of_rnnlab"
    place.mkdir(parents=True)
    (place / "__init__.py").write_text("from mypack_of_rnnlab import phis\n")
    (place / "phis.py").write_text(
        "import rnnlab\n\n@rnnlab.activation('packed')\ndef packed(a):\n    return a.sin()\n"
    )
    return tmp_path / "site"


def ran(folder, *arguments, path):
    """The command in a process of its own, with `path` among the places of packages."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(path), str(Path(app.__file__).parents[1])])}
    command = [sys.executable, "-m", "rnnlab", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_an_installed_module_is_a_plugin_by_its_name(package, tmp_path):
    done = ran(tmp_path, "plugins=[mypack_of_rnnlab]", *SMALL, "cell.activation=packed", path=package)
    assert done.returncode == 0, done.stderr
    (record,) = records_in(tmp_path / "outputs" / "scratch").values()
    assert record["config"]["code"].keys() == {"numerics", "mypack_of_rnnlab"}


@pytest.mark.slow
def test_an_entry_point_is_a_plugin_of_every_command(package, tmp_path):
    metadata = package / "mypack_of_rnnlab-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: mypack-of-rnnlab\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[rnnlab]\nphis = mypack_of_rnnlab\n")
    done = ran(tmp_path, *SMALL, "cell.activation=packed", path=package)
    assert done.returncode == 0, done.stderr
    before = set(records_in(tmp_path / "outputs" / "scratch"))
    (package / "mypack_of_rnnlab" / "phis.py").write_text(PACKED.format("cos"))
    assert ran(tmp_path, *SMALL, "cell.activation=packed", path=package).returncode == 0
    assert len(records_in(tmp_path / "outputs" / "scratch")) == len(before) + 1, "another state of it is a new run"
    code = (
        "import rnnlab; from rnnlab import plugins; n = plugins.loaded(); m = rnnlab.load('outputs/scratch').best();"
        "print(len(n), m.core.activation.name, rnnlab.RNN(1, 2, activation='packed').activation.name)"
    )
    assert python(tmp_path, code, path=package).stdout.split() == ["0", "packed", "packed"]
    code = "import rnnlab; print(rnnlab.RNN(1, 2, activation='packed').activation.name)"
    assert python(tmp_path, code, path=package).stdout.split() == ["packed"]


def python(folder, code, path):
    """The code in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(path), str(Path(app.__file__).parents[1])])}
    command = [sys.executable, "-W", "ignore", "-c", code]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)


@pytest.mark.parametrize(
    ("text", "complaint", "words"),
    [
        ("import not_there\n", "ModuleNotFoundError: No module named 'not_there'", SMALL),
        ("", "registers nothing", ["--help"]),
    ],
    ids=["not there", "empty"],
)
def test_a_broken_entry_point_is_named_with_its_package_and_how_to_go_on(text, complaint, words, package, tmp_path):
    metadata = package / "mypack_of_rnnlab-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: mypack-of-rnnlab\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[rnnlab]\nphis = mypack_of_rnnlab\n")
    (package / "mypack_of_rnnlab" / "phis.py").write_text(text)
    done = ran(tmp_path, *words, path=package)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("rnnlab: plugins: ") and complaint in line
    assert line.endswith(
        "(an entry point of the installed package mypack-of-rnnlab, which every command imports: repair it, or "
        "`pip uninstall mypack-of-rnnlab`)"
    )


# Help, completion, errors


def test_help_lists_members_of_plugins_and_of_a_config_dir(file, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own" / "task").mkdir(parents=True)
    (tmp_path / "own" / "task" / "short.yaml").write_text("defaults: [sines]\nn_points: 61\n")
    given = ["plugins=[my.py]", "--config-dir", "own"]

    def shown(*words):
        monkeypatch.setattr(sys, "argv", ["rnnlab", *words, *given])
        main()
        return capsys.readouterr().out

    general = {line.split()[0]: line for line in shown("--help").splitlines() if line.startswith("  ")}
    assert ", mine," in general["cell"] and ", mine," in general["task"] and ", short," in general["task"]
    assert "h[t] = h[t-1] + phi(a[t]) / 2" in shown("--help", "cell=mine")
    assert "task=short" in shown("--help", "task")
    assert "61" in next(line for line in shown("--help", "task=short").splitlines() if "task.n_points" in line)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("rnnlab plugins=[my.py] cell=m", "cell=memoryless cell=mgu cell=mine cell=mingru"),
        ("rnnlab plugins=[my.py] cell=gru cell.activation=mi", "cell.activation=mine cell.activation=mish"),
        ("rnnlab cell=gru cell.gate_activation=si", " ".join(f"cell.gate_activation={n}" for n in SI)),
        ("rnnlab plugins=[my.py] init.bias=m", "init.bias=mine"),
        ("rnnlab -m optimizer.schedule=co", "optimizer.schedule=constant optimizer.schedule=cosine"),
        ("rnnlab cell.activation=tanh optimizer.learning_ra", "optimizer.learning_rate="),
        ("rnnlab cell.hidden_size=", "cell.hidden_size=50"),
        ("rnnlab --config-dir own task=sh", "task=ship task=short"),
    ],
)
def test_a_shell_completes_members_of_plugins_and_of_a_config_dir(
    line, expected, file, tmp_path, rnnlab, monkeypatch, capsys
):
    (tmp_path / "own" / "task").mkdir(parents=True)
    (tmp_path / "own" / "task" / "short.yaml").write_text("defaults: [sines]\n")
    monkeypatch.setenv("COMP_LINE", line)
    monkeypatch.setattr(sys, "argv", ["rnnlab", "-sc", "query=bash"])
    app.run()
    assert capsys.readouterr().out.strip() == expected


BAD = {
    "import rnnlab\n\nx = 1 / 0\n": "plugins: bad.py, line 3: ZeroDivisionError: division by zero",
    "def x(:\n": "plugins: bad.py, line 1: SyntaxError: invalid syntax",
    "import not_there_at_all\n": "plugins: bad.py, line 1: ModuleNotFoundError: No module named 'not_there_at_all'",
    "import rnnlab\n@rnnlab.activation('tanh')\ndef tanh(a):\n    return a\n": (
        "plugins: bad.py, line 2: ValueError: an activation named 'tanh' is registered already"
    ),
    "import rnnlab\n@rnnlab.activation('w')\nclass W(rnnlab.Activation):\n    def phi(self, a):\n"
    "        return a.sin()\n    def slope(self, a):\n        return a.cos() + (a > 3)\n": (
        "plugins: bad.py, line 2: ValueError: activation 'w': its slope at a=3.083 is 0.001697, "
        "but phi rises there by -0.9983"
    ),
    "import rnnlab\n@rnnlab.activation('w')\ndef w(a, hidden_size=3.0):\n    return a\n": (
        "plugins: bad.py, line 2: ValueError: GruCell.Options has two options named 'hidden_size': "
        "an option of its own, and the parameter of activation w"
    ),
    "import rnnlab\n@rnnlab.activation('../../evil')\ndef w(a):\n    return a\n": (
        "plugins: bad.py, line 2: ValueError: an activation's name must be letters, digits and _, and begin with a "
        "letter, not '../../evil'"
    ),
    "": "plugins: 'bad.py'; registers nothing, a plugin has entries such as @rnnlab.activation(\"name\")",
    "import rnnlab\n@rnnlab.activation('w')\ndef w(a):\n    return a.sum()\n": (
        "plugins: bad.py, line 2: ValueError: activation 'w': phi must give a tensor of the shape and dtype of a"
    ),
}


@pytest.mark.parametrize("text", BAD)
def test_a_plugin_that_cannot_be_used_is_one_line_with_its_own_error_and_nothing_is_left(
    text, rnnlab, tmp_path, capsys
):
    (tmp_path / "bad.py").write_text(text)
    known = [list(registry) for registry in REGISTRIES]
    assert rnnlab("-m", "plugins=[bad.py]", *SMALL) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"rnnlab: {BAD[text]}")
    assert not Path("outputs").exists()
    assert [list(registry) for registry in REGISTRIES] == known
    assert not files_loaded()


@pytest.mark.parametrize("kind", ["activation", "cell", "task", "initializer", "optimizer"])
def test_a_decorator_without_parentheses_is_an_error(kind, tmp_path, rnnlab, capsys):
    (tmp_path / "bad.py").write_text(f"import rnnlab\n\n@rnnlab.{kind}\nclass Own:\n    pass\n")
    assert rnnlab("plugins=[bad.py]", *SMALL) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("rnnlab: plugins: bad.py, line 3: TypeError: ")
    assert line.endswith(f'must have a name: @rnnlab.{kind}("name")')


def test_a_cell_whose_option_is_a_parameter_of_an_activation_is_refused(tmp_path, rnnlab, capsys):
    (tmp_path / "bad.py").write_text(
        "from dataclasses import dataclass\n\nimport rnnlab\n\n\n@rnnlab.cell('own')\nclass Own(rnnlab.StepCell):\n"
        "    @dataclass(frozen=True)\n    class Options(rnnlab.CellOptions):\n        alpha: float = 1.0\n"
    )
    assert rnnlab("plugins=[bad.py]", *SMALL) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        "rnnlab: plugins: bad.py, line 6: ValueError: Own.Options has two options named 'alpha': an option of its own, "
    )


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("[nowhere.py]", "plugins: 'nowhere.py'; cannot be read (no such file or directory)"),
        ("[nowhere_at_all]", "plugins: 'nowhere_at_all'; no such module is installed here"),
        ("[json]", "plugins: 'json'; registers nothing, a plugin has entries such as @rnnlab.activation"),
        ("[1]", "plugins: 1; must be a list of Python files and installed modules, as [my.py]"),
        ("[a.py],[b.py]", "plugins: '[a.py],[b.py]'; must be one list of Python files"),
    ],
)
def test_what_is_no_plugin_is_refused_in_one_line(value, complaint, rnnlab, capsys):
    assert rnnlab("-m", f"plugins={value}", *SMALL) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"rnnlab: {complaint}")


CELL = "import rnnlab\n@rnnlab.cell('bad')\ndef bad(pre, h, w, phi):\n    return {}\n"
TASK = (
    "from dataclasses import dataclass\nimport numpy as np\nimport rnnlab\n@rnnlab.task('bad')\n"
    "@dataclass(frozen=True)\nclass Bad(rnnlab.Curve):\n    @staticmethod\n    def curve(t):\n        {}\n"
)
LATE = {
    CELL.format("phi(pre)[..., :2]"): (
        "cell: 'bad'; ValueError: a step gives a state of shape (2, 3, 2); must be (2, 3, 5), of 2 lanes, 3 samples, "
        "5 units"
    ),
    CELL.format("0 / (h - h)"): "cell: 'bad'; ValueError: a step gives a state with numbers that are not finite",
    CELL.format("h @ w['weight_ho']"): "cell: 'bad'; KeyError: 'weight_ho' (late.py, line 4)",
    TASK.format("raise RuntimeError('no data')"): "task: 'bad'; RuntimeError: no data (late.py, line 9)",
    TASK.format("return t * np.nan"): "task: 'bad'; ValueError: train.inputs: a number is not finite",
}


@pytest.mark.parametrize("text", LATE)
@pytest.mark.parametrize("sweep", [[], ["-m", "seed=0,1"]], ids=["run", "sweep"])
def test_a_cell_or_task_that_no_run_can_use_is_refused_before_anything_trains(text, sweep, rnnlab, tmp_path, capsys):
    (tmp_path / "late.py").write_text(text)
    chosen = LATE[text].partition(":")[0] + "=bad"
    assert rnnlab(*sweep, "plugins=[late.py]", chosen, *SMALL) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"rnnlab: {LATE[text]}")
    assert not list(Path().glob("outputs/*/*/run.json"))


def test_an_entry_without_a_docstring_is_listed_without_another_ones(rnnlab, tmp_path, monkeypatch, capsys):
    text = CELL.format("phi(pre + h)") + TASK.format("return t")
    (tmp_path / "bare.py").write_text(text)
    for part in ("cell", "task"):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["rnnlab", "--help", part, f"{part}=bad", "plugins=[bare.py]"])
        main()
        lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
        assert lines.count(f"{part}=bad") == 2, "in the list of the group, and above its own options"


@pytest.mark.parametrize("kind", ["activation", "cell", "task", "initializer", "optimizer"])
def test_a_check_of_a_name_that_is_not_registered_lists_the_known_ones(kind):
    with pytest.raises(ValueError, match=f"^check_{kind}: unknown 'nowhere'; one of "):
        getattr(testing, f"check_{kind}")("nowhere")


def test_two_files_of_one_name_are_refused(file, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "my.py").write_text("import rnnlab\n")
    with pytest.raises(ConfigError, match=r"two files are named 'my\.py'"):
        plugins.use(["my.py", "other/my.py"], tmp_path)


def test_a_plugin_that_a_node_lacks_is_named_with_the_node(monkeypatch):
    plugin = plugins.Plugin("not_installed_here", "0" * 64)
    rebuild, arguments = plugin.__reduce__()
    monkeypatch.setattr("platform.node", lambda: "node7")
    with pytest.raises(ConfigError, match="node7: plugins: 'not_installed_here'; no such module is installed here"):
        rebuild(*arguments)
    changed = plugins.Plugin("json", "0" * 64)
    rebuild, arguments = changed.__reduce__()
    with pytest.raises(ConfigError, match="node7: plugins: 'json'; is another version than that of the command"):
        rebuild(*arguments)
