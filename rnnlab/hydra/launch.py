"""What the packed sweeper and the packed launcher do: all jobs of a sweep are composed and checked before one starts.

An application whose task function is a PackedTask then gets its jobs all at once; the jobs of any other application run
one after the other, as with Hydra's own launcher.  This module imports nothing heavy.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.utils import JobReturn, configure_log, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from rnnlab.hydra.compose import Composer, Job
from rnnlab.hydra.internals import job_overrides
from rnnlab.records.files import write_text
from rnnlab.records.progress import at_work
from rnnlab.sweep.counting import counted
from rnnlab.sweep.options import SweepOptions

if TYPE_CHECKING:
    from rnnlab.config.run import RunConfig
    from rnnlab.records.study import StudyFile


NOTE = "multirun.yaml"  # the config of a sweep before the overrides of its jobs, as Hydra's own sweeper writes it


@dataclass(frozen=True)
class Setup:
    """What Hydra gives to every sweeper and launcher.  config: the sweep's own, before the overrides of its jobs."""

    hydra_context: HydraContext
    task_function: TaskFunction
    config: DictConfig


@dataclass(frozen=True)
class CheckedJobs:
    """Composed jobs of a sweep.  Of a PackedTask also the run that each job is, in the same order, and the study of the
    whole sweep."""

    jobs: Sequence[Job]
    runs: Sequence[RunConfig] = ()
    study: StudyFile | None = None


class PackedTask(ABC):
    """A task function that can check all jobs of a sweep, and run all of them at once."""

    @abstractmethod
    def __call__(self, config: DictConfig) -> Any:
        """Run one job."""

    def axes(self, params: Mapping[str, str], given: Sequence[Override], config: DictConfig) -> Mapping[str, str]:
        """What a sweep varies unless the command line says otherwise.  params: the same as the config has it; given:
        what stands on the command line.  config: as in Setup.  Raises ConfigError."""
        return params

    @abstractmethod
    def check(self, jobs: Sequence[Job], config: DictConfig) -> CheckedJobs:
        """What is known of the jobs.  Raises ConfigError for jobs that cannot be run.  config: as in Setup."""

    @abstractmethod
    def run(self, checked: CheckedJobs, setup: Setup, options: SweepOptions) -> list[JobReturn]:
        """Run the jobs.  One JobReturn per job, in order."""


class Batch(list[Sequence[str]]):
    """The overrides of some jobs, as any launcher takes them, and for the packed launcher what is known of the jobs."""

    def __init__(self, overrides: Iterable[Sequence[str]], checked: CheckedJobs) -> None:
        super().__init__(overrides)
        self.checked = checked


def sweep(
    setup: Setup,
    launcher: Launcher,
    params: Mapping[str, str],
    max_batch_size: int | None,
    arguments: Sequence[str],
) -> list[Sequence[JobReturn]]:
    """What Hydra's basic sweeper does, but all jobs are checked first.  params: what is swept unless `arguments` say
    otherwise."""
    parser = OverridesParser.create(config_loader=setup.hydra_context.config_loader)
    given = parser.parse_overrides(list(arguments))
    if isinstance(setup.task_function, PackedTask):
        params = setup.task_function.axes(params, given, setup.config)
    swept = parser.parse_overrides([f"{key}={value}" for key, value in params.items()])
    batches = job_overrides([*swept, *given], max_batch_size)
    checked = check(
        setup, batches[0] if len(batches) == 1 else [job for batch in batches for job in batch], first_number=0
    )
    _note_down(setup)
    returns: list[Sequence[JobReturn]] = []
    begin = 0
    with at_work(Path(setup.config.hydra.sweep.dir)) if len(batches) > 1 else nullcontext():
        for batch in batches:
            part = slice(begin, begin + len(batch))
            known = replace(checked, jobs=checked.jobs[part], runs=checked.runs[part])
            returns.append(launcher.launch(Batch(batch, known), initial_job_idx=begin))
            for job in returns[-1]:
                _ = job.return_value  # raises what the job raised
            begin += len(batch)
    return returns


def _note_down(setup: Setup) -> None:
    """Write multirun.yaml, unless the packed launcher computes a PackedTask, which writes it when it has the study's
    folder to itself.  Raises ConfigError where another command has that."""
    config, folder = setup.config, Path(setup.config.hydra.sweep.dir)
    of_a_study = isinstance(setup.task_function, PackedTask)
    if of_a_study and config.hydra.runtime.choices["hydra/launcher"] == "packed":
        return
    from rnnlab.sweep.folder import locked

    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder) if of_a_study else nullcontext():
        write_text(folder / NOTE, OmegaConf.to_yaml(config))


def launch(
    setup: Setup, options: SweepOptions, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
) -> list[JobReturn]:
    """One JobReturn per job, in order.  Nothing trains before all jobs that the sweeper knows have been checked."""
    setup_globals()
    configure_log(setup.config.hydra.hydra_logging, setup.config.hydra.verbose)
    if isinstance(job_overrides, Batch):
        checked = job_overrides.checked
    else:  # another sweeper, which hands over one batch after the other
        checked = check(setup, job_overrides, initial_job_idx)
    if isinstance(setup.task_function, PackedTask):
        return setup.task_function.run(checked, setup, options)
    return _run_one_by_one(setup, checked.jobs)


def check(setup: Setup, job_overrides: Sequence[Sequence[str]], first_number: int) -> CheckedJobs:
    """Compose all jobs.  Raises what Hydra raises when a job cannot be composed, and ConfigError."""
    composer = Composer(setup.hydra_context.config_loader, setup.config)
    told = counted(job_overrides, len(job_overrides), "jobs composed")
    jobs = [composer.compose(overrides, first_number + n) for n, overrides in enumerate(told)]
    if isinstance(setup.task_function, PackedTask):
        return setup.task_function.check(jobs, setup.config)
    return CheckedJobs(jobs)


def _run_one_by_one(setup: Setup, jobs: Sequence[Job]) -> list[JobReturn]:
    """In this process, as with Hydra's basic launcher."""
    Path(str(setup.config.hydra.sweep.dir)).mkdir(parents=True, exist_ok=True)
    return [
        run_job(
            hydra_context=setup.hydra_context,
            task_function=setup.task_function,
            config=job.config(),
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )
        for job in jobs
    ]
