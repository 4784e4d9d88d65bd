"""rnnlab's own jobs: each one is a run.  From what Hydra composed to a sweep, and back to a JobReturn per job."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn
from omegaconf import DictConfig, OmegaConf

from rnnlab import places, plugins
from rnnlab.config.run import RunConfig, check_surroundings, from_node, idle_in_words, idle_options
from rnnlab.config.until import KEYS as UNTIL
from rnnlab.config.until import Until, until_of
from rnnlab.hydra.compose import Job, plain
from rnnlab.hydra.files import PackedJobReturn, hydra_files, run_with_callbacks
from rnnlab.hydra.launch import CheckedJobs, PackedTask, Setup
from rnnlab.options import ConfigError
from rnnlab.records import claims
from rnnlab.records.run import RUN
from rnnlab.records.study import StudyFile
from rnnlab.sweep.backend import check_backend
from rnnlab.sweep.checks import checked_runs, with_runs
from rnnlab.sweep.entries import check_entries
from rnnlab.sweep.execute import Delivery
from rnnlab.sweep.folder import say_what_code_has_changed
from rnnlab.sweep.machine import check_device
from rnnlab.sweep.options import SweepOptions
from rnnlab.sweep.provenance import command
from rnnlab.sweep.sweep import Ending, sweep
from rnnlab.sweep.until import sweep_until
from rnnlab.sweep.worker import run_alone

RUN_FOLDER = "${run_folder:}"  # the name of a run's folder, in conf/config.yaml


class TrainRuns(PackedTask):
    """The task function.  endings: how the runs of its sweeps ended, by run_id.

    Hydra returns nothing to the command after a sweep, so the task function keeps what the command reports at the end.

    typed: the command line that records name as theirs; by default that of this process.  quiet: a single run does not
    print how it ended."""

    def __init__(self, typed: str | None = None, quiet: bool = False) -> None:
        self.typed, self.quiet = typed or command(), quiet
        self.endings: dict[str, Ending] = {}

    def __getstate__(self) -> dict[str, object]:
        """With the plugins first: a process in which Hydra's own launchers run jobs imports them."""
        return {"plugins": plugins.loaded(), **vars(self)}

    def __call__(self, config: DictConfig) -> float:
        """Train one run and write its record; its objective.  Raises RunFailed and ConfigError."""
        if until := until_of(config):
            raise ConfigError(
                f"until: {until.way!r}; must be null for a single run, a sweep is `rnnlab -m` or rnnlab.sweep"
            )
        check_device(config.device)
        folder = Path(HydraConfig.get().runtime.output_dir)
        run = from_node(config)
        idle = idle_options(config, run)
        if remarks := [*([idle_in_words(idle)] if idle else []), *run.task.remarks]:
            print(f"rnnlab: {'; '.join(remarks)}", file=sys.stderr)
        check_backend([run], config.device, config.backend)
        if not (folder / RUN).exists():
            say_what_code_has_changed(folder.parent, [run])
        finished = run_alone(run, folder, config.device, config.backend, self.typed)
        if not self.quiet:
            print(f"{finished.summary}\n{folder}")
        return finished.objective

    def axes(self, params: Mapping[str, str], given: Collection[str], config: DictConfig) -> Mapping[str, str]:
        """With `until`, the seeds of the last look, whatever the study's file says.  A sweep that cannot be taken look
        after look is refused here, before its many jobs are composed."""
        until = until_of(config)
        if until is None:
            for key in ("first_seeds", "max_seeds"):
                if key in given:
                    raise ConfigError(f"{key}: does not act without until=decided or until=precise")
            return params
        if "seed" in given:
            raise ConfigError(
                f"seed: cannot be given with until={until.way}, whose seeds are 0 to {until.max_seeds - 1} (max_seeds)"
            )
        _check_until(until, config)
        return {**params, "seed": f"range({until.max_seeds})"}

    def check(self, jobs: Sequence[Job], config: DictConfig) -> CheckedJobs:
        """The run that each job is."""
        check_surroundings(config)
        if (sweeper := config.hydra.runtime.choices["hydra/sweeper"]) != "packed" and (until := until_of(config)):
            raise ConfigError(f"hydra/sweeper: {sweeper!r}; must be packed with until={until.way}")
        subdir = plain(config.hydra.sweep)["subdir"]
        if subdir != RUN_FOLDER:
            raise ConfigError(f"hydra.sweep.subdir: {subdir!r}; must stay {RUN_FOLDER!r}, a run is known by its folder")
        if config.hydra.launcher.get("engine", "local") == "local":  # else other machines compute, with other devices
            check_device(config.device)
        shared = {key: config[key] for key in ("study", "device", "backend", "plugins", *UNTIL)}
        runs = checked_runs((job.resolved() for job in jobs), shared)
        return CheckedJobs(jobs, runs, with_runs(_study(config, self.typed), runs))

    def run(self, checked: CheckedJobs, setup: Setup, options: SweepOptions) -> list[JobReturn]:
        """Compute the runs as one sweep.  Raises what `sweep` raises."""
        assert checked.study is not None, "from check()"
        jobs_of: dict[str, list[Job]] = {}
        for job, run in zip(checked.jobs, checked.runs, strict=True):
            jobs_of.setdefault(run.run_id, []).append(job)

        def beside(run: RunConfig, folder: Path) -> Mapping[str, str]:
            """.hydra/; when several jobs ask for the same run, it is the one of the last job."""
            return hydra_files(jobs_of[run.run_id][-1], folder)

        def write(delivery: Delivery, folder: Path) -> None:
            for job in jobs_of[delivery.run.run_id]:
                run_with_callbacks(setup.hydra_context, job, delivery)

        folder = Path(setup.config.hydra.sweep.dir)
        config = setup.config
        compute: Callable[..., dict[str, Ending]] = sweep
        if until := until_of(config):
            from rnnlab.statistics.looks import planned  # takes a second: SciPy

            looks = planned(until.max_seeds, until.first_seeds)
            compute = partial(sweep_until, looks=looks, precision=until.precision)
        endings = compute(
            checked.runs,
            folder,
            checked.study,
            device=config.device,
            backend=config.backend,
            options=options,
            beside=beside,
            on_finished=write if setup.hydra_context.callbacks.callbacks else None,
        )
        self.endings |= endings
        return [
            _job_return(job, folder, endings.get(run.run_id))
            for job, run in zip(checked.jobs, checked.runs, strict=True)
        ]


