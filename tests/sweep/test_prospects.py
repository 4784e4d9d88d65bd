"""What is said of a study's claims before it trains."""

from itertools import product

import pytest

from rnnlab.records import claims
from rnnlab.records.study import StudyFile
from rnnlab.statistics.planning import Design
from rnnlab.sweep.options import SweepOptions
from rnnlab.sweep.prospects import complaints, describe, expected, say_what_cannot_be_decided
from rnnlab.sweep.sweep import sweep

RELU_TANH = {"of": {"cell.activation": "relu"}, "against": {"cell.activation": "tanh"}, "is": "higher"}


def claim(says="relu is better than tanh", quantity="score", **entries):
    return {"says": says, "quantity": quantity} | RELU_TANH | entries


def grid(**axes):
    """The configs of a grid; __ stands for a dot."""
    keys = [key.replace("__", ".") for key in axes]
    return [{"task.name": "sines", **dict(zip(keys, values, strict=True))} for values in product(*axes.values())]


def activations(n_seeds, **axes):
    return grid(cell__activation=("tanh", "relu", "sigmoid"), seed=range(n_seeds), **axes)


def designs(entries, configs):
    return [one.design for one in expected(claims.parse(entries), configs)]


def test_seeds_are_counted_on_each_side_and_pair_where_both_have_them():
    assert designs([claim()], activations(5)) == [Design("bounded", 5, 5, True)]
    assert designs([claim()], [{"n_params": 3, **config} for config in activations(5)]) == [
        Design("bounded", 5, 5, True)
    ]
    apart = [config for config in activations(12) if (config["seed"] < 5) == (config["cell.activation"] == "relu")]
    assert designs([claim()], apart) == [Design("bounded", 5, 7, False)]
    some = [config for config in activations(12) if config["seed"] < 5 or config["cell.activation"] == "relu"]
    assert designs([claim()], some) == [Design("bounded", 5, 5, True)]


def test_a_number_has_one_side_and_its_event_is_binomial():
    entry = {
        "says": "relu learns",
        "quantity": "learned",
        "of": {"cell.activation": "relu"},
        "than": 0.9,
        "is": "higher",
    }
    (found,) = expected(claims.parse([entry]), activations(20))
    assert found.design == Design("event", 20) and found.prospect.seeds_to_support == 36
    (sentence,) = complaints([found])
    assert (
        sentence
        == 'claim 1, "relu learns", cannot be supported by 20 seeds: it needs 36 at least; more seeds: seed=range(36)'
    )
    assert not complaints(expected(claims.parse([entry]), activations(36)))


def test_settings_are_matched_and_a_seed_that_lacks_one_is_not_counted():
    configs = activations(6, cell__hidden_size=(8, 16))
    assert designs([claim()], configs) == [Design("bounded", 6, 6, True, n_settings=2)]
    lost = {"cell.activation": "relu", "cell.hidden_size": 16, "seed": 3}
    without = [config for config in configs if not lost.items() <= config.items()]
    assert designs([claim()], without) == [Design("bounded", 5, 5, True, n_settings=2)]
    on_one_side = [c for c in configs if c["cell.activation"] != "relu" or c["cell.hidden_size"] == 8]
    assert designs([claim()], on_one_side) == [Design("bounded", 6, 6, True, n_settings=1)]
    assert designs([claim(where={"cell.hidden_size": 8})], configs) == [Design("bounded", 6, 6, True)]


def test_what_only_one_side_has_is_no_setting():
    """The slope of leaky_relu is a key that relu does not have."""
    sloped = [
        config | ({"cell.slope": slope} if config["cell.activation"] == "relu" else {})
        for config in activations(6)
        for slope in (0.1, 0.2)
    ]
    assert designs([claim()], sloped) == [Design("bounded", 6, 6, True)]


def test_rates_are_chosen_by_seeds_that_are_not_scored():
    configs = activations(8, optimizer__learning_rate=(0.1, 0.01))
    entries = [claim(), claim(quantity="diverged"), claim(tuned=[])]
    chosen, diverged, plain = designs(entries, configs)
    assert chosen == Design("bounded", 8, 8, True, tuned=True) and chosen.scored == Design("bounded", 6, 6, True)
    assert diverged == Design("event", 8, 8, True, n_settings=2)
    assert plain == Design("bounded", 8, 8, True, n_settings=2)


