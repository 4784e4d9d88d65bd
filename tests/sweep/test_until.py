"""A sweep that adds seeds until its claims are decided: which runs a look takes, what is noted, and how it goes on."""

import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from rnnlab.options import ConfigError
from rnnlab.records import claims
from rnnlab.records.study import Looks, StudyFile, read_study_file
from rnnlab.sweep import sweep as sweep_module
from rnnlab.sweep.engine import EngineError
from rnnlab.sweep.finished import RunFailed
from rnnlab.sweep.folder import locked
from rnnlab.sweep.options import SweepOptions
from rnnlab.sweep.sweep import sweep, write_record
from rnnlab.sweep.until import sweep_until

QUIET = SweepOptions(report=False)
LOOKS = (2, 4, 6)
ACTIVATIONS = ("tanh", "relu", "sigmoid", "elu")  # no claim is about elu
CLAIMS = claims.parse(
    [
        {
            "says": "relu learns better than tanh does",
            "quantity": "score",
            "of": {"cell.activation": "relu"},
            "against": {"cell.activation": "tanh"},
            "is": "higher",
        },
        {
            "says": "sigmoid learns",
            "quantity": "score",
            "of": {"cell.activation": "sigmoid"},
            "than": 0.5,
            "is": "higher",
        },
    ]
)
STUDY = StudyFile("s", command="make it", claims=CLAIMS)
RECORD = ("run.json", "curves.csv", "predictions.csv", "weights.safetensors")


@pytest.fixture
def runs(run_config):
    return [
        run_config(cell__activation=activation, training__steps=1, seed=seed)
        for activation in ACTIVATIONS
        for seed in range(LOOKS[-1])
    ]


def undecided_after(*by_look):
    """What to answer after each look taken, and the answers given so far."""
    asked = []

    def undecided(folder, precision):
        file, _ = read_study_file(folder)
        asked.append((len(file.looks.taken), precision))
        return by_look[len(file.looks.taken) - 1]

    undecided.asked = asked
    return undecided


def trained(folder):
    """activation -> the seeds of the runs in the folder."""
    found = {activation: set() for activation in ACTIVATIONS}
    for path in folder.glob("*/run.json"):
        _, _, activation, seed, _ = path.parent.name.split("-")
        found[activation].add(int(seed[1:]))
    return {activation: sorted(seeds) for activation, seeds in found.items()}


def content(folder):
    """Every byte that follows from what was asked for."""
    files = [folder / "study.json", *(path for name in RECORD for path in folder.glob(f"*/{name}"))]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_look_adds_seeds_only_to_runs_that_undecided_claims_need(inline, runs, tmp_path, capsys):
    inline()
    endings = sweep_until(runs, tmp_path, STUDY, LOOKS, undecided=undecided_after((1,), ()), options=QUIET)
    assert trained(tmp_path) == {"tanh": [0, 1], "relu": [0, 1], "sigmoid": [0, 1, 2, 3], "elu": [0, 1]}
    asked = [run for run in runs if run.seed < (4 if run.cell.activation.name == "sigmoid" else 2)]
    assert set(endings) == {run.run_id for run in asked}
    assert {ending.status for ending in endings.values()} == {"completed"}
    lines = [line for line in capsys.readouterr().out.splitlines() if "runs" not in line]
    assert lines == [
        "look 1 of 3: 2 seeds; planned next: 4, 6",
        "look 2 of 3: 4 seeds; 1 of 2 claims undecided: sigmoid learns",
        "all 2 claims decided after 4 seeds",
    ]


def test_the_study_expects_what_has_been_asked_for_and_not_more(inline, runs, tmp_path):
    inline()
    sweep_until(runs, tmp_path, STUDY, LOOKS, undecided=undecided_after((1,), ()), options=QUIET)
    file, notes = read_study_file(tmp_path)
    assert notes == ()
    assert set(file.expected) == {path.parent.name for path in tmp_path.glob("*/run.json")}
    by_claim = [{name.split("-")[2] for name in names} for names in file.needed]
    assert by_claim == [{"tanh", "relu"}, {"sigmoid"}]
    assert [len(names) for names in file.needed] == [4, 4]
    assert file.looks == Looks(LOOKS, ((0, 1), (1,)))
    assert file.earlier == ()


