"""Overrides that Hydra would take in another meaning are refused by their text."""

import pytest

from rnnlab.hydra.refusals import refuse_misleading, refuse_swept_surroundings
from rnnlab.options import ConfigError


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["~seed"], "'~seed': a key cannot be removed; a key that is not given has its default"),
        (["~training.steps=300"], "'~training.steps=300': a key cannot be removed"),
        (["task=[sines,sinc]"], "task: '[sines,sinc]'; must be one name; a sweep over several is -m task=sines,sinc"),
        (["experiment=[stock]"], "experiment: '[stock]'; must be one name"),
        (["task.name=sinc"], "task.name: 'sinc'; a task is chosen by task=sinc, with that one's defaults"),
        (["+task=sinc"], "'+task=sinc': task is chosen without +"),
        (
            ["hydra.launcher._target_=x"],
            "hydra.launcher._target_: 'x'; must stay as it is; another launcher is chosen by",
        ),
        (
            ["hydra.sweeper=null"],
            "hydra.sweeper: 'null'; must stay as it is; another sweeper is chosen by hydra/sweeper=",
        ),
        (["seed=1", "-m", "seed=2"], "seed: given twice, only the last would count; a sweep over both is -m seed=1,2"),
        (["seed=1", "++seed=2"], "seed: given twice"),
    ],
)
def test_what_would_mean_something_else_is_refused(words, complaint):
    with pytest.raises(ConfigError) as refusal:
        refuse_misleading(words)
    assert str(refusal.value).startswith(complaint)


def test_what_means_what_it_says_is_not_refused():
    refuse_misleading(
        ["-m", "--config-dir=x", "--config-dir=x", "task=sines,sinc", "cell={hidden_size: 3}", "++seed=3"]
    )
    refuse_misleading(["~hydra.sweeper.params.seed", "hydra.launcher.n_workers=2", "hydra/launcher=basic", "seed", "x"])


def test_what_all_runs_share_cannot_be_swept_on_the_command_line_or_in_a_file():
    refuse_swept_surroundings({"seed": "1,2"}, {"seed": "3,4"}, ["study"])
    with pytest.raises(ConfigError, match=r"^study: 'a,b'; cannot be swept, it must be one for all runs of a sweep$"):
        refuse_swept_surroundings({"study": "a,b"}, {}, ["device", "study"])
    with pytest.raises(ConfigError, match=r"^hydra.sweeper.params: has 'study', which must be one for all runs"):
        refuse_swept_surroundings({}, {"study": "x"}, ["study"])
