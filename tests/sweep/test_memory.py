"""How much memory a run takes, said before it is trained."""

import pytest

from rnnlab.options import ConfigError
from rnnlab.sweep.memory import check_memory, lane_bytes, run_bytes


@pytest.mark.parametrize(
    ("values", "begins"),
    [
        ({"cell__hidden_size": 10**9}, "cell.hidden_size: 1000000000; a run would take about 3.2e+10 GB of memory"),
        ({"task__n_points": 10**12}, "task: "),
        ({"training__batch_size": 20, "task__window": 6, "cell__hidden_size": 10**5}, "cell.hidden_size: 100000;"),
    ],
)
def test_a_size_that_cannot_fit_is_refused_with_the_figure(values, begins, run_config):
    run = run_config(**values)
    with pytest.raises(ConfigError) as refusal:
        check_memory([run_config(), run], "cpu", None)
    assert str(refusal.value).startswith(begins)
    assert f"{run_bytes(run) / 1e9:.3g} GB" in str(refusal.value)
    assert "this machine has" in str(refusal.value)


def test_a_long_sequence_is_too_large_by_what_a_batch_keeps(run_config):
    run = run_config("adding", task__length=10**7, training__batch_size=40)
    with pytest.raises(ConfigError, match=r"^training.batch_size: 40; .* hydra.launcher.memory_gb is 2$"):
        check_memory([run], "cpu", 2)


def test_the_bound_is_the_one_that_was_set(run_config):
    run = run_config(cell__hidden_size=512)
    needed = run_bytes(run) / 1e9
    check_memory([run], "cpu", needed * 1.01)
    with pytest.raises(ConfigError, match=f"hydra.launcher.memory_gb is {0.99 * needed:.3g}"):
        check_memory([run], "cpu", needed * 0.99)
    check_memory([run], "cuda", needed * 0.99)  # of the memory of a GPU nothing is known


def test_parameters_are_counted_with_gradients_and_the_state_of_the_optimizer(run_config):
    wide = run_config(cell__hidden_size=3000)
    n_parameters = 3000 * 3000 + 3000 + 3000 + 3000 + 1
    assert run_bytes(wide) == pytest.approx(8 * 4 * n_parameters, rel=0.1)
    assert lane_bytes(wide) <= run_bytes(wide)
