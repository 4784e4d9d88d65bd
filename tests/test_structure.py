"""Who may import whom, what may be slow to import, and that every file of conf/ and experiments/ composes."""

import ast
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

import rnnlab
from rnnlab import app, places
from rnnlab.config import RunConfig, check_surroundings, from_node

PACKAGE = Path(rnnlab.__file__).parent
ROOT = PACKAGE.parent
LAYERS = [  # each may import from those above it; what stands on one line does not know each other
    "records options places padding",
    "activations initializers losses schedules tasks divergence checkpoints claims",
    "cells batches optimizers sections",
    "network config",
    "workspace construction lane",
    "diagnostics dynamics evaluation",
    "randomness",
    "training",
    "sweep",
    "hydra_plugins",
    "app",
    "__main__",
]
ANYBODY = {"", "places"}  # rnnlab/__init__.py: the version
USERS = {  # who may import what is not ours and not everybody's
    "hydra": {"app", "hydra_plugins"},
    "omegaconf": {"app", "hydra_plugins", "config"},
    "pandas": {"report"},
    "matplotlib": {"report"},
    "jinja2": {"report"},
    "sklearn": {"tasks"},
    "scipy": {"report"},
}
NO_TORCH = {
    *("claims", "records", "options", "places", "initializers", "tasks", "divergence", "checkpoints", "report", "app"),
}


def unit_of(path):
    """The module or package of rnnlab that a file belongs to; hydra_plugins is one."""
    if not path.is_relative_to(PACKAGE):
        return "hydra_plugins"
    first = path.relative_to(PACKAGE).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


def imported(path):
    """The full names of all that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            if node.module == "rnnlab":
                yield from (f"rnnlab.{alias.name}" for alias in node.names)


FILES = [*sorted(PACKAGE.rglob("*.py")), *sorted((ROOT / "hydra_plugins").rglob("*.py"))]
every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))


def ours(name):
    """The unit that an imported name belongs to, or None for somebody else's."""
    if name.split(".")[0] == "hydra_plugins":
        return "hydra_plugins"
    if name.split(".")[0] != "rnnlab":
        return None
    unit = [*name.split("."), ""][1]
    return "" if unit.startswith("__version") else unit


def test_every_module_has_its_place_in_the_table():
    placed = {unit for line in LAYERS for unit in line.split()} | {"", "report"}
    assert {unit_of(path) for path in FILES} == placed


@every_file
def test_imports_go_downwards_only(path):
    depth = {unit: n for n, line in enumerate(LAYERS) for unit in line.split()}
    unit = unit_of(path)
    known = {ours(name) for name in imported(path)} - {None, unit, ""}
    if unit == "report":
        assert known <= {"records", "options", "claims"}, "a report reads records and claims only"
    elif unit == "":
        assert known <= {"report"}, "rnnlab.load, imported when it is called"
    else:
        entrances = {"report"} if unit == "hydra_plugins" else set()  # a sweep ends with its report
        higher = {other for other in known - entrances if depth[other] >= depth[unit]}
        assert not higher, f"{unit} must not know {higher}"


@every_file
def test_libraries_are_used_where_they_belong(path):
    unit = unit_of(path)
    for library in {name.split(".")[0] for name in imported(path)}:
        assert unit in USERS.get(library, {unit}), f"{unit} must not use {library}"
        assert library != "torch" or unit not in NO_TORCH, f"{unit} must not use torch"


@every_file
def test_no_file_is_named_after_nothing(path):
    assert path.stem not in {"utils", "util", "helpers", "helper", "common", "misc", "manager", "tools", "base_utils"}


@every_file
def test_every_module_says_what_it_is_for(path):
    text = path.read_text(encoding="utf-8")
    assert not text or ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import rnnlab", "torch numpy hydra omegaconf pandas matplotlib"),
        ("import rnnlab.records, rnnlab.options, rnnlab.places", "torch hydra omegaconf pandas matplotlib sklearn"),
        ("import rnnlab.report.page, rnnlab.report.command", "torch hydra omegaconf"),
        ("import rnnlab.__main__; rnnlab.__main__.help_text()", "torch numpy hydra omegaconf"),
        ("import hydra_plugins.rnnlab_packed.packed_launcher", "torch numpy"),
        ("import rnnlab.tasks", "torch sklearn"),
    ],
)
def test_what_is_slow_to_import_is_imported_only_when_needed(statement, absent):
    code = f"import sys; {statement}; print(*(set({absent.split()!r}) & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


# conf/ and experiments/


@pytest.fixture
def composed():
    """composed("cell=rnn", ...) -> the config as Hydra composes it."""
    GlobalHydra.instance().clear()
    app.register()
    with initialize_config_dir(str(places.CONF), version_base="1.3"):
        yield lambda *overrides: compose("config", list(overrides), return_hydra_config=True)
    GlobalHydra.instance().clear()


@pytest.mark.parametrize("group", [group for group in places.groups() if group != "experiment"])
def test_every_member_of_a_group_composes_and_converts(group, composed):
    found = set()
    for name in places.options(group):
        config = composed(f"{group}={name}", "training.batch_size=null")  # some tasks have one sample
        run = from_node(config)
        assert getattr(run, group).name == name
        check_surroundings(config)
        found.add(run.run_id)
    assert len(found) == len(places.options(group))


@pytest.mark.parametrize("name", places.options("experiment"))
def test_every_combination_of_a_study_composes_and_converts(name, composed):
    """Choices of groups are composed by Hydra; plain values are set on what was composed, which is quicker."""
    config = composed(f"experiment={name}")
    check_surroundings(config)
    assert config.study == name, "a study's folder is named after its file"
    assert config.question
    assert config.source
    params = OmegaConf.to_container(config.hydra.sweeper.params)
    assert params
    parser = OverridesParser.create()
    axes = {key: _values(parser, f"{key}={choices}") for key, choices in params.items()}
    chosen = {key: values for key, values in axes.items() if key in places.groups()}
    plain = {key: values for key, values in axes.items() if key not in places.groups()}
    runs = set()
    for names in product(*chosen.values()):
        overrides = [f"{group}={member}" for group, member in zip(chosen, names, strict=True)]
        config = composed(f"experiment={name}", *overrides)
        for values in product(*plain.values()):
            for key, value in zip(plain, values, strict=True):
                OmegaConf.update(config, key, value, force_add=False)
            run = from_node(config)
            assert isinstance(run, RunConfig)
            runs.add(run.run_id)
    n_combinations = 1
    for values in axes.values():
        n_combinations *= len(values)
    assert len(runs) == n_combinations, "every combination is a run of its own"


def _values(parser, text):
    """All values that an override sweeps over."""
    override = parser.parse_override(text)
    return list(override.sweep_iterator()) if override.is_sweep_override() else [override.value()]


def test_every_study_says_in_words_what_it_found():
    """A page beside the study's file: experiments/<study>.md."""
    for name in places.options("experiment"):
        assert (places.EXPERIMENTS / f"{name}.md").is_file()
