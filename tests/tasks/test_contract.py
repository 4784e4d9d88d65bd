"""What holds of every task: shapes, seeds, sizes, what is said of an answer, and the registry."""

from dataclasses import FrozenInstanceError, dataclass, replace

import numpy as np
import pytest

from rnnlab.records.files import write_text
from rnnlab.records.metrics import metric_of
from rnnlab.records.run import TaskFacts
from rnnlab.records.tables import read_table, to_csv
from rnnlab.tasks import TASKS, Data, Task, register

KINDS = {
    "series": ["t", "truth", "one_step", "closed_loop"],
    "classes": ["index", "label", "predicted", "output"],
    "text": ["sample", "position", "truth", "predicted"],
}
every_task = pytest.mark.parametrize("name", TASKS)
every_generated_task = pytest.mark.parametrize("name", [name for name in TASKS if TASKS[name].generates])


def test_the_tasks_of_the_studies_are_there():
    assert set(TASKS) >= {
        *("sines", "sinc", "digits", "rows", "images", "pixels", "series"),
        *("hihello", "charseq", "ship", "ambiguous_hello", "text"),
        *("adding", "multiplication", "copy", "temporal_order", "parity"),
    }


@every_task
def test_data_have_the_stated_shapes_and_types(name, look):
    task = TASKS[name]()
    for part in look.splits(task.data(0)).values():
        n = len(part)
        assert n > 0
        assert task.tokens == (part.inputs.dtype == np.int64)
        if part.inputs.dtype == np.int64:
            assert part.inputs.shape == (n, task.seq_len)
            assert 0 <= part.inputs.min() <= part.inputs.max() < task.input_size
        else:
            assert part.inputs.shape == (n, task.seq_len, task.input_size)
            assert part.inputs.dtype == np.float32
            assert np.isfinite(part.inputs).all()
        shape = (n,) if task.answers == "last" else (n, task.seq_len)
        if task.loss == "mse":
            assert part.targets.shape == (*shape, task.output_size)
            assert part.targets.dtype == np.float32
        else:
            assert part.targets.shape == shape
            assert part.targets.dtype == np.int64
            assert 0 <= part.targets.min() <= part.targets.max() < task.output_size


@every_task
def test_the_stated_size_of_the_training_set_is_true(name):
    task = TASKS[name]()
    assert task.n_train == len(task.data(0).train)


@every_task
def test_the_same_seed_gives_the_same_data(name, look):
    assert look.same(TASKS[name]().data(3), TASKS[name]().data(3))


@every_task
def test_data_that_do_not_follow_from_the_seed_are_one_object(name, look):
    """Lanes then share one copy."""
    one, other = TASKS[name]().data(3), TASKS[name]().data(4)
    assert (one is other) == look.same(one, other)


@every_task
def test_the_data_do_not_draw_from_global_generators(name):
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    TASKS[name]().data(1)
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@every_task
def test_the_default_options_pass_and_need_no_file(name):
    task = TASKS[name]()
    task.check()
    assert task.fingerprinted() == task


@every_task
def test_facts_say_what_a_reader_of_the_record_must_know(name):
    task = TASKS[name]()
    assert task.facts == TaskFacts(
        name, task.loss, task.predictions_kind, task.score, task.higher_is_better, task.scored_against
    )
    assert task.predictions_kind in KINDS


@every_task
def test_the_finding_has_the_score_and_the_columns_of_its_kind(name, look):
    task = TASKS[name]()
    finding, other = task.examine([task.data(0), task.data(0)], look.blank_network(task))
    assert task.score in {**finding.metrics, **task.metrics_of_losses(1.0, 2.0, 3.0)}
    assert all(type(value) is float for value in finding.metrics.values())
    assert finding.metrics.keys() == other.metrics.keys()
    assert list(finding.predictions) == KINDS[task.predictions_kind]
    assert len({len(column) for column in finding.predictions.values()}) == 1
    if task.predictions_kind == "text":
        assert len(finding.predictions["sample"]) <= 300
        assert finding.predictions["truth"].dtype.kind == finding.predictions["predicted"].dtype.kind == "U"


@every_task
def test_predictions_are_written_and_read_back(name, look, tmp_path):
    task = TASKS[name]()
    (finding,) = task.examine([task.data(0)], look.blank_network(task))
    write_text(tmp_path / "predictions.csv", to_csv(finding.predictions))
    for column, values in read_table(tmp_path / "predictions.csv").items():
        written = finding.predictions[column]
        np.testing.assert_array_equal(values.astype(written.dtype), written)


