"""A sweep that adds seeds until its claims are decided: one call of `sweep` for each look at a growing number of seeds.

    looks = planned(max_seeds=80)                                   rnnlab.statistics.looks: 10, 20, 40, 80
    endings = sweep_until(runs, Path("outputs/mine"), study, looks)

The runs of all seeds are described at first, and a look computes those of them that undecided claims need.  study.json
names a look before its runs are computed, so a command that was killed goes on with the look that it was taking.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from rnnlab.config.run import RunConfig
from rnnlab.options import ConfigError, counted
from rnnlab.records.claims import Claim
from rnnlab.records.progress import at_work
from rnnlab.records.study import Looks, StudyFile, read_study_file
from rnnlab.report import undecided_claims
from rnnlab.sweep.checks import with_runs
from rnnlab.sweep.options import SweepOptions
from rnnlab.sweep.sweep import Beside, Ending, OnFinished, no_files, report_on, sweep

# Study folder, `precision` -> the claims that need more seeds, by their places in the list of claims.
Undecided = Callable[[Path, float | None], Collection[int]]


def sweep_until(
    runs: Sequence[RunConfig],
    folder: Path,
    study: StudyFile,
    looks: Sequence[int],
    *,
    precision: float | None = None,
    undecided: Undecided = undecided_claims,
    device: str = "cpu",
    backend: str = "auto",
    options: SweepOptions | None = None,
    files: Mapping[str, str] | None = None,
    beside: Beside = no_files,
    on_finished: OnFinished | None = None,
) -> dict[str, Ending]:
    """Compute runs, look after look, until no claim is undecided or the last look is taken.

    runs: of all seeds, 0 to the last number in `looks` minus 1.  The first look computes all conditions, a later one
    only those that an undecided claim is about.  precision: go on until each claim's interval is at most this wide, in
    the unit of its quantity; None: until each claim is decided.  undecided: which claims need more seeds.

    No further look is taken while a run that an undecided claim needs has failed or was cancelled.

    Returns and raises what `sweep` does, for the runs that were asked for; all else is as there, too."""
    options = options or SweepOptions()
    runs = list({run.run_id: run for run in runs}.values())
    _check(runs, study, looks)
    needed = with_runs(study, runs).needed or ()
    now = _begun(folder, study, tuple(looks))
    endings: dict[str, Ending] = {}
    with at_work(folder) if not options.dry_run else nullcontext():
        try:
            while True:
                print(_announced(now, study.claims, precision), flush=True)
                asked = [run for run in runs if _is_asked(run, now, needed)]
                endings |= sweep(
                    [run for run in asked if run.run_id not in endings],
                    folder,
                    replace(with_runs(study, asked), looks=now),
                    device=device,
                    backend=backend,
                    options=replace(options, report=False),
                    files=files,
                    beside=beside,
                    on_finished=on_finished,
                )
                if options.dry_run:
                    return {}
                still = tuple(sorted(undecided(folder, precision)))
                ending = _ending(now, study.claims, still, precision)
                if not ending and (n_lacking := _n_lacking(asked, endings, [needed[n] for n in still])):
                    lacking = counted(n_lacking, "run")
                    ending = f"no further look is taken: {lacking} that undecided claims need did not complete"
                if ending:
                    print(ending, flush=True)
                    break
                now = replace(now, taken=(*now.taken, still))
        except ConfigError:  # nothing was computed, or another command works in the folder
            raise
        except BaseException:
            if options.report:
                report_on(folder)
            raise
        if options.report:
            report_on(folder)
        return endings


def _check(runs: Sequence[RunConfig], study: StudyFile, looks: Sequence[int]) -> None:
    """Raise ConfigError for a study without claims, and for other seeds than those of the looks."""
    if not study.claims:
        raise ConfigError("until: needs claims that can be decided, and the study has none")
    seeds = {run.seed for run in runs}
    if seeds != set(range(looks[-1])):
        raise ConfigError(
            f"seed: {len(seeds)} seeds up to {max(seeds)}; must be 0 to {looks[-1] - 1}, all of the last look"
        )


def _begun(folder: Path, study: StudyFile, planned: tuple[int, ...]) -> Looks:
    """The looks up to the one that is to be taken now: the last one that an earlier command has begun, or the first."""
    previous, _ = read_study_file(folder)
    looks = previous.looks
    if looks and looks.taken and looks.planned == planned and previous.claims == study.claims:
        return looks
    return Looks(planned, (tuple(range(len(study.claims))),))


def _is_asked(run: RunConfig, looks: Looks, needed: Sequence[Collection[str]]) -> bool:
    """Whether one of the looks taken needs a run.  needed: for each claim, the folders of the runs that it is about."""
    return any(
        run.seed < n_seeds and (look == 0 or any(run.folder in needed[n] for n in claims))
        for look, (n_seeds, claims) in enumerate(zip(looks.seeds_taken, looks.taken, strict=True))
    )


def _n_lacking(asked: Sequence[RunConfig], endings: dict[str, Ending], needed: Sequence[Collection[str]]) -> int:
    """How many of the runs that were asked for and are needed have failed, or were cancelled."""
    lacking = [run for run in asked if endings[run.run_id].status != "completed"]
    return sum(any(run.folder in names for names in needed) for run in lacking)


# What the terminal says


def _announced(looks: Looks, claims: Sequence[Claim], precision: float | None) -> str:
    number, n_seeds, still = len(looks.taken), looks.seeds_taken[-1], looks.taken[-1]
    line = f"look {number} of {len(looks.planned)}: {counted(n_seeds, 'seed')}"
    if number > 1:
        return f"{line}; {_in_words(claims, still, precision)}"
    rest = ", ".join(map(str, looks.planned[1:]))
    return f"{line}" + (f"; planned next: {rest}" if rest else "")


def _ending(looks: Looks, claims: Sequence[Claim], still: Sequence[int], precision: float | None) -> str:
    """How the looks ended; empty if they go on."""
    n_seeds = looks.seeds_taken[-1]
    if not still:
        claims_in_words = f"all {len(claims)} claims" if len(claims) > 1 else "the only claim"
        state = "decided" if precision is None else f"precise to {precision:g}"
        return f"{claims_in_words} {state} after {counted(n_seeds, 'seed')}"
    if n_seeds == looks.planned[-1]:
        return f"{_in_words(claims, still, precision)}; {n_seeds} seeds were the last look"
    return ""


def _in_words(claims: Sequence[Claim], still: Sequence[int], precision: float | None) -> str:
    """2 of 7 claims undecided: relu diverges more often, leaky_relu predicts the next, ..."""
    state = "undecided" if precision is None else f"with an interval wider than {precision:g}"
    words = [" ".join(claims[n].says.split()[:4]) for n in still[:3]]
    rest = [f"{len(still) - 3} more"] if len(still) > 3 else []
    return f"{len(still)} of {counted(len(claims), 'claim')} {state}: {', '.join([*words, *rest])}"
