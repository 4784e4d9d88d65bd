import pytest

from rnnlab.nets.cells import CELLS
from rnnlab.nets.optimizers import OPTIMIZERS
from rnnlab.records.metrics import Metric, is_baseline, kind_of, labelled, metric_of, register, title_of, unit_of
from rnnlab.tasks import TASKS
from rnnlab.training.loop import train

# Every task, cell and optimiser once, and what only some of their options write.
RUNS = [
    *({"task": task} for task in TASKS),
    *({"cell": cell, "cell__num_layers": 2} for cell in CELLS),
    *({"optimizer": optimizer} for optimizer in OPTIMIZERS),
    {"task": "hihello", "cell__embedding_size": 3},
    {"task": "text", "task__unit": "words"},
    {"task": "series", "task__horizon": 3, "task__season": 12},
]


@pytest.mark.parametrize("options", RUNS, ids=lambda options: "-".join(map(str, options.values())))
def test_every_metric_and_every_column_that_a_run_writes_is_in_the_table(run_config, options):
    run = run_config(**options)
    (result,) = train([run])
    assert result.status == "completed", result.error
    written = {*result.metrics, *result.curves} - {"step"}
    assert {name for name in written if metric_of(name) is None} == set()
    for name, value in result.metrics.items():
        metric = metric_of(name)
        assert metric.low is None or not value < metric.low, name
        assert metric.high is None or not value > metric.high, name


@pytest.mark.parametrize("name", TASKS)
def test_the_score_of_a_task_is_in_the_table_with_the_side_that_the_task_says(run_config, name):
    facts = run_config(name).task.facts
    assert metric_of(facts.score).better == ("higher" if facts.higher_is_better else "lower")
    assert metric_of(facts.loss).better == "lower"


def test_the_layers_of_a_metric_are_one_kind():
    assert kind_of("spectral_radius_layer0") == kind_of("spectral_radius_layer12") == "spectral_radius"
    assert kind_of("lyapunov_2_layer1") == "lyapunov_2" and kind_of("grad_norm_layer3") == "grad_norm_layer"
    assert kind_of("grad_norm") == "grad_norm" and kind_of("eval_loss") == "eval_loss"


def test_a_title_names_the_layer():
    assert title_of("dead_frac_layer1") == "share of dead units in layer 1"
    assert title_of("grad_norm_layer0") == "gradient norm of layer 0"
    assert title_of("grad_norm_layer") == "gradient norm of a layer"


def test_the_steps_of_a_forecast_are_one_kind_where_it_is_registered():
    assert kind_of("rmse_step3") == kind_of("rmse_step12") == "rmse_step" and kind_of("loss_step3") == "loss_step3"
    assert labelled("rmse_step3") == "root mean squared error at step 3 (in the unit of the data)"


def test_a_label_has_the_unit_and_a_loss_that_of_the_tasks_loss_function():
    assert labelled("cross_entropy") == "cross-entropy (nats)" and labelled("mse") == "mean squared error"
    assert labelled("eval_loss", loss="cross_entropy") == "evaluation loss (nats)"
    assert labelled("eval_loss", loss="mse") == labelled("eval_loss") == "evaluation loss"
    assert unit_of("naive_loss", loss="cross_entropy") == "nats" and unit_of("accuracy", loss="cross_entropy") == ""
    assert labelled("lyapunov_1") == "largest Lyapunov exponent (per step)"


def test_what_has_no_better_side_counts_as_measured_where_a_run_diverged():
    assert metric_of("eval_loss").when_diverged == metric_of("accuracy").when_diverged == "worst"
    assert metric_of("spectral_radius_layer0").when_diverged == "as measured"


def test_answers_that_need_no_training_are_known_and_so_are_those_of_a_users_task():
    assert all(map(is_baseline, ("naive_loss", "persistence_rmse", "bigram_loss", "last_week_loss", "naive_f1")))
    assert not any(map(is_baseline, ("eval_loss", "test_loss", "batch_loss", "mse_closed_loop", "accuracy", "f1")))


def test_of_an_unknown_metric_no_unit_and_no_side_is_known():
    assert metric_of("word_count_layer2") is None and unit_of("word_count") == ""
    assert title_of("word_count_layer2") == "word count in layer 2"


def test_a_metric_can_be_registered_at_any_time_and_once():
    assert kind_of("turns_of_test_layer1") == "turns_of_test"
    register(Metric("turns_of_test_layer", "turns of a layer", "diagnostic", unit="radians"))
    assert kind_of("turns_of_test_layer1") == "turns_of_test_layer"
    assert labelled("turns_of_test_layer1") == "turns of layer 1 (radians)"
    with pytest.raises(ValueError, match="'turns_of_test_layer' is registered already"):
        register(Metric("turns_of_test_layer", "turns", "diagnostic"))
