"""Where conf/ and experiments/ are found, and what the groups offer."""

from rnnlab import places


def test_the_folders_are_found():
    assert (places.CONF / "config.yaml").is_file()
    assert list(places.EXPERIMENTS.glob("*.yaml"))


def test_groups_are_the_folders_of_conf_with_experiment_last():
    assert set(places.groups()) == {"task", "cell", "optimizer", "experiment"}
    assert places.groups()[-1] == "experiment"


def test_the_options_of_a_group_are_its_files():
    assert places.options("cell") == ["gru", "lstm", "memoryless", "rnn"]
    assert {"adam", "rmsprop", "sgd"} < set(places.options("optimizer"))
    assert "activations" in places.options("experiment")
