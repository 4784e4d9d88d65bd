"""Who may import whom, what may be slow to import, and that every file of conf/ and experiments/ composes."""

import ast
import subprocess
import sys
from functools import cache, reduce
from itertools import product
from math import prod
from operator import getitem
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.version import VersionBase
from omegaconf import OmegaConf

import rnnlab
from rnnlab import app, places
from rnnlab.config.parse import check_surroundings, from_node
from rnnlab.config.run import GROUPS, RunConfig
from rnnlab.records.claims import parse

PACKAGE = Path(rnnlab.__file__).parent
ROOT = PACKAGE.parent
LAYERS = [  # each may import from those above it; what stands on one line does not know each other
    "places options portable lazy streams statistics version registry",
    "yaml_text",
    "plugins arguments",
    "records nets",
    "tasks",
    "testing config",
    "training networks",
    "sweep",
    "hydra",
    "hydra_plugins",
    "app export api runs",
    "__main__",
]
REPORT = [
    "reading",
    "judging",
    "words",
    "figures",
    "page",
    "findings",
    "load",
    "command",
    "__init__",
]  # the rooms of the report: the same, downwards
USERS = {  # who may import what is not ours and not everybody's
    "hydra": {"app", "api", "hydra_plugins", "hydra"},
    "omegaconf": {"app", "hydra_plugins", "hydra", "config"},
    "pandas": {"report"},
    "matplotlib": {"report"},
    "PIL": {"tasks"},
    "jinja2": {"report"},
    "sklearn": {"tasks", "report"},
    "scipy": {"statistics"},
    "torch": {"nets", "lazy", "networks", "testing"},
    "safetensors": {"records"},
    "threadpoolctl": {"training"},
    "numba": {"nets"},
    "llvmlite": {"nets"},
    "filelock": {"nets", "sweep"},
    "tensorboard": {"export"},
    "mlflow": {"export"},
    "pyarrow": {"export"},
}
SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "tools"}
FILES = [*sorted(PACKAGE.rglob("*.py")), *sorted((ROOT / "hydra_plugins").rglob("*.py"))]


def room_of(path):
    """The module or package of rnnlab that a file belongs to; hydra_plugins is one."""
    if not path.is_relative_to(PACKAGE):
        return "hydra_plugins"
    first = path.relative_to(PACKAGE).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


@cache
def imports_in(path):
    """The import statements of a file, wherever in it."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]


def imported(path):
    """The full names of all that a file imports."""
    for node in imports_in(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        else:
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)  # which may be modules, too


def ours(name):
    """The room that an imported name belongs to, or None for somebody else's."""
    if name.split(".")[0] == "hydra_plugins":
        return "hydra_plugins"
    if name.split(".")[0] != "rnnlab":
        return None
    room = [*name.split("."), ""][1]
    return "" if room.startswith("__version") else room


def test_every_module_has_its_place_in_the_table():
    placed = {room for line in LAYERS for room in line.split()} | {"", "report"}
    assert {room_of(path) for path in FILES} == placed


def test_imports_go_downwards_only():
    depth = {room: n for n, line in enumerate(LAYERS) for room in line.split()}
    for path in FILES:
        room = room_of(path)
        known = {ours(name) for name in imported(path)} - {None, room, ""}
        if room == "report":
            assert known <= {"records", "statistics", "options", "version"}, f"{path}: a report reads records only"
        elif room == "export":
            assert known <= {"records", "registry", "report"}, f"{path}: an export reads what the report reads"
        elif room == "":
            light = {"version", "options", "sweep"}  # of the room `sweep`, its docstring
            assert known <= light | {"networks", "nets", "tasks", "api"}, "imported when they are used"
        else:
            entrances = (
                {"report"} if room in {"sweep", "hydra_plugins", "networks", "api", "runs"} else set()
            )  # rooms that use it
            higher = {other for other in known - entrances if depth[other] >= depth[room]}
            assert not higher, f"{path}: {room} must not know {higher}"


def test_the_rooms_of_the_report_know_only_those_before_them():
    for path in FILES:
        if room_of(path) == "report":
            room = path.relative_to(PACKAGE / "report").parts[0].removesuffix(".py")
            before = {"rnnlab.report." + name for name in REPORT[: REPORT.index(room) + 1]}
            known = {".".join(name.split(".")[:3]) for name in imported(path) if name.startswith("rnnlab.report.")}
            assert known <= before, f"{path}: {room} must not know {known - before}"


def test_no_circle_of_files():
    """Wherever an import stands: in a function and under TYPE_CHECKING, too."""
    known = {path: files_imported(path) for path in FILES}
    circles = [path for path in known if path in reached(path, known)]
    assert not circles, "in a circle: " + ", ".join(str(path.relative_to(ROOT)) for path in circles)


def files_imported(path):
    """The files of ours that a file imports; `from a import b` imports b where b is a module, else a."""
    found = set()
    for node in imports_in(path):
        if isinstance(node, ast.Import):
            found |= {file_of(alias.name) for alias in node.names}
        else:
            found |= {file_of(f"{node.module}.{alias.name}") or file_of(node.module) for alias in node.names}
    return found - {None, path}


def file_of(name):
    """The file of a module of ours, by its full name; None for what is none."""
    place = ROOT.joinpath(*name.split("."))
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)


def reached(path, known):
    """All files that one comes to from a file by its imports, step by step."""
    found, ahead = set(), [path]
    while ahead:
        new = known.get(ahead.pop(), set()) - found
        found |= new
        ahead += new
    return found


