"""rnnlab's own jobs: each one is a run.  From what Hydra composed to a sweep, and back to a JobReturn per job."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn
from omegaconf import DictConfig, OmegaConf

from rnnlab import places
from rnnlab.config.run import RunConfig, check_surroundings, from_node, idle_in_words, idle_options
from rnnlab.hydra.compose import Job, plain
from rnnlab.hydra.files import PackedJobReturn, hydra_files, run_with_callbacks
from rnnlab.hydra.launch import CheckedJobs, PackedTask, Setup
from rnnlab.options import ConfigError
from rnnlab.records import claims
from rnnlab.records.study import StudyFile
from rnnlab.sweep.backend import check_backend
from rnnlab.sweep.checks import checked_runs, with_runs
from rnnlab.sweep.execute import Delivery
from rnnlab.sweep.machine import check_device
from rnnlab.sweep.options import SweepOptions
from rnnlab.sweep.provenance import command
from rnnlab.sweep.sweep import Ending, sweep
from rnnlab.sweep.worker import run_alone

RUN_FOLDER = "${run_folder:}"  # the name of a run's folder, in conf/config.yaml


class TrainRuns(PackedTask):
    """The task function of the command.  endings: how the runs of its sweeps ended, by run_id.

    Hydra returns nothing to the command after a sweep, so the task function keeps what the command reports at the end.
    """

    def __init__(self) -> None:
        self.endings: dict[str, Ending] = {}

    def __call__(self, config: DictConfig) -> float:
        """Train one run and write its record; its objective.  Raises RunFailed and ConfigError."""
        check_device(config.device)
        folder = Path(HydraConfig.get().runtime.output_dir)
        run = from_node(config)
        if idle := idle_options(config, run):
            print(f"rnnlab: {idle_in_words(idle)}", file=sys.stderr)
        check_backend([run], config.device, config.backend)
        finished = run_alone(run, folder, config.device, config.backend)
        print(f"{finished.summary}\n{folder}")
        return finished.objective

    def check(self, jobs: Sequence[Job], config: DictConfig) -> CheckedJobs:
        """The run that each job is."""
        check_surroundings(config)
        subdir = plain(config.hydra.sweep)["subdir"]
        if subdir != RUN_FOLDER:
            raise ConfigError(f"hydra.sweep.subdir: {subdir!r}; must stay {RUN_FOLDER!r}, a run is known by its folder")
        if config.hydra.launcher.get("engine", "local") == "local":  # else other machines compute, with other devices
            check_device(config.device)
        shared = {key: config[key] for key in ("study", "device", "backend")}
        runs = checked_runs((job.resolved() for job in jobs), shared)
        return CheckedJobs(jobs, runs, with_runs(_study(config), runs))

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
        endings = sweep(
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
    """ending: None after a dry run."""
    if ending is None:
        return PackedJobReturn(job, folder, None, failed=False)
    return PackedJobReturn(job, ending.folder, ending.objective, failed=ending.status != "completed")


def _study(config: DictConfig) -> StudyFile:
    """What the study asks, without its runs.  Raises ConfigError for claims that cannot be understood."""
    file = _study_file(config)
    return StudyFile(
        study=config.study,
        question=config.question or "",
        source=config.source or "",
        command=command(),
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
    return from_node(_root_).folder


# At import, because the worker processes of Hydra's launchers import this module when they unpickle TrainRuns, and
# nothing else of the command.
OmegaConf.register_new_resolver("run_folder", _run_folder, replace=True)
