"""Where conf/ and experiments/ are found, and which names a group offers."""

import pytest

from rnnlab import places
from rnnlab.config.run import GROUPS


def test_the_folders_are_found():
    assert (places.CONF / "config.yaml").is_file()
    assert list(places.EXPERIMENTS.glob("*.yaml"))


def test_groups_are_those_of_a_run_with_experiment_last():
    assert set(places.groups()) == {*GROUPS, "experiment"}
    assert places.groups()[-1] == "experiment"


@pytest.mark.parametrize("group", GROUPS)
def test_the_names_that_are_read_from_files_are_those_that_are_registered(group):
    assert places.options(group) == sorted(GROUPS[group])


def test_the_options_of_experiment_are_its_files():
    assert {"activations", "stock"} < set(places.options("experiment"))