def test_each_comparison_is_a_question_and_each_claim_one_sentence():
    worst = claim("sigmoid is worst", of={"cell.activation": "sigmoid"}, against={"cell.activation": ["tanh", "relu"]})
    entries = [claim(), worst | {"is": "lower"}]
    found = expected(claims.parse(entries), activations(5))
    assert [one.number for one in found] == [1, 2, 2] and {one.n_questions for one in found} == {3}
    assert complaints(found) == [
        f'claim {n}, "{says}", cannot be decided by 5 seeds: it needs 7 at least (one of 3 questions); '
        "more seeds: seed=range(7)"  # 3 * 2^-5 = .094, 3 * 2^-6 = .047
        for n, says in ((1, "relu is better than tanh"), (2, "sigmoid is worst"))
    ]
    assert not complaints(expected(claims.parse(entries), activations(7)))


def test_looks_need_more_seeds_and_the_last_look_counts():
    one, four = (expected(claims.parse([claim()]), activations(2), looks) for looks in ((), (2, 3, 4, 6)))
    assert (one[0].prospect.seeds_to_support, four[0].prospect.seeds_to_support) == (6, 8)
    assert four[0].design == Design("bounded", 6, 6, True)
    assert complaints(four)[0].endswith("cannot be decided by 6 seeds: it needs 8 at least; more seeds: max_seeds=8")
    assert not complaints(expected(claims.parse([claim()]), activations(2), (2, 4, 8)))


def test_a_claim_beyond_the_bounds_is_named_without_a_number_of_seeds():
    entry = {"says": "all", "quantity": "score", "of": {"cell.activation": "relu"}, "than": 1.0, "is": "higher"}
    (sentence,) = complaints(expected(claims.parse([entry]), activations(20)))
    assert sentence == 'claim 1, "all", cannot be supported by 20 seeds, nor by 1000; claims=[] sweeps without claims'


def test_nothing_is_said_where_all_claims_can_be_decided(capsys):
    say_what_cannot_be_decided(expected(claims.parse([claim()]), activations(6)))
    say_what_cannot_be_decided(expected((), activations(6)))
    assert capsys.readouterr() == ("", "")
    say_what_cannot_be_decided(expected(claims.parse([claim()]), activations(5)))
    assert capsys.readouterr().err.startswith(
        'rnnlab: claim 1, "relu is better than tanh", cannot be decided by 5 seeds'
    )


def test_the_table_has_a_line_for_each_comparison_with_what_it_can_decide():
    entries = [
        claim(margin=0.6),
        claim("relu diverges more often than tanh, say many people in many posts", "diverged"),
    ]
    lines = describe(expected(claims.parse(entries), activations(5))).splitlines()
    table = [line.split("  ") for line in lines[1:4]]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in table]
    assert cells[0] == [
        "claim",
        "seeds",
        "smallest p",
        "supported from",
        "no difference from",
        "0.5 sd",
        "1 sd",
        "2 sd",
        "margin",
    ]
    assert cells[1][:4] == ["1", "relu is better than tanh", "5", "0.12 !"] and cells[1][4] == "7"  # 2 * 2^-4
    assert cells[1][6:] == ["0%", "0%", "0%", "0%"]
    assert cells[2][1] == "relu diverges more often than tanh, say many pe..." and cells[2][5:] == ["-"] * 5
    enough = describe(expected(claims.parse(entries), activations(40))).splitlines()[2]
    assert "!" not in enough and enough.split()[-1] == "100%"


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_sweep_names_what_it_cannot_decide_before_it_trains(dry_run, inline, run_config, tmp_path, capsys):
    inline()
    entries = [claim("5 steps are too few", "eval_loss", of={"task": "sines"}, against=None, than=1.0)]
    study = StudyFile("mine", claims=claims.parse(entries))
    sweep([run_config(seed=0)], tmp_path, study, options=SweepOptions(report=False, dry_run=dry_run))
    printed = capsys.readouterr()
    assert 'claim 1, "5 steps are too few", cannot be decided by 1 seed: it needs 6 at least' in printed.err
    assert ("claims, before training" in printed.out) == dry_run


def test_the_power_of_very_many_seeds_is_told_as_that_of_some_and_more():
    entries = claims.parse([claim()])
    some, many = (describe(expected(entries, activations(n))).splitlines()[2].split() for n in (100, 3000))
    assert [cell.lstrip(">") for cell in many[-4:]] == some[-4:]
    assert all(cell.startswith(">") or cell == "-" for cell in many[-4:])
    assert not any(cell.startswith(">") for cell in some)