def _job_return(job: Job, folder: Path, ending: Ending | None) -> JobReturn:
    """ending: None after a dry run, and where no claim needed the run."""
    if ending is None:
        return PackedJobReturn(job, folder, None, failed=False)
    return PackedJobReturn(job, ending.folder, ending.objective, failed=ending.status != "completed")


def _check_until(until: Until, config: DictConfig) -> None:
    """Raise ConfigError for a sweep that cannot be taken look after look: it needs claims, and all its runs at once."""
    if not config.claims:
        raise ConfigError(f"until: {until.way!r}; needs claims, and study {config.study} has none")
    if (launcher := config.hydra.runtime.choices["hydra/launcher"]) != "packed":
        raise ConfigError(f"hydra/launcher: {launcher!r}; must be packed with until={until.way}")
    if (size := config.hydra.sweeper.max_batch_size) is not None:
        raise ConfigError(f"hydra.sweeper.max_batch_size: {size}; must be null with until={until.way}")


def _study(config: DictConfig, typed: str) -> StudyFile:
    """What the study asks, without its runs.  Raises ConfigError for claims that cannot be understood."""
    file = _study_file(config)
    return StudyFile(
        study=config.study,
        question=config.question or "",
        source=config.source or "",
        command=typed,
        study_sha256=hashlib.sha256(file.read_bytes()).hexdigest() if file else "",
        claims=claims.parse(config.claims or []),
    )


def _study_file(config: DictConfig) -> Path | None:
    """The file of experiment=..., in rnnlab's own experiments/ or in one of the user's --config-dir."""
    runtime = config.hydra.runtime
    name = runtime.choices.get("experiment")
    folders = [Path(source.path, "experiment") for source in runtime.config_sources if source.schema == "file"]
    files = [folder / f"{name}.yaml" for folder in (places.EXPERIMENTS, *folders)]
    return next((file for file in files if file.is_file()), None)


def _run_folder(*, _root_: DictConfig) -> str:
    """${run_folder:}, the name of a run's folder."""
    check_surroundings(_root_)
    run = from_node(_root_)
    check_entries(run)  # a complaint of the job itself would come after a line of Hydra's
    return run.folder


# At import, because the worker processes of Hydra's launchers import this module when they unpickle TrainRuns, and
# nothing else of the command.
OmegaConf.register_new_resolver("run_folder", _run_folder, replace=True)