@every_task
def test_the_columns_of_the_predictions_are_those_that_records_describes(name):
    kind = TASKS[name].predictions_kind
    described = f'"{kind}" ({", ".join(KINDS[kind])})'
    assert described in " ".join(TaskFacts.__doc__.split())


@every_task
def test_naive_answers_are_numbers_and_no_better_than_perfect(name):
    task = TASKS[name]()
    found = task.baselines(task.data(0))
    assert found["naive_loss"] > 0 and found["naive_test_loss"] > 0
    assert found[f"{task.scored_against}_loss"] > 0 and found[f"{task.scored_against}_test_loss"] > 0
    assert all(type(value) is float and np.isfinite(value) for value in found.values())


@every_task
def test_every_metric_of_an_answer_without_training_is_in_the_table_of_metrics(name):
    task = TASKS[name]()
    for metric in task.baselines(task.data(0)):
        assert metric_of(metric).role == "baseline"


@every_task
def test_the_answers_without_training_are_the_same_function_of_each_split(name):
    """With eval and test exchanged, their losses are exchanged."""
    task = TASKS[name]()
    data = task.data(0)
    found, exchanged = (task.baselines(one) for one in (data, Data(data.train, data.test, data.eval)))
    answers = [metric.removesuffix("_test_loss") for metric in found if metric.endswith("_test_loss")]
    assert "naive" in answers
    for answer in answers:
        assert found[f"{answer}_loss"] == exchanged[f"{answer}_test_loss"]
        assert found[f"{answer}_test_loss"] == exchanged[f"{answer}_loss"]


@every_task
def test_metrics_that_follow_from_losses_alone_are_floats(name):
    assert all(type(value) is float for value in TASKS[name]().metrics_of_losses(1.0, 2.0, 3.0).values())


@every_task
def test_options_cannot_be_changed_once_made(name):
    with pytest.raises(FrozenInstanceError):
        TASKS[name]().name = "other"


# Sequences made from a seed


@every_generated_task
def test_fresh_sequences_follow_from_the_generator_and_have_the_shapes_of_the_training_set(name):
    task = TASKS[name]()
    train = task.data(0).train
    one, other, next_ = (
        task.fresh_batch(np.random.default_rng(1), 7),
        task.fresh_batch(generator := np.random.default_rng(1), 7),
        task.fresh_batch(generator, 7),
    )
    assert len(one) == 7
    for part in (one.inputs, one.targets), (train.inputs, train.targets):
        assert [array.dtype for array in part] == [train.inputs.dtype, train.targets.dtype]
        assert [array.shape[1:] for array in part] == [train.inputs.shape[1:], train.targets.shape[1:]]
    np.testing.assert_array_equal(one.inputs, other.inputs)
    np.testing.assert_array_equal(one.targets, other.targets)
    assert not np.array_equal(one.inputs, next_.inputs)


@every_generated_task
def test_the_size_of_one_split_changes_no_other(name, look):
    few = replace(TASKS[name](), n_train=20, n_eval=30, n_test=10).data(5)
    more = replace(TASKS[name](), n_train=40, n_eval=30, n_test=10).data(5)
    np.testing.assert_array_equal(few.eval.inputs, more.eval.inputs)
    np.testing.assert_array_equal(few.test.inputs, more.test.inputs)
    assert [len(part) for part in look.splits(more).values()] == [40, 30, 10]


@every_generated_task
def test_no_split_repeats_another_and_no_seed_another(name):
    task = replace(TASKS[name](), n_train=30, n_eval=30, n_test=30)
    parts = [part.inputs for seed in (0, 1) for part in (task.data(seed).train, task.data(seed).eval)]
    parts += [task.data(seed).test.inputs for seed in (0, 1)]
    assert len({part.tobytes() for part in parts}) == 6


@every_task
def test_only_tasks_that_generate_have_fresh_sequences(name):
    if not TASKS[name].generates:
        with pytest.raises(NotImplementedError):
            TASKS[name]().fresh_batch(np.random.default_rng(0), 1)


# The registry


def test_a_name_cannot_be_registered_twice():
    with pytest.raises(ValueError, match="'sines'"):

        @register("sines")
        @dataclass(frozen=True)
        class Another(Task):
            name: str = "sines"


@every_task
def test_a_task_is_named_as_it_is_registered(name):
    assert TASKS[name]().name == name
    assert TASKS[name].__doc__
