"""What holds of every task, by rnnlab.testing; and the registry."""

from dataclasses import dataclass

import pytest

from rnnlab.records.run import TaskFacts
from rnnlab.tasks import TASKS, Task, register
from rnnlab.testing.tasks import CHECKS, KINDS, OF_GENERATED

every_task = pytest.mark.parametrize("name", TASKS)


def test_the_tasks_of_the_studies_are_there():
    assert set(TASKS) >= {
        *("sines", "sinc", "digits", "rows", "images", "pixels", "series"),
        *("hihello", "charseq", "ship", "ambiguous_hello", "text"),
        *("adding", "multiplication", "copy", "temporal_order", "parity"),
    }


@every_task
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_contract_of_tasks_holds(name, check):
    check(TASKS[name]())


@pytest.mark.parametrize("name", [name for name in TASKS if TASKS[name].generates])
@pytest.mark.parametrize("check", OF_GENERATED, ids=lambda check: check.__name__)
def test_the_contract_of_tasks_that_generate_holds(name, check):
    check(TASKS[name]())


@every_task
def test_the_default_options_need_no_file(name):
    task = TASKS[name]()
    assert task.fingerprinted() == task


@every_task
def test_the_columns_of_the_predictions_are_those_that_records_describes(name):
    kind = TASKS[name].predictions_kind
    described = f'"{kind}" ({", ".join(KINDS[kind])})'
    assert described in " ".join(TaskFacts.__doc__.split())


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
