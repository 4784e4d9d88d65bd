"""The networks of a study: by run_id, and the best one on the validation split."""

import json

import pytest

import rnnlab
from rnnlab.options import ConfigError
from rnnlab.records.digests import SUMS
from rnnlab.records.run import RUN


def change(folder, **changes):
    """Other values in a run.json; metrics are laid over those that are there."""
    record = json.loads((folder / RUN).read_text())
    changes["metrics"] = record["metrics"] | changes.get("metrics", {})
    (folder / RUN).write_text(json.dumps(record | changes))
    (folder / SUMS).unlink(missing_ok=True)


@pytest.fixture
def study(recorded):
    """A study of four runs of digits, with these validation losses."""
    folders = [recorded("digits", seed=seed) for seed in range(4)]
    for folder, loss in zip(folders, (0.5, 0.3, 0.3, 0.9), strict=True):
        change(folder, metrics={"eval_loss": loss, "eval_accuracy": loss, "accuracy": 1 - loss, "test_loss": -loss})
    return folders


def load(folders):
    return rnnlab.load(folders[0].parent)


def test_a_run_is_named_by_its_id(study):
    results = load(study)
    for run_id in results.runs["run_id"]:
        assert results.network(run_id).run_id == run_id
    (row,) = results.runs[results.runs["seed"] == 2].to_dict("records")
    assert results.network(row["run_id"]).config["seed"] == 2


def test_an_id_that_no_run_has_is_refused_with_the_nearest(study):
    run_id = study[0].name[-12:]
    with pytest.raises(ConfigError, match=rf"^run_id: '{run_id}0'; no such run in .* \(did you mean '{run_id}'\?\)$"):
        load(study).network(f"{run_id}0")


def test_the_best_run_has_the_least_validation_loss_and_is_the_first_of_equal_ones(study):
    results = load(study)
    assert results.best().config["seed"] == results.best(task="digits").config["seed"] == 1


def test_another_metric_of_validation_chooses_by_its_better_side(study):
    assert load(study).best(by="eval_accuracy").config["seed"] == 3


def test_runs_that_failed_or_diverged_are_never_the_best(study):
    change(study[1], diverged=True, diverged_at_step=3)
    change(study[2], metrics={"eval_loss": "nan"})
    assert load(study).best().config["seed"] == 0
    change(study[0], status="failed", error="OSError: gone")
    assert load(study).best().config["seed"] == 3
    change(study[3], diverged=True, diverged_at_step=3)
    with pytest.raises(ConfigError, match=r"^by: 'eval_loss'; none of 3 runs can be chosen, "):
        load(study).best()


@pytest.mark.parametrize("metric", ["accuracy", "test_loss", "train_loss", "eval_los"])
def test_the_test_split_chooses_nothing(metric, study):
    with pytest.raises(
        ConfigError,
        match=f"^by: '{metric}'; must be a metric of the validation split, one of eval_loss, eval_accuracy$",
    ):
        load(study).best(by=metric)


def test_of_several_tasks_one_must_be_named(study, recorded):
    recorded("sines")
    results = load(study)
    with pytest.raises(ConfigError, match=r"^task: must be given, the study has digits, sines$"):
        results.best()
    assert results.best("sines").task.name == "sines"
    with pytest.raises(ConfigError, match=r"^task: unknown 'sine'; one of digits, sines \(did you mean 'sines'\?\)$"):
        results.best("sine")
