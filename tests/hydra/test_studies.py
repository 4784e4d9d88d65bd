"""experiments/ as Hydra sees it."""

import pytest
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigLoadError
from omegaconf import OmegaConf

from rnnlab import places
from rnnlab.hydra.studies import StudySource


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "EXPERIMENTS", tmp_path)
    (tmp_path / "small.yaml").write_text("study: small\nseed: 1\nfull:\n  seed: 2\n")
    (tmp_path / "plain.yaml").write_text("study: plain\n")
    (tmp_path / "broken.yaml").write_text("study: [\n")
    (tmp_path / "small.md").write_text("what was found\n")
    return StudySource("rnnlab", "studies://")


def test_it_lists_groups_and_their_members(source):
    assert source.list("", None) == source.list("", ObjectType.GROUP) == ["experiment", "scale", "scale_of_study"]
    assert source.list("", ObjectType.CONFIG) == source.list("experiment", ObjectType.GROUP) == []
    assert source.list("experiment", None) == ["broken", "plain", "small"]
    assert source.list("scale/", ObjectType.CONFIG) == ["default", "full"]
    assert source.list("scale_of_study", None) == ["broken_full", "plain_full", "small_full"]


@pytest.mark.parametrize(
    "path, is_group, is_config",
    [
        ("experiment", True, False),
        ("experiment/small", False, True),
        ("experiment/small.yaml", False, True),
        ("experiment/other", False, False),
        ("scale_of_study/small_default", False, False),
        ("small", False, False),
        ("task", False, False),
    ],
)
def test_it_knows_a_group_from_a_config(source, path, is_group, is_config):
    assert (source.is_group(path), source.is_config(path)) == (is_group, is_config)


@pytest.mark.parametrize(
    "path, wanted",
    [
        ("experiment/small", {"study": "small", "seed": 1}),
        ("scale_of_study/small_full", {"seed": 2}),
        ("scale_of_study/plain_full", {}),
        ("scale/full", {}),
    ],
)
def test_a_study_comes_in_two_parts_for_the_top_of_the_config(source, path, wanted):
    result = source.load_config(path)
    assert OmegaConf.to_container(OmegaConf.create(result.config)) == wanted
    assert result.header == {"package": "_global_"}


def test_a_study_that_holds_no_keys_is_named(source, tmp_path):
    (tmp_path / "plain.yaml").write_text("- a\n- b\n")
    with pytest.raises(ConfigLoadError, match=r"plain\.yaml: must hold keys with values"):
        source.load_config("experiment/plain")


def test_only_the_study_that_is_chosen_is_read(source):
    source.load_config("experiment/small")  # while broken.yaml lies beside it
    with pytest.raises(ConfigLoadError, match="other"):
        source.load_config("experiment/other")