def test_a_look_is_noted_before_its_runs_are_computed(inline, runs, tmp_path):
    inline()
    noted = {}

    def on_finished(delivery, folder):
        looks = read_study_file(tmp_path)[0].looks
        noted.setdefault(delivery.run.seed, set()).add((looks.planned, looks.seeds_taken))
        write_record(delivery, folder)

    undecided = undecided_after((0,), (0,), (0,))
    sweep_until(runs, tmp_path, STUDY, LOOKS, undecided=undecided, options=QUIET, on_finished=on_finished)
    assert noted == {seed: {(LOOKS, LOOKS[: 1 + seed // 2])} for seed in range(6)}


def test_it_ends_with_the_last_look(inline, runs, tmp_path, capsys):
    inline()
    sweep_until(runs, tmp_path, STUDY, LOOKS, undecided=undecided_after((0, 1), (0, 1), (0,)), options=QUIET)
    assert trained(tmp_path) == {"elu": [0, 1]} | {name: [*range(6)] for name in ("tanh", "relu", "sigmoid")}
    last = "1 of 2 claims undecided: relu learns better than; 6 seeds were the last look"
    assert capsys.readouterr().out.splitlines()[-1] == last


def test_a_claim_that_comes_back_gets_the_seeds_that_it_has_missed(inline, runs, tmp_path):
    """An interval can be narrow enough at one look and not at the next one, when another claim has been decided."""
    inline()
    sweep_until(runs, tmp_path, STUDY, LOOKS, undecided=undecided_after((0,), (1,), ()), options=QUIET)
    assert trained(tmp_path) == {"tanh": [*range(4)], "relu": [*range(4)], "sigmoid": [*range(6)], "elu": [0, 1]}


def test_until_precise_hands_on_the_width_and_says_so(inline, runs, tmp_path, capsys):
    inline()
    undecided = undecided_after((1,), ())
    sweep_until(runs, tmp_path, STUDY, LOOKS, precision=0.25, undecided=undecided, options=QUIET)
    assert undecided.asked == [(1, 0.25), (2, 0.25)]
    out = capsys.readouterr().out
    assert "look 2 of 3: 4 seeds; 1 of 2 claims with an interval wider than 0.25: sigmoid learns\n" in out
    assert out.endswith("all 2 claims precise to 0.25 after 4 seeds\n")


def test_the_same_call_again_computes_nothing_and_takes_no_look(inline, runs, tmp_path, capsys):
    inline()
    undecided = undecided_after((1,), ())
    first = sweep_until(runs, tmp_path, STUDY, LOOKS, undecided=undecided, options=QUIET)
    before = content(tmp_path)
    computed = []
    second = sweep_until(
        runs, tmp_path, STUDY, LOOKS, undecided=undecided, options=QUIET, on_finished=lambda d, _: computed.append(d)
    )
    assert (second, computed, content(tmp_path)) == (first, [], before)
    assert capsys.readouterr().out.endswith("all 2 claims decided after 4 seeds\n")


def stopped_in_look_2(how):
    def on_finished(delivery, folder):
        write_record(delivery, folder)
        if delivery.run.seed == 2:
            how()

    return on_finished


def no_space():
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("how", "error"),
    [(lambda: os.kill(os.getpid(), signal.SIGINT), KeyboardInterrupt), (no_space, RunFailed)],
    ids=["Ctrl-C", "a full disk"],
)
def test_a_sweep_that_was_stopped_goes_on_with_its_look_and_ends_with_the_same_bytes(
    inline, runs, tmp_path, how, error
):
    undecided = undecided_after((1,), (0,), (0,))
    inline()
    sweep_until(runs, tmp_path / "whole", STUDY, LOOKS, undecided=undecided, options=QUIET)
    del undecided.asked[:]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(error):
            sweep_until(
                runs,
                tmp_path / "parts",
                STUDY,
                LOOKS,
                undecided=undecided,
                options=QUIET,
                on_finished=stopped_in_look_2(how),
            )
    finally:
        signal.signal(signal.SIGINT, before)
    assert read_study_file(tmp_path / "parts")[0].looks == Looks(LOOKS, ((0, 1), (1,)))
    assert len(content(tmp_path / "parts")) < len(content(tmp_path / "whole"))
    inline()
    sweep_until(runs, tmp_path / "parts", STUDY, LOOKS, undecided=undecided, options=QUIET)
    assert content(tmp_path / "parts") == content(tmp_path / "whole")
    assert [n for n, _ in undecided.asked] == [1, 2, 3]  # after no look twice


def test_redo_all_computes_each_run_once(inline, runs, tmp_path):
    inline()
    undecided = undecided_after((0, 1), (1,), ())
    first = sweep_until(runs, tmp_path, STUDY, LOOKS, undecided=undecided, options=QUIET)
    computed = []

    def on_finished(delivery, folder):
        computed.append(delivery.run.run_id)
        write_record(delivery, folder)

    again = replace(QUIET, redo="all")
    sweep_until(runs, tmp_path, STUDY, LOOKS, undecided=undecided, options=again, on_finished=on_finished)
    assert sorted(computed) == sorted(first)


def test_no_look_is_taken_while_a_run_that_an_undecided_claim_needs_has_failed(inline, runs, tmp_path, capsys):
    inline(deadly=[3])
    undecided = undecided_after((0, 1), (0,), ())
    endings = sweep_until(runs, tmp_path, STUDY, LOOKS, undecided=undecided, options=QUIET)
    assert sum(ending.status == "failed" for ending in endings.values()) == 3
    said = "no further look is taken: 2 runs that undecided claims need did not complete"
    assert capsys.readouterr().out.splitlines()[-1] == said
    inline()
    sweep_until(runs, tmp_path, STUDY, LOOKS, undecided=undecided, options=QUIET)
    assert capsys.readouterr().out.splitlines()[-1] == "all 2 claims decided after 6 seeds"


def test_a_failed_run_that_only_a_decided_claim_needs_is_no_reason_to_stop(inline, runs, tmp_path, capsys):
    inline(deadly=[1])
    healthy = [run for run in runs if run.seed != 1 or run.cell.activation.name != "sigmoid"]
    endings = sweep_until(healthy, tmp_path, STUDY, LOOKS, undecided=undecided_after((1,), ()), options=QUIET)
    assert sum(ending.status == "failed" for ending in endings.values()) == 3
    assert capsys.readouterr().out.splitlines()[-1] == "all 2 claims decided after 4 seeds"


# The report


@pytest.fixture
def reported(monkeypatch):
    """The folders that have been reported on, each with the looks taken by then."""
    found = []

    def write_report(folder):
        found.append((folder, len(read_study_file(folder)[0].looks.taken)))
        return folder / "page"

    monkeypatch.setattr(sweep_module, "write_report", write_report)
    return found


def test_the_report_is_written_once_after_the_last_look(inline, runs, tmp_path, reported):
    inline()
    sweep_until(runs, tmp_path, STUDY, LOOKS, undecided=undecided_after((0, 1), (0,), ()))
    assert reported == [(tmp_path, 3)]


def test_the_report_is_written_when_a_look_breaks_off(inline, runs, tmp_path, reported):
    inline()
    with pytest.raises(RunFailed):
        sweep_until(
            runs,
            tmp_path,
            STUDY,
            LOOKS,
            undecided=undecided_after((0, 1)),
            on_finished=stopped_in_look_2(no_space),
        )
    assert reported == [(tmp_path, 2)]


def test_a_folder_that_is_in_use_is_left_alone(inline, runs, tmp_path, reported):
    inline()
    with locked(tmp_path), pytest.raises(ConfigError, match="in use by another rnnlab command"):
        sweep_until(runs, tmp_path, STUDY, LOOKS, undecided=undecided_after())
    assert reported == []


# Before anything is computed


def test_a_dry_run_says_what_the_first_look_would_compute_and_which_are_planned(inline, runs, tmp_path, capsys):
    inline()
    options = replace(QUIET, dry_run=True)
    undecided = undecided_after()
    assert sweep_until(runs, tmp_path / "study", STUDY, LOOKS, undecided=undecided, options=options) == {}
    out = capsys.readouterr().out
    assert "look 1 of 3: 2 seeds; planned next: 4, 6\n" in out
    assert "0 runs are done, 8 to compute in 1 pack" in out
    assert not (tmp_path / "study").exists()
    assert undecided.asked == []


def test_a_study_without_claims_is_refused(runs, tmp_path):
    with pytest.raises(ConfigError, match="until: needs claims that can be decided, and the study has none"):
        sweep_until(runs, tmp_path, StudyFile("s"), LOOKS, undecided=undecided_after())


def test_other_seeds_than_those_of_the_last_look_are_refused(runs, tmp_path):
    with pytest.raises(ConfigError, match="seed: 6 seeds up to 5; must be 0 to 7, all of the last look"):
        sweep_until(runs, tmp_path, STUDY, (2, 4, 8), undecided=undecided_after())
    assert not list(tmp_path.iterdir())


# Plans that are changed


def test_looks_that_are_added_when_there_are_data_are_kept_in_mind_and_all_are_taken_anew(inline, runs, tmp_path):
    inline()
    first = [run for run in runs if run.seed < 4]
    sweep_until(first, tmp_path, STUDY, (2, 4), undecided=undecided_after((1,), (1,)), options=QUIET)
    assert read_study_file(tmp_path)[0].earlier == ()
    undecided = undecided_after((0,), (0,), ())
    sweep_until(runs, tmp_path, STUDY, LOOKS, undecided=undecided, options=QUIET)
    file, _ = read_study_file(tmp_path)
    assert file.earlier == ("planned with looks at 2, 4 seeds, later with looks at 2, 4, 6 seeds",)
    assert file.looks == Looks(LOOKS, ((0, 1), (0,), (0,)))
    assert [n for n, _ in undecided.asked] == [1, 2, 3]


def test_a_sweep_with_more_seeds_than_before_is_kept_in_mind_too(inline, runs, tmp_path):
    inline()
    for n_seeds in (2, 3, 3):
        sweep([run for run in runs if run.seed < n_seeds], tmp_path, STUDY, options=QUIET)
    assert read_study_file(tmp_path)[0].earlier == ("planned with 2 seeds, later with 3 seeds",)
    sweep_until(runs, tmp_path, STUDY, LOOKS, undecided=undecided_after(()), options=QUIET)
    assert read_study_file(tmp_path)[0].earlier == (
        "planned with 2 seeds, later with 3 seeds",
        "planned with 3 seeds, later with looks at 2, 4, 6 seeds",
    )


def test_a_plan_that_is_changed_before_there_are_data_is_nobodys_business(inline, runs, tmp_path):
    class Refusing:
        """An engine that cannot compute."""

        def submit(self, pack):
            raise EngineError("no")

    engine = inline()
    engine.submit = Refusing().submit
    with pytest.raises(EngineError):
        sweep([run for run in runs if run.seed < 2], tmp_path, STUDY, options=QUIET)
    inline()
    sweep(runs, tmp_path, STUDY, options=QUIET)
    assert read_study_file(tmp_path)[0].earlier == ()


# Without Hydra, with real workers

EXAMPLE = """
import sys
from pathlib import Path

from rnnlab.config.parse import from_node
from rnnlab.records import claims
from rnnlab.records.study import StudyFile
from rnnlab.statistics.looks import planned
from rnnlab.sweep.options import SweepOptions
from rnnlab.sweep.until import sweep_until

if __name__ == "__main__":
    looks = planned(max_seeds=4, first=2)
    runs = [
        from_node(
            {
                "task": {"name": "sines", "n_points": 40, "window": 4, "forecast_steps": 3},
                "cell": {"name": "rnn", "hidden_size": 5, "activation": activation},
                "optimizer": {"name": "adam"},
                "training": {"steps": 3, "batch_size": 8},
                "seed": seed,
            }
        )
        for activation in ("tanh", "relu")
        for seed in range(looks[-1])
    ]
    claim = {"says": "relu learns", "quantity": "score", "of": {"cell.activation": "relu"}, "than": 0.5, "is": "higher"}
    study = StudyFile("mine", claims=claims.parse([claim]))
    options = SweepOptions(n_workers=2, report=False)
    folder = Path("outputs/mine")
    endings = sweep_until(runs, folder, study, looks, undecided=lambda folder, precision: [0], options=options)
    print(*(ending.status for ending in endings.values()))
    print("hydra" in sys.modules, "hydra_plugins" in sys.modules)
"""


def test_it_is_a_library_call_that_needs_no_hydra(tmp_path):
    ended = subprocess.run([sys.executable, "-c", EXAMPLE], cwd=tmp_path, capture_output=True, text=True, check=True)
    said, *_, last, statuses, hydra = ended.stdout.splitlines()
    assert said == "look 1 of 2: 2 seeds; planned next: 4"
    assert last == "1 of 1 claim undecided: relu learns; 4 seeds were the last look"
    assert (statuses, hydra) == (" ".join(["completed"] * 6), "False False")
    assert ended.stderr == (  # said once; 2 looks * 2^-6 = .031
        'rnnlab: claim 1, "relu learns", cannot be decided by 4 seeds: it needs 7 at least; more seeds: max_seeds=7\n'
    )
    assert {name: seeds for name, seeds in trained(tmp_path / "outputs" / "mine").items() if seeds} == {
        "tanh": [0, 1],
        "relu": [0, 1, 2, 3],
    }
