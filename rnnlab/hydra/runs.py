"""rnnlab's own jobs: each one is a run.  From what Hydra composed to a sweep, and back to a JobReturn per job."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from hydra.conf import RuntimeConf
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.types import Override
from hydra.core.utils import JobReturn
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from rnnlab import places, plugins
from rnnlab.config.architecture import parameters_to_match
from rnnlab.config.parse import check_surroundings, from_node, idle_in_words, idle_options
from rnnlab.config.run import RunConfig
from rnnlab.config.until import KEYS as UNTIL
from rnnlab.config.until import Until, until_of
from rnnlab.hydra.compose import Job, plain
from rnnlab.hydra.files import PackedJobReturn, hydra_files, run_with_callbacks
from rnnlab.hydra.launch import NOTE, CheckedJobs, PackedTask, Setup
from rnnlab.hydra.refusals import refuse_swept_surroundings
from rnnlab.options import ConfigError, shown
from rnnlab.records import claims
from rnnlab.records.run import RUN
from rnnlab.records.study import StudyFile
from rnnlab.sweep.alone import run_alone
from rnnlab.sweep.backend import check_backend
from rnnlab.sweep.checks import checked_runs, with_runs
from rnnlab.sweep.counting import counted
from rnnlab.sweep.displays import display_for
from rnnlab.sweep.entries import check_entries
from rnnlab.sweep.execute import Delivery
from rnnlab.sweep.folder import say_what_code_has_changed
from rnnlab.sweep.machine import check_device
from rnnlab.sweep.memory import check_memory
from rnnlab.sweep.options import SweepOptions
from rnnlab.sweep.provenance import command
from rnnlab.sweep.sweep import Ending, sweep
from rnnlab.sweep.until import sweep_until

SHARED = (
    "study",
    "device",
    "backend",
    "plugins",
    "question",
    "source",
    "claims",
    "match",
    *UNTIL,
)  # by the runs of a sweep
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
        hydra = HydraConfig.get()
        folder = Path(hydra.runtime.output_dir)
        study = _study(config, hydra.runtime, self.typed)
        run = from_node(config)
        idle = idle_options(config, run)
        if remarks := [*([idle_in_words(idle)] if idle else []), *run.task.remarks]:
            print(f"rnnlab: {'; '.join(remarks)}", file=sys.stderr)
        check_backend([run], config.device, config.backend)
        if not (folder / RUN).exists():
            say_what_code_has_changed(folder.parent, [run])
        check_memory([run], config.device, hydra.launcher.get("memory_gb"))
        if hydra.mode is RunMode.RUN and hydra.sweeper.get("params") and not self.quiet:
            print(
                f"rnnlab: this is one run, in the folder of the study {study.study}, whose report will show it; "
                f"the whole study is rnnlab -m experiment={hydra.runtime.choices['experiment']}; "
                "study=NAME keeps the run apart",
                file=sys.stderr,
            )
        finished = run_alone(
            run,
            folder,
            config.device,
            config.backend,
            self.typed,
            checkpoint_s=hydra.launcher.get("checkpoint_s", SweepOptions.checkpoint_s),
            display=display_for(keeps=False, quiet=self.quiet) if hydra.mode is RunMode.RUN else None,
        )
        if not self.quiet:
            print(f"{finished.summary}\n{folder}")
        return finished.objective

    def axes(self, params: Mapping[str, str], given: Sequence[Override], config: DictConfig) -> Mapping[str, str]:
        """With `until`, the seeds of the last look, whatever the study's file says.  A sweep over what its runs share,
        and one that cannot be taken look after look, is refused here, before its many jobs are composed."""
        swept = {o.key_or_group: str(o.input_line).partition("=")[2] for o in given if o.is_sweep_override()}
        refuse_swept_surroundings(swept, params, (*SHARED, "match.parameters"))
        until, keys = until_of(config), {override.key_or_group for override in given}
        if until is None:
            for key in ("first_seeds", "max_seeds"):
                if key in keys:
                    raise ConfigError(f"{key}: does not act without until=decided or until=precise")
            return params
        if "seed" in keys:
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
        shared = {key: config[key] for key in SHARED}
        told = counted(jobs, len(jobs), "runs checked")
        runs = checked_runs((job.resolved() for job in told), shared, [job.condition for job in jobs])
        return CheckedJobs(jobs, runs, with_runs(_study(config, config.hydra.runtime, self.typed), runs))

    def run(self, checked: CheckedJobs, setup: Setup, options: SweepOptions) -> list[JobReturn]:
        """Compute the runs as one sweep.  Raises what `sweep` raises."""
        assert checked.study is not None, "from check()"
        has_callbacks = bool(setup.hydra_context.callbacks.callbacks)
        last_job = {run.run_id: job for job, run in zip(checked.jobs, checked.runs, strict=True)}
        jobs_of: dict[str, list[Job]] = {}
        for job, run in zip(checked.jobs, checked.runs, strict=True) if has_callbacks else ():
            jobs_of.setdefault(run.run_id, []).append(job)

        def beside(run: RunConfig, folder: Path) -> Mapping[str, str]:
            """.hydra/; when several jobs ask for the same run, it is the one of the last job."""
            return hydra_files(last_job[run.run_id], folder)

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
            files={NOTE: OmegaConf.to_yaml(config)},
            beside=beside,
            on_finished=write if has_callbacks else None,
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


def _study(config: DictConfig, runtime: RuntimeConf | DictConfig, typed: str) -> StudyFile:
    """What the study asks, without its runs.  runtime: Hydra's.  Raises ConfigError for what cannot be understood.

    Question, source and claims are recorded as they are written, with ${oc.env:...} unresolved: a record must not hold
    what stands in somebody's environment."""
    file = _study_file(runtime)
    written = plain(OmegaConf.masked_copy(config, ["question", "source", "claims"]))
    for key in ("question", "source"):
        if not isinstance(written.get(key), str | None):
            raise ConfigError(f"{key}: {shown(written[key])}; must be text, or null")
    return StudyFile(
        study=config.study,
        question=written.get("question") or "",
        source=written.get("source") or "",
        command=typed,
        study_sha256=hashlib.sha256(file.read_bytes()).hexdigest() if file else "",
        claims=claims.parse(written.get("claims") or []),
        matched_parameters=parameters_to_match(config.match),
    )


def _study_file(runtime: RuntimeConf | DictConfig) -> Path | None:
    """The file of experiment=..., in rnnlab's own experiments/ or in one of the user's --config-dir."""
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
