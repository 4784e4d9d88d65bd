import pytest

from rnnlab.options import ConfigError
from rnnlab.records.claims import Claim, check, parse

RELU = {
    "says": "relu diverges more often than tanh",
    "quantity": "diverged",
    "of": {"cell.activation": "relu"},
    "against": {"cell.activation": "tanh"},
    "is": "higher",
}
CONFIGS = [
    {"task.name": task, "cell.activation": name, "cell.negative_slope": slope, "cell.bias": True, "seed": seed}
    for task in ("sines", "digits")
    for name, slope in (("tanh", 0.01), ("relu", 0.01), ("leaky_relu", 0.0), ("leaky_relu", 0.3))
    for seed in range(2)
]


def sides(claim):
    return [claim.side(config) for config in CONFIGS]


def refusal(**entries):
    """What is said of the relu claim with some entries changed; None takes one away."""
    entry = {key: value for key, value in (RELU | entries).items() if value is not None}
    with pytest.raises(ConfigError) as error:
        check(parse([entry]), CONFIGS)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_claim_reads_as_it_is_written_and_reads_back():
    (claim,) = parse([RELU])
    assert (claim.direction, claim.by, claim.level, claim.than) == ("higher", 0.0, 0.95, None)
    assert claim.keys == ("cell.activation",)
    assert parse([claim.as_dict()]) == (claim,)
    full = RELU | {"where": {"task": "sines"}, "by": 0.1, "level": 0.9, "source": "a post"}
    full |= {"margin": 0.05, "because": "one run in twenty", "tuned": []}
    assert parse([full])[0].as_dict() == full


def test_every_run_stands_on_one_side_or_on_neither():
    (claim,) = parse([RELU | {"where": {"task": ["sines"]}}])
    assert sides(claim) == ["against"] * 2 + ["of"] * 2 + [None] * 12


def test_a_group_may_be_given_by_a_comparison_or_by_several_values():
    above = Claim("", "dead_frac", {"cell.activation": "leaky_relu", "cell.negative_slope": "> 0"}, "lower", than=0.05)
    assert sides(above) == ([None] * 6 + ["of"] * 2) * 2
    several = Claim("", "score", {"cell.activation": ["relu", "tanh"]}, "higher", than=0.5)
    assert sides(several) == (["of"] * 4 + [None] * 4) * 2


def test_a_list_on_a_side_is_a_comparison_for_each_of_its_values():
    (worst,) = parse([RELU | {"against": {"cell.activation": ["tanh", "leaky_relu"]}, "where": {"task": ["sines"]}}])
    assert [dict(each.against) for each in worst.comparisons] == [
        {"cell.activation": "tanh"}, {"cell.activation": "leaky_relu"},
    ]  # fmt: skip
    assert [each.where for each in worst.comparisons] == [{"task": ["sines"]}] * 2  # all of them together
    (both,) = parse([RELU | {"of": {"cell.activation": ["tanh", "relu"]}, "against": None, "than": 0.1}])
    assert [each.side(CONFIGS[0]) for each in both.comparisons] == ["of", None]


def test_numbers_without_a_common_scale_are_not_put_together():
    assert refusal(quantity="eval_loss") == (
        "claims[0].quantity: eval_loss of sines, digits; numbers of different tasks have no common scale: make a claim "
        "for each task, with where: {task: sines}, or use score"
    )
    for bounded in ("score", "accuracy", "dead_frac_layer0", "learned"):
        check(parse([RELU | {"quantity": bounded}]), CONFIGS)
    check(parse([RELU | {"quantity": "eval_loss", "where": {"task": "digits"}}]), CONFIGS)


def test_the_kind_of_a_quantity_follows_from_its_bounds():
    kinds = {"diverged": "event", "learned": "event", "score": "bounded", "accuracy": "bounded",
             "saturated_frac_layer2": "bounded", "eval_loss": "unbounded", "skill": "unbounded",
             "whatever": "unbounded"}  # fmt: skip
    assert {name: parse([RELU | {"quantity": name}])[0].kind for name in kinds} == kinds


def test_each_side_chooses_its_learning_rate_unless_the_claim_says_otherwise():
    rate, clip = "optimizer.learning_rate", "optimizer.clip_norm"
    score = RELU | {"quantity": "score"}
    assert parse([score])[0].chosen([rate, clip]) == (rate,) and parse([score])[0].chosen([clip]) == ()
    assert parse([RELU])[0].chosen([rate]) == ()  # diverged is counted over all rates
    assert parse([RELU | {"tuned": [rate]}])[0].chosen([rate]) == (rate,)
    assert parse([score | {"tuned": []}])[0].chosen([rate]) == ()
    assert parse([score | {"tuned": [rate, clip]}])[0].chosen([rate, clip]) == (rate, clip)
    assert parse([score | {"where": {rate: 0.1}}])[0].chosen([rate]) == ()


def test_a_truth_value_is_not_the_number_one():
    assert set(sides(Claim("", "score", {"cell.bias": 1}, "higher", than=0.5))) == {None}
    assert set(sides(Claim("", "score", {"cell.bias": True}, "higher", than=0.5))) == {"of"}


def test_null_is_a_value_to_be_claimed_about():
    configs = [{"task.name": "sines", "optimizer.clip_norm": clip} for clip in (None, 1.0)]
    (claim,) = parse([RELU | {"of": {"optimizer.clip_norm": None}, "against": {"optimizer.clip_norm": 1.0}}])
    check([claim], configs)
    assert [claim.side(config) for config in configs] == ["of", "against"]