def test_libraries_are_used_where_they_belong():
    for path in FILES:
        for library in {name.split(".")[0] for name in imported(path)}:
            assert room_of(path) in USERS.get(library, {room_of(path)}), f"{path} must not use {library}"


def test_every_module_says_what_it_is_for_and_no_name_says_nothing():
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert not text or ast.get_docstring(ast.parse(text)), path
        assert path.stem not in SAY_NOTHING, path


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import rnnlab; dir(rnnlab)", "torch numpy hydra omegaconf pandas matplotlib"),
        ("import rnnlab.records.run, rnnlab.options, rnnlab.places", "torch hydra omegaconf pandas matplotlib sklearn"),
        ("import rnnlab.report.page.page, rnnlab.report.command", "torch hydra omegaconf"),
        ("import rnnlab.__main__; rnnlab.__main__.help_text()", "torch numpy hydra omegaconf"),
        ("import rnnlab.export.command; rnnlab.export.command.targets()", "torch hydra omegaconf pandas matplotlib"),
        ("import hydra_plugins.rnnlab_packed.packed_launcher", "torch numpy"),
        ("import rnnlab.app, rnnlab.sweep.worker, rnnlab.sweep.preload_kernels", "torch pandas matplotlib sklearn"),
        ("from rnnlab.sweep.engines import engines; engines()", "torch numpy hydra omegaconf ray"),
        ("import rnnlab.records.files, rnnlab.records.study", "numpy torch hydra omegaconf"),
        ("import rnnlab.tasks", "torch sklearn pandas PIL"),
    ],
)
def test_what_is_slow_to_import_is_imported_only_when_needed(statement, absent):
    code = f"import sys; {statement}; print(*(set({absent.split()!r}) & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


# conf/ and experiments/


@pytest.fixture(scope="module")
def composed():
    """composed("cell=rnn", ...) -> the config as Hydra composes it, once for all tests.  Only to be read."""
    before = VersionBase.instance().getbase()
    GlobalHydra.instance().clear()
    app.register()
    with initialize_config_dir(str(places.CONF), version_base="1.3"):
        yield cache(lambda *overrides: compose("config", list(overrides), return_hydra_config=True))
    GlobalHydra.instance().clear()
    VersionBase.instance().version_base = before  # it is Hydra's for the whole process


@pytest.mark.parametrize("group", GROUPS)
def test_every_member_of_a_group_composes_and_converts(group, composed):
    found = set()
    for name in GROUPS[group]:
        config = composed(f"{group}={name}", "training.batch_size=null")  # some tasks have one sample
        run = from_node(config)
        assert getattr(run, group).name == name
        check_surroundings(config)
        found.add(run.run_id)
    assert len(found) == len(GROUPS[group])


@pytest.mark.parametrize("name", places.options("experiment"))
@pytest.mark.parametrize("scale", ["default", "full"])
def test_every_claim_names_its_task_and_a_margin_with_its_reason(name, scale, composed):
    config = OmegaConf.to_container(composed(f"experiment={name}", f"scale={scale}").claims)
    assert config
    for claim in parse(config):
        assert "task" in claim.where and claim.margin and claim.because, claim.says


@pytest.mark.parametrize("name", places.options("experiment"))
def test_every_combination_of_a_study_composes_and_converts(name, composed):
    """Each member of a group is composed by Hydra once; plain values are set on what was composed, which is quicker."""
    config = composed(f"experiment={name}", "scale=default")  # which the test of claims has composed, too
    check_surroundings(config)
    assert config.study == name, "a study's folder is named after its file"
    assert config.question
    assert config.source
    params = OmegaConf.to_container(config.hydra.sweeper.params)
    assert params
    parser = OverridesParser.create()
    axes = {key: _values(parser, f"{key}={choices}") for key, choices in params.items()}
    if "seed" in axes:
        axes["seed"] = axes["seed"][:2]  # which seeds there are changes nothing else
    members = {
        group: [_task_part(composed(f"experiment={name}", f"{group}={member}"))[group] for member in axes.pop(group)]
        for group in GROUPS
        if group in axes
    }
    runs, n_combinations = set(), prod(map(len, (*members.values(), *axes.values())))
    for parts in product(*members.values()):
        node = _task_part(config)
        for group, part in zip(members, parts, strict=True):
            node[group] = part
        for values in product(*axes.values()):
            for key, value in zip(axes, values, strict=True):
                *sections, option = key.split(".")
                section = reduce(getitem, sections, node)
                assert option in section
                section[option] = value
            run = from_node(node)
            assert isinstance(run, RunConfig)
            runs.add(run.run_id)
    assert len(runs) == n_combinations, "every combination is a run of its own"


def _task_part(config):
    """The config without Hydra's part: as plain data, which is quicker, where nothing follows from something else."""
    config = OmegaConf.masked_copy(config, [key for key in config if key != "hydra"])
    return config if "${" in OmegaConf.to_yaml(config) else OmegaConf.to_container(config)


def _values(parser, text):
    """All values that an override sweeps over."""
    override = parser.parse_override(text)
    return list(override.sweep_iterator()) if override.is_sweep_override() else [override.value()]


def test_every_study_says_in_words_what_it_found():
    """A page beside the study's file: experiments/<study>.md."""
    for name in places.options("experiment"):
        assert (places.EXPERIMENTS / f"{name}.md").is_file()
