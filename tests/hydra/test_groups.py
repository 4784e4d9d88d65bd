"""The groups and sections of a run as Hydra sees them: made from dataclasses, looked up when Hydra asks."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigLoadError
from omegaconf import OmegaConf

from rnnlab import app, places
from rnnlab.config.keys import options_of
from rnnlab.config.parse import from_node
from rnnlab.config.run import GROUPS, SECTIONS, defaults, options_class
from rnnlab.hydra.groups import GroupSource
from rnnlab.options import dotted, number
from rnnlab.tasks import TASKS, register
from rnnlab.tasks.curves import Curve

HERE = Path(__file__).parent


@pytest.fixture
def source():
    return GroupSource("rnnlab", "registries://")


@pytest.fixture
def composed():
    """composed("cell=lstm", ...) -> the config without Hydra's part, as YAML."""
    GlobalHydra.instance().clear()
    app.register()
    with initialize_config_dir(str(places.CONF), version_base="1.3"):
        yield lambda *overrides: OmegaConf.to_yaml(compose("config", list(overrides)))
    GlobalHydra.instance().clear()


@pytest.fixture
def stairs():
    """A task that is registered while the test runs."""

    @register("stairs")
    @dataclass(frozen=True)
    class Stairs(Curve):
        """y(t) = t rounded down to a multiple of `period`"""

        period: float = number(1.0, above=0, about="of the curve")

        def curve(self, t):
            return t - t % self.period

    yield
    TASKS.remove("stairs")


def test_it_lists_groups_their_members_and_the_sections(source):
    assert source.list("", None) == [*GROUPS, "sections"]
    assert source.list("", ObjectType.GROUP) == list(GROUPS)
    assert source.list("", ObjectType.CONFIG) == ["sections"]
    for group in GROUPS:
        assert source.list(group, None) == source.list(f"{group}/", ObjectType.CONFIG) == sorted(GROUPS[group])
        assert source.list(group, ObjectType.GROUP) == []
    assert source.list("experiment", None) == []


@pytest.mark.parametrize(
    ("path", "is_group", "is_config"),
    [
        ("", True, False),
        ("cell", True, False),
        ("cell/", True, False),
        ("cell/lstm", False, True),
        ("cell/lstm.yaml", False, True),
        ("cell/ltsm", False, False),
        ("sections", False, True),
        ("lstm", False, False),
        ("experiment", False, False),
        ("hydra/launcher/packed", False, False),
    ],
)
def test_it_knows_a_group_from_a_config(source, path, is_group, is_config):
    assert (source.is_group(path), source.is_config(path)) == (is_group, is_config)


def test_a_member_comes_with_all_its_keys_for_its_group(source):
    for group in GROUPS:
        for name in GROUPS[group]:
            result = source.load_config(f"{group}/{name}")
            assert OmegaConf.to_container(result.config) == defaults(group, name)
            assert next(iter(result.config)) == "name"
            assert result.header == {"package": group}


def test_the_sections_come_for_the_top_of_the_config(source):
    result = source.load_config("sections.yaml")
    assert list(result.config) == [*SECTIONS, "seed"]
    assert result.header == {"package": ""}


def test_what_it_does_not_have_is_an_error(source):
    with pytest.raises(ConfigLoadError, match="cell/ltsm"):
        source.load_config("cell/ltsm")


@pytest.mark.parametrize("name", ["rnn", "gru"])
def test_every_key_is_composed_with_its_default(name, composed):
    """Of the plainest run, and of one with gates: the whole is stored beside this file.  Parameters of activations and
    schedules that were added since may stand between."""
    known = dotted(yaml.safe_load((HERE / f"composed_{name}.yaml").read_text(encoding="utf-8")))
    found = dotted(yaml.safe_load(composed(f"cell={name}")))
    parameters = {f"cell.{o.key}" for o in options_of(options_class("cell", name)) if o.owners}
    parameters |= {f"optimizer.{o.key}" for o in options_of(options_class("optimizer", "adam")) if o.owners}
    assert [key for key in found if key in known or key not in parameters] == list(known)
    assert {key: found[key] for key in known} == known


def test_what_is_composed_without_overrides_is_the_run_of_the_dataclasses_defaults(composed):
    chosen = {"task": {"name": "sines"}, "cell": {"name": "rnn"}, "optimizer": {"name": "adam"}}
    assert from_node(OmegaConf.create(composed())) == from_node(chosen)


def test_a_task_that_is_registered_later_can_be_chosen_listed_and_set(stairs, composed, source):
    assert "stairs" in source.list("task", None)
    config = OmegaConf.create(composed("task=stairs", "task.period=2.5"))
    assert from_node(config).task.period == 2.5


@pytest.mark.parametrize(
    ("argument", "parts"),
    [
        ("task=stars", ["task: unknown 'stars'; one of adding, ", "stairs", "did you mean 'stairs'?"]),
        ("task.perid=2", ["task.perid: no such key", "stairs has period", "did you mean 'period'?"]),
    ],
)
def test_complaints_know_a_task_that_was_registered_later(argument, parts, stairs, rnnlab, capsys):
    assert rnnlab(argument) == 2
    error = capsys.readouterr().err
    assert all(part in error for part in parts)


def test_completion_lists_the_members_of_a_group(stairs):
    """This is what Hydra's plugins for shells ask."""
    GlobalHydra.instance().clear()
    app.register()
    with initialize_config_dir(str(places.CONF), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        assert loader.get_group_options("cell") == sorted(GROUPS["cell"])
        assert "stairs" in loader.get_group_options("task")
        assert {"task", "cell", "optimizer", "experiment", "scale"} <= set(loader.list_groups(""))


def test_a_file_of_ones_own_in_a_config_dir_is_a_member_of_its_group(rnnlab, tmp_path, capsys):
    """It may begin with a member that rnnlab has, and needs to state what it changes only."""
    (tmp_path / "mine" / "task").mkdir(parents=True)
    (tmp_path / "mine" / "task" / "short.yaml").write_text("defaults: [sines]\nn_points: 60\nforecast_steps: 1\n")
    (tmp_path / "mine" / "task" / "bare.yaml").write_text("name: sines\nn_points: 61\nforecast_steps: 1\n")
    for name, n_points in (("short", 60), ("bare", 61)):
        arguments = (f"task={name}", f"study={name}", "training.steps=1", "training.batch_size=null")
        assert rnnlab("--config-dir=mine", *arguments) == 0, capsys.readouterr().err
        (config,) = (tmp_path / "outputs" / name).glob("*/.hydra/config.yaml")
        assert OmegaConf.load(config).task.n_points == n_points
    assert rnnlab("--config-dir=mine", "task=shrt") == 2
    assert "task: unknown 'shrt'; one of " in (error := capsys.readouterr().err)
    assert "short" in error and "sines" in error