def test_a_run_without_an_option_is_as_one_in_which_it_is_null():
    configs = [{"task.name": "text"}, {"task.name": "text", "task.reset": "window"}]
    (claim,) = parse([RELU | {"of": {"task.reset": None}, "against": {"task.reset": "window"}}])
    check([claim], configs)
    assert [claim.side(config) for config in configs] == ["of", "against"]


def test_claims_that_fit_the_sweep_pass():
    check(parse([RELU, RELU | {"against": None, "than": 0.5, "where": {"task": "digits"}}]), CONFIGS)


def test_an_unknown_key_is_an_error_that_points_out_the_near_one():
    assert refusal(of={"cell.activaton": "relu"}) == (
        "claims[0].of.cell.activaton: no such key in any run of the sweep (did you mean 'cell.activation'?)"
    )


def test_an_unknown_value_is_an_error_that_lists_what_there_is():
    assert refusal(against={"cell.activation": "tahn"}) == (
        "claims[0].against.cell.activation: no run of the sweep has 'tahn'; there is tanh, relu, leaky_relu "
        "(did you mean 'tanh'?) (claims=[] sweeps without claims)"
    )
    assert "no run of the sweep has '> 0.5'" in refusal(where={"cell.negative_slope": "> 0.5"})


def test_values_that_never_meet_in_one_run_are_an_error():
    assert refusal(of={"cell.activation": "relu", "cell.negative_slope": 0.3}).startswith(
        "claims[0].of: no run of the sweep is cell.activation=relu, cell.negative_slope=0.3"
    )


@pytest.mark.parametrize(
    ("entries", "complaint"),
    [
        ({"sayz": "x"}, "claims[0].sayz: no such key; a claim has says"),
        ({"says": None}, "claims[0].says: is missing"),
        ({"is": "bigger"}, "claims[0].is: unknown 'bigger'; one of higher, lower"),
        ({"than": 0.5}, "claims[0]: must have either against (other runs) or than (a number)"),
        ({"against": None}, "claims[0]: must have either against (other runs) or than (a number)"),
        ({"against": None, "than": "half"}, "claims[0].than: 'half'; must be a finite number"),
        ({"by": -1}, "claims[0].by: -1.0; must be at least 0"),
        ({"level": 95}, "claims[0].level: 95.0; must be at least 0.5 and below 1"),
        ({"quantity": "divergd"}, "claims[0].quantity: unknown 'divergd' (did you mean 'diverged'?)"),
        ({"quantity": ["score"]}, "claims[0].quantity: ['score']; must be one of diverged, learned, score"),
        ({"of": "relu"}, "claims[0].of: 'relu'; must say which runs"),
        ({"of": {"cell": {"activation": "relu"}}}, "claims[0].of.cell: {'activation': 'relu'}; must be a value"),
        ({"where": {"seed": "> many"}}, "claims[0].where.seed: '> many'; must compare with a number"),
        ({"margin": 0}, "claims[0].margin: 0.0; must be above 0"),
        ({"margin": 0.1, "by": 0.1}, "claims[0].margin: 0.1; must be below by (0.1)"),
        ({"tuned": "some"}, "claims[0].tuned: 'some'; must be a list of config keys"),
        ({"tuned": ["optimizer.rate"]}, "claims[0].tuned: no such key in any run of the sweep"),
    ],
)
def test_what_cannot_be_understood_is_one_line(entries, complaint):
    assert refusal(**entries).startswith(complaint)


@pytest.mark.parametrize("entries", ["relu", 3, {"says": "x"}])
def test_claims_are_a_list(entries):
    with pytest.raises(ConfigError, match=r"claims: .*; must be a list"):
        parse(entries)


def test_a_claim_is_a_mapping():
    with pytest.raises(ConfigError, match=r"claims\[0\]: 'relu'; must have the keys says"):
        parse(["relu"])


UPDATES = {"quantity": "updates", "is": "lower", "where": {"task": "sines"}}


@pytest.mark.parametrize(
    ("entries", "complaint"),
    [
        ({}, "claims[0].to: None; must be what is reached, as {score: 0.5} or {eval_loss: 0.1}"),
        ({"to": 0.5}, "claims[0].to: 0.5; must be what is reached, as {score: 0.5} or {eval_loss: 0.1}"),
        ({"to": {"score": "half"}}, "claims[0].to.score: 'half'; must be a finite number"),
        (
            {"to": {"grad_norm": 1}},
            "claims[0].to: 'grad_norm'; must be score, or a column of curves.csv with a better side",
        ),
        (
            {"to": {"score": 0.5}, "quantity": "score"},
            "claims[0].to: {'score': 0.5}; belongs to quantity: updates, not to score",
        ),
    ],
)
def test_updates_need_a_threshold_and_nothing_else_has_one(entries, complaint):
    assert refusal(**UPDATES | entries) == complaint


def test_updates_are_compared_among_runs_that_were_given_equally_many():
    (claim,) = parse([RELU | UPDATES | {"to": {"score": 0.5}}])
    assert claim.kind == "unbounded" and parse([claim.as_dict()]) == (claim,)
    check([claim], [config | {"training.steps": 100} for config in CONFIGS])
    with pytest.raises(ConfigError, match=r"updates of runs with training\.steps=100, 200; must be one number"):
        check([claim], [config | {"training.steps": 100 + 100 * config["seed"]} for config in CONFIGS])
