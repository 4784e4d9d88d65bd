"""What holds of every task: shapes, seeds, sizes, the answers without training, and what is said of a network."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import numpy as np

from rnnlab.options import check_choice
from rnnlab.records.files import write_text
from rnnlab.records.metrics import metric_of
from rnnlab.records.run import TaskFacts
from rnnlab.records.tables import read_table, to_csv
from rnnlab.tasks import TASKS, Data, Split, Task
from rnnlab.tasks.trial import check_data

KINDS = {  # the columns of the predictions
    "series": ["t", "truth", "one_step", "closed_loop"],
    "classes": ["index", "label", "predicted", "output"],
    "text": ["sample", "position", "truth", "predicted"],
}


def check_task(name: str, **options: Any) -> None:
    """Check the task of that name with these options.  Raises AssertionError, and ConfigError for an unknown name."""
    check_choice("check_task", name, TASKS)
    task = TASKS[name](**options)
    for check in (*CHECKS, *(OF_GENERATED if task.generates else ())):
        check(task)


class Answering:
    """Networks whose answers are known: of lane n, what `answer` makes of its inputs, plus n.

    forecast: what the closed loop says, before n is added; None: nothing."""

    def __init__(self, answer: Callable[[np.ndarray], np.ndarray], forecast: np.ndarray | None = None) -> None:
        self.answer, self.forecast = answer, np.zeros(0, np.float32) if forecast is None else forecast
        self.asked: list[tuple[Sequence[np.ndarray], int]] = []

    def outputs(self, inputs: Sequence[np.ndarray]) -> np.ndarray:
        return np.stack([self.answer(lane) + np.float32(n) for n, lane in enumerate(inputs)])

    def closed_loop(self, windows: Sequence[np.ndarray], steps: int) -> np.ndarray:
        self.asked.append((windows, steps))
        return np.stack([self.forecast[:steps, None] + np.float32(n) for n in range(len(windows))])


def blank_network(task: Task) -> Answering:
    """A network that says zero, whatever it is asked."""

    def answer(inputs: np.ndarray) -> np.ndarray:
        steps = inputs.shape[1:2] if task.answers == "every" else ()
        return np.zeros((len(inputs), *steps, task.output_size), np.float32)

    return Answering(answer, np.zeros(5000, np.float32))


def splits(data: Data) -> dict[str, Split]:
    return {"train": data.train, "eval": data.eval, "test": data.test}


def same(one: Data, other: Data) -> bool:
    return all(
        np.array_equal(a.inputs, b.inputs) and np.array_equal(a.targets, b.targets)
        for a, b in zip(splits(one).values(), splits(other).values(), strict=True)
    )


def data_have_the_stated_sizes_and_types_and_finite_numbers(task: Task) -> None:
    try:
        check_data(task, task.data(0))
    except ValueError as error:
        raise AssertionError(str(error)) from None


def the_same_seed_gives_the_same_data(task: Task) -> None:
    assert same(task.data(3), replace(task).data(3)), "two calls of data(3) differ"


def data_that_do_not_follow_from_the_seed_are_one_object(task: Task) -> None:
    """Lanes then share one copy."""
    one, other = task.data(3), task.data(4)
    assert (one is other) == same(one, other), "data(3) and data(4) are equal, but two objects: keep one of them"


def the_data_do_not_draw_from_global_generators(task: Task) -> None:
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state(legacy=False)["state"]["key"].copy()  # noqa: NPY002
    task.data(1)
    after = np.random.get_state(legacy=False)["state"]["key"]  # noqa: NPY002
    assert np.array_equal(after, before), "data(1) drew from numpy's global generator; use rnnlab.streams.generator"


def the_options_pass(task: Task) -> None:
    task.check()
    task.fingerprinted().check()


def facts_say_what_a_reader_of_the_record_must_know(task: Task) -> None:
    assert task.facts == TaskFacts(
        type(task).name, task.loss, task.predictions_kind, task.score, task.higher_is_better, task.scored_against
    )
    assert task.predictions_kind in KINDS, f"predictions_kind: {task.predictions_kind!r}; one of {', '.join(KINDS)}"


def the_finding_has_the_score_and_the_columns_of_its_kind(task: Task) -> None:
    finding, other = task.examine([task.data(0), task.data(0)], blank_network(task))
    known = {**finding.metrics, **task.metrics_of_losses(1.0, 2.0, 3.0)}
    assert task.score in known, f"score: {task.score!r}; must be one of the metrics {', '.join(known)}"
    assert all(type(value) is float for value in finding.metrics.values()), f"not all floats: {finding.metrics}"
    assert finding.metrics.keys() == other.metrics.keys(), "the metrics differ from lane to lane"
    columns = list(finding.predictions)
    assert columns == KINDS[task.predictions_kind], f"predictions: {columns}; must be {KINDS[task.predictions_kind]}"
    lengths = {name: len(column) for name, column in finding.predictions.items()}
    assert len(set(lengths.values())) == 1, f"predictions: columns of different lengths, {lengths}"
    if task.predictions_kind == "text":
        assert len(finding.predictions["sample"]) <= 300, "predictions: more than 300 tokens"
        kinds = {finding.predictions[name].dtype.kind for name in ("truth", "predicted")}
        assert kinds == {"U"}, f"predictions: truth and predicted must be text, not {kinds}"


def predictions_are_written_and_read_back(task: Task) -> None:
    (finding,) = task.examine([task.data(0)], blank_network(task))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "predictions.csv")
        write_text(file, to_csv(finding.predictions))
        for column, values in read_table(file).items():
            written = finding.predictions[column]
            np.testing.assert_array_equal(values.astype(written.dtype), written)


def naive_answers_are_numbers_and_no_better_than_perfect(task: Task) -> None:
    found = task.baselines(task.data(0))
    for answer in ("naive", task.scored_against):
        for metric in (f"{answer}_loss", f"{answer}_test_loss"):
            assert found.get(metric, 0) > 0, f"{metric}: {found.get(metric)}; must be a number above 0"
    assert all(type(value) is float and np.isfinite(value) for value in found.values()), f"not all floats: {found}"


def every_metric_of_an_answer_without_training_is_in_the_table_of_metrics(task: Task) -> None:
    for name in task.baselines(task.data(0)):
        metric = metric_of(name)
        assert metric is not None and metric.role == "baseline", f"{name}: rnnlab.records.metrics has no such baseline"


def the_answers_without_training_are_the_same_function_of_each_split(task: Task) -> None:
    """With eval and test exchanged, their losses are exchanged."""
    data = task.data(0)
    found, exchanged = (task.baselines(one) for one in (data, Data(data.train, data.test, data.eval)))
    answers = [metric.removesuffix("_test_loss") for metric in found if metric.endswith("_test_loss")]
    assert "naive" in answers, f"baseline_losses has no naive answer: {answers}"
    for answer in answers:
        for metric, twin in ((f"{answer}_loss", f"{answer}_test_loss"), (f"{answer}_test_loss", f"{answer}_loss")):
            assert found[metric] == exchanged[twin], f"{metric}: {found[metric]}, but {exchanged[twin]} exchanged"


def metrics_that_follow_from_losses_alone_are_floats(task: Task) -> None:
    found = task.metrics_of_losses(1.0, 2.0, 3.0)
    assert all(type(value) is float for value in found.values()), f"not all floats: {found}"


def options_cannot_be_changed_once_made(task: Task) -> None:
    try:
        task.name = "other"  # type: ignore[misc]
    except FrozenInstanceError:
        return
    raise AssertionError(f"{type(task).__qualname__}: must be @dataclass(frozen=True)")


def only_tasks_that_generate_have_fresh_sequences(task: Task) -> None:
    if task.generates:
        return
    try:
        task.fresh_batch(np.random.default_rng(0), 1)
    except NotImplementedError:
        return
    raise AssertionError("fresh_batch: the task must say `generates = True`")


def a_task_is_described(task: Task) -> None:
    assert type(task).name in TASKS and type(task).__doc__, "a docstring is missing: `rnnlab --help task` shows it"


# Sequences made from a seed


def fresh_sequences_follow_from_the_generator_and_have_the_shapes_of_the_training_set(task: Task) -> None:
    train = task.data(0).train
    generator = np.random.default_rng(1)
    one = task.fresh_batch(np.random.default_rng(1), 7)
    other, next_ = task.fresh_batch(generator, 7), task.fresh_batch(generator, 7)
    assert len(one) == 7, f"fresh_batch(generator, 7): {len(one)} sequences"
    for name in ("inputs", "targets"):
        found, expected = getattr(one, name), getattr(train, name)
        shape = (7, *expected.shape[1:])
        assert (found.dtype, found.shape) == (expected.dtype, shape), f"fresh {name}: {found.dtype} {found.shape}"
    np.testing.assert_array_equal(one.inputs, other.inputs)
    np.testing.assert_array_equal(one.targets, other.targets)
    assert not np.array_equal(one.inputs, next_.inputs), "two batches of one generator are equal"


def the_size_of_one_split_changes_no_other(task: Task) -> None:
    few = _sized(task, 20, 30, 10).data(5)
    more = _sized(task, 40, 30, 10).data(5)
    np.testing.assert_array_equal(few.eval.inputs, more.eval.inputs)
    np.testing.assert_array_equal(few.test.inputs, more.test.inputs)
    sizes = [len(part) for part in splits(more).values()]
    assert sizes == [40, 30, 10], f"n_train, n_eval, n_test: 40, 30, 10 asked for, {sizes} found"


def no_split_repeats_another_and_no_seed_another(task: Task) -> None:
    small = _sized(task, 30, 30, 30)
    parts = [part.inputs for seed in (0, 1) for part in splits(small.data(seed)).values()]
    assert len({part.tobytes() for part in parts}) == 6, "of the three splits of two seeds some are equal"


def _sized(task: Task, n_train: int, n_eval: int, n_test: int) -> Task:
    sizes: dict[str, Any] = {"n_train": n_train, "n_eval": n_eval, "n_test": n_test}
    return replace(task, **sizes)


CHECKS: tuple[Callable[[Task], None], ...] = (
    data_have_the_stated_sizes_and_types_and_finite_numbers,
    the_same_seed_gives_the_same_data,
    data_that_do_not_follow_from_the_seed_are_one_object,
    the_data_do_not_draw_from_global_generators,
    the_options_pass,
    facts_say_what_a_reader_of_the_record_must_know,
    the_finding_has_the_score_and_the_columns_of_its_kind,
    predictions_are_written_and_read_back,
    naive_answers_are_numbers_and_no_better_than_perfect,
    every_metric_of_an_answer_without_training_is_in_the_table_of_metrics,
    the_answers_without_training_are_the_same_function_of_each_split,
    metrics_that_follow_from_losses_alone_are_floats,
    options_cannot_be_changed_once_made,
    only_tasks_that_generate_have_fresh_sequences,
    a_task_is_described,
)
OF_GENERATED: tuple[Callable[[Task], None], ...] = (
    fresh_sequences_follow_from_the_generator_and_have_the_shapes_of_the_training_set,
    the_size_of_one_split_changes_no_other,
    no_split_repeats_another_and_no_seed_another,
)
