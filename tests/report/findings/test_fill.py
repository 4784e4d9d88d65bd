"""Pages filled from made-up records, whose numbers are known by construction."""

import csv
import json
import math
import re
import statistics
from dataclasses import replace

import pytest

from rnnlab.records.run import write_record
from rnnlab.report.command import main

END = "<!-- rnnlab: end -->"


@pytest.fixture
def filled(tmp_path, capsys):
    """filled(folder, "runs", ...) -> for each block its lines; a string: the complaint."""

    def fill(folder, *blocks, page="page.md"):
        text = "".join(f"<!-- rnnlab: {words} -->\n{END}\n" for words in blocks)
        (tmp_path / page).write_text(text, encoding="utf-8", newline="")
        code = main([*([str(folder)] if folder else []), "--fill", str(tmp_path / page)])
        out, err = capsys.readouterr()
        if code:
            assert (tmp_path / page).read_text(encoding="utf-8") == text, "nothing is half-written"
            return err.replace(f"{tmp_path}/", "").strip()
        assert out == f"{tmp_path / page}\n"
        contents = re.findall(r"<!-- rnnlab: (?!end).*? -->\n\n(.*?)\n\n" + END, (tmp_path / page).read_text(), re.S)
        return [content.split("\n") for content in contents]

    return fill


def rows(lines):
    """The cells of a table, without its head."""
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:] if line.startswith("|")]


def stored(tmp_path, page="page"):
    with (tmp_path / "results" / page / "runs.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def study(build, tmp_path):
    """relu diverges for one seed of five on sines; digits has accuracy; tanh fails once on digits."""
    return build.study(tmp_path / "runs")


# Tables of conditions


def test_medians_and_counts_are_those_of_the_runs(study, filled, tmp_path):
    asked = "table rows=cell.activation values=learned,diverged,test_loss:range where=task=sines"
    (lines,) = filled(study, asked)
    assert lines[0] == "| cell.activation | learned | diverged | test loss |"
    losses = [0.02 * (1 + 0.1 * seed) for seed in range(5)]  # as the records were made
    assert rows(lines)[0] == ["tanh", "5 of 5", "0 of 5", "0.024 (0.02 to 0.028)"]
    assert math.isclose(statistics.median(losses), 0.024) and math.isclose(max(losses), 0.028)
    assert rows(lines)[2] == ["relu", "4 of 5", "1 of 5", "0.12 (0.1 to diverged)"], "the worst value is a divergence"
    assert lines[-1] == "Medians of 5 runs. In parentheses the least and the greatest."
    worst = [row["test_loss"] for row in stored(tmp_path) if row["outcome"] == "diverged"]
    assert worst == ["inf"]


def test_a_quantity_of_the_report_can_be_shown_and_an_infinity_that_is_no_divergence_stays_one(build, filled, tmp_path):
    """The gradient is a tenth of that of the next step, over five steps; of relu nothing arrives."""
    decay = {"tanh": 0.1, "relu": 0.0}
    records = [build.record(activation=name, seed=seed) for name in decay for seed in range(2)]
    folder = build.runs(tmp_path / "runs", records)
    for record in records:
        build.gradients(folder / record.run_id, decay[record.config["cell"]["activation"]])
    (lines,) = filled(folder, "table rows=cell.activation values=gradient_reach")
    assert lines[0] == "| cell.activation | gradient reach (decades) |"
    assert rows(lines) == [["tanh", "-5"], ["relu", "-inf"]]


def test_quartiles_are_the_medians_of_both_halves(study, filled):
    (lines,) = filled(study, "table rows=cell.activation values=test_loss:quartiles where=task=sines")
    assert rows(lines)[0] == ["tanh", r"0.024 \[0.022 to 0.026\]"]


def test_updates_to_divergence_are_those_of_the_runs_that_diverged(study, filled):
    (lines,) = filled(study, "table rows=cell.activation values=diverged,diverged_at_step where=task=sines")
    assert lines[0] == "| cell.activation | diverged | updates to divergence |"
    assert rows(lines)[0] == ["tanh", "0 of 5", ""] and rows(lines)[2] == ["relu", "1 of 5", "50"]
    assert lines[-1] == "Medians of 5 runs. Updates to divergence: of the runs that diverged."


def test_a_key_that_follows_from_the_axes_can_be_named(build, filled, tmp_path):
    """Each activation has its own number of units: the activation is the axis."""
    records = [build.record(activation=name, cell__hidden_size=n) for name, n in (("tanh", 10), ("relu", 20))]
    (lines,) = filled(build.runs(tmp_path / "runs", records), "table rows=cell.hidden_size values=learned")
    assert rows(lines) == [["10", "1 of 1"], ["20", "1 of 1"]] and lines[-1] == "Counts of 1 run."


def test_a_metric_that_only_some_tasks_have_leaves_the_cells_of_others_empty(study, filled):
    (lines,) = filled(study, "table rows=task,cell.activation values=accuracy,mse_closed_loop")
    assert ["digits", "sigmoid", "85%", ""] in rows(lines) and ["sines", "tanh", "", "0.25"] in rows(lines)


def test_a_failed_run_counts_as_such_and_is_in_no_number(study, filled, tmp_path):
    runs, lines = filled(study, "runs", "table rows=cell.activation columns=task values=learned")
    assert rows(lines)[0] == ["tanh", "4 of 4", "5 of 5"]
    assert "- Runs: 40, 5 seeds of each condition; 38 learned, 1 diverged, 1 failed, 3 missing" in runs
    assert lines[-1] == "Learned. Counts of 4 to 5 runs."
    assert sum(row["outcome"] == "failed" for row in stored(tmp_path)) == 1


def test_columns_have_the_values_of_their_keys_and_what_is_shown(study, filled):
    (lines,) = filled(study, "table rows=cell.activation columns=task values=learned,score")
    assert lines[0] == "| cell.activation | digits: learned | digits: score | sines: learned | sines: score |"
    assert rows(lines)[3] == ["leaky_relu", "5 of 5", "0.988", "5 of 5", "0.988"], "1 - 0.01 (1 + 0.1 seed), seed 2"


def test_names_keep_to_their_cells_whatever_they_hold(build, filled, tmp_path):
    names = ("쌍|곡", "<b>*x*", "=1+1")
    records = [build.record(activation=name, seed=seed) for name in names for seed in range(2)]
    records = [replace(record, run_id=f"r{n}") for n, record in enumerate(records)]
    (lines,) = filled(build.runs(tmp_path / "runs", records), "table rows=cell.activation values=learned")
    assert [row[0] for row in rows(lines)] == [r"&lt;b>\*x\*", "=1+1", r"쌍\|곡"]
    assert {row["cell.activation"] for row in stored(tmp_path)} == {"쌍|곡", "<b>*x*", "'=1+1"}, "no formula"


def test_a_value_that_is_a_number_or_a_truth_value_is_found_again(build, filled, tmp_path):
    records = [
        build.record(seed=seed, final=rate * (1 + bias), readout__bias=bias, optimizer__learning_rate=rate)
        for seed in range(2)
        for bias in (False, True)
        for rate in (1e-5, 0.1)
    ]
    asked = "table rows=optimizer.learning_rate values=test_loss where=readout.bias=true"
    small, all_rates = filled(
        build.runs(tmp_path / "runs", records), f"{asked} where=optimizer.learning_rate<0.01", asked
    )
    assert rows(small) == [["1e-05", "2e-05"]] and rows(all_rates) == [["1e-05", "2e-05"], ["0.1", "0.2"]]


def test_what_a_source_prints_stands_beside_its_row_and_in_the_table_of_all_pages(study, filled, tmp_path):
    asked = "table rows=task,cell.activation values=test_loss,learned where=task=sines published=sines,tanh:0.016"
    (lines,) = filled(study, asked)
    assert lines[0] == "| task | cell.activation | published | test loss | learned |"
    assert [row[2:4] for row in rows(lines)[:2]] == [["0.016", "0.024"], ["", "0.6"]]
    (overview,) = filled(None, "published from=.", page="all.md")
    assert rows(overview) == [["[page](./page.md)", "sines, tanh", "test loss", "0.016", "0.024"]]


# Tuned settings, and updates to a threshold


def test_tuned_settings_are_chosen_by_the_first_seeds_and_the_others_count(build, filled, tmp_path):
    """At 0.1 the two seeds that choose are better, all others are better at 1.0."""
    records = [
        build.record(activation=name, seed=seed, final=0.01 if (rate == 0.1) == (seed < 2) else 0.5 + seed / 100,
                     optimizer__learning_rate=rate)
        for name in ("tanh", "relu") for rate in (0.1, 1.0) for seed in range(8)
    ]  # fmt: skip
    asked = "table rows=cell.activation values=chosen,test_loss:range,learned tuned=optimizer.learning_rate"
    (lines,) = filled(build.runs(tmp_path / "runs", records), asked)
    assert rows(lines)[0] == ["tanh", "0.1", "0.545 (0.52 to 0.57)", "6 of 6"]
    assert lines[-1].endswith("At the learning_rate that 2 other seeds chose by their validation losses.")


def test_choices_at_an_edge_of_three_values_or_more_are_counted(build, filled, tmp_path):
    records = [
        build.record(activation=name, seed=seed, final=abs(rate - best) + 0.01, optimizer__learning_rate=rate)
        for name, best in (("tanh", 0.1), ("relu", 0.5))
        for rate in (0.1, 0.5, 1.0)
        for seed in range(4)
    ]
    asked = "table rows=cell.activation values=chosen tuned=optimizer.learning_rate"
    (lines,) = filled(build.runs(tmp_path / "runs", records), asked)
    assert rows(lines) == [["tanh", "0.1"], ["relu", "0.5"]]
    assert lines[-1].endswith(" 1 of 2 choices are the first or the last value that was tried.")


def test_updates_to_a_threshold_count_runs_that_never_get_there(build, filled, tmp_path):
    """The curve is final + (1.5 - final) exp(-step / 15), a row every 10 steps: with 0.01 it is at 0.5 from 20 on; with
    0.6 never."""
    at_20 = [0.01 + 1.49 * math.exp(-step / 15) for step in (0, 10, 20)]
    assert at_20[1] > 0.5 >= at_20[2]
    finals = {"tanh": [0.01, 0.01, 0.01, 0.6], "relu": [0.01, 0.6, 0.6, 0.6]}
    records = [
        build.record(activation=name, seed=seed, final=final)
        for name, own in finals.items()
        for seed, final in enumerate(own)
    ]
    (lines,) = filled(
        build.runs(tmp_path / "runs", records), "table rows=cell.activation values=updates(eval_loss<=0.5)"
    )
    assert lines[0] == "| cell.activation | updates to evaluation loss 0.5 |"
    assert rows(lines) == [["tanh", "20 (3 of 4)"], ["relu", "not by half (1 of 4)"]]


# Claims, runs, figures


CLAIMS = [
    {"says": "relu | tanh, 누가?", "source": "a post", "quantity": "diverged", "of": {"cell.activation": "relu"},
     "against": {"cell.activation": ["tanh", "sigmoid"]}, "is": "higher"},
    {"says": "tanh is good", "quantity": "test_loss", "of": {"cell.activation": "tanh"}, "than": 0.5, "is": "lower",
     "where": {"task": "sines"}},
]  # fmt: skip


@pytest.fixture
def claimed(build, tmp_path):
    """Two claims on eight seeds; relu diverges in all of them."""
    records = [
        build.record(activation=name, seed=seed, diverged_at=50 if name == "relu" else None)
        for name in ("tanh", "sigmoid", "relu")
        for seed in range(8)
    ]
    folder = build.runs(tmp_path / "runs", records)
    command = "python -m rnnlab -m experiment=mine task.path=/home/me/text.txt hydra.sweep.dir=/tmp/x"
    build.study_file(folder, question="Which?", command=command, claims=CLAIMS)
    return folder


def test_claims_have_the_words_and_numbers_of_the_report(claimed, filled):
    (lines,) = filled(claimed, "claims")
    first, tanh, sigmoid, alone = rows(lines)
    assert first == [r"relu \| tanh, 누가?", "a post", "supported: 2 of 2 comparisons", "", "", "✓ supported"]
    assert tanh[0] == "... relu and tanh" and sigmoid[0] == "... relu and sigmoid"
    assert tanh[2].startswith("diverged: 100 percentage points (") and tanh[3:] == ["0.023", "8", "✓ supported"]
    assert alone[2].startswith("test loss: 0.027 (0.02 to 0.034)") and alone[5] == "✓ supported"
    assert math.isclose(3 * 2 * 2**-8, 0.0234375), "p: the sign test of eight seeds, two-sided, of three questions"


def test_a_side_that_never_gets_to_a_threshold_is_said_and_a_claim_without_runs_is_left_out(build, filled, tmp_path):
    records = [
        build.record(activation=name, seed=seed, final=final)
        for name, final in (("tanh", 0.01), ("relu", 0.6))
        for seed in range(12)
    ]
    quicker = {"says": "tanh is quicker", "quantity": "updates", "to": {"eval_loss": 0.5}, "is": "lower",
               "of": {"cell.activation": "tanh"}, "against": {"cell.activation": "relu"}}  # fmt: skip
    absent = quicker | {"says": "elu is quicker", "of": {"cell.activation": "elu"}}
    folder = build.runs(tmp_path / "runs", records)
    build.study_file(folder, claims=[quicker, absent])
    (lines,) = filled(folder, "claims")
    ((says, _, found, *_, verdict),) = rows(lines)
    assert (says, verdict) == ("tanh is quicker", "✓ supported")
    assert found == "number of updates: most seeds get there with tanh only"


def test_runs_say_the_command_without_what_belongs_to_the_machine(claimed, filled):
    (lines,) = filled(claimed, "runs")
    assert lines[0] == "- Command: `rnnlab -m experiment=mine task.path=text.txt`"
    assert lines[1] == "- Runs: 24, 8 seeds of each condition; 16 learned, 8 diverged"
    assert "- cell.activation: tanh, sigmoid, relu" in lines


def test_a_folder_of_two_commands_names_both_and_one_that_was_continued_names_one(build, filled, tmp_path):
    """The runs of a sweep that was continued were computed by commands that its own runs need not name."""
    names, folder = ("tanh", "relu"), tmp_path / "runs"
    for name in names:
        command = f"python -m rnnlab -m cell.activation={name} hydra.sweep.dir=/x"
        write_record(folder / name, build.record(activation=name), {"command": command})
    build.study_file(folder, command="rnnlab -m cell.activation=tanh", expected=["tanh"])
    (lines,) = filled(folder, "runs")
    assert lines[:2] == ["- Command: `rnnlab -m cell.activation=relu`", "- Command: `rnnlab -m cell.activation=tanh`"]
    build.study_file(folder, command="rnnlab -m cell.activation=tanh,relu", expected=names)
    (lines,) = filled(folder, "runs")
    assert lines[0] == "- Command: `rnnlab -m cell.activation=tanh,relu`" and lines[1].startswith("- Runs")


def test_a_study_without_claims_and_without_diverged_runs_says_so(build, filled, tmp_path):
    folder = build.runs(tmp_path / "runs", [build.record(seed=seed) for seed in range(2)])
    claims, runs = filled(folder, "claims", "runs")
    assert claims == ["The study makes no claim."] and "2 learned, 0 diverged" in runs[0]
    assert "claims.csv" not in runs[-1]


def test_a_figure_is_copied_with_its_words(claimed, filled, tmp_path):
    ((line,),) = filled(claimed, "figure scores")
    assert re.fullmatch(r"!\[.*relu.*\]\(results/page/scores\.png\)", line)
    assert (tmp_path / "results/page/scores.png").read_bytes().startswith(b"\x89PNG")


def test_of_a_long_alternative_text_whole_parts_are_kept_and_the_others_counted(claimed, filled, tmp_path):
    filled(claimed, "figure scores")
    path = tmp_path / "results/page/study.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    facts["figures"]["scores"] = "; ".join(f"{n:099d}" for n in range(9))
    path.write_text(json.dumps(facts), encoding="utf-8")
    ((line,),) = filled(None, "figure scores")
    words = "; ".join(f"{n:099d}" for n in range(4))  # a fifth part would make 5 * 99 + 4 * 2 letters
    assert line == f"![{words}; and 5 more.](results/page/scores.png)"


# From the stored tables alone


def test_the_stored_tables_give_the_same_page_without_the_records(claimed, filled, tmp_path):
    blocks = ("runs", "claims", "figure scores", "table rows=cell.activation values=test_loss:quartiles,diverged,"
              "updates(score>=0.5)")  # fmt: skip
    first = filled(claimed, *blocks)
    page, files = (tmp_path / "page.md").read_bytes(), sorted((tmp_path / "results/page").iterdir())
    assert [file.name for file in files] == ["claims.csv", "runs.csv", "scores.png", "study.json"]
    assert filled(None, *blocks) == first and (tmp_path / "page.md").read_bytes() == page


def test_runs_are_stored_in_one_order_with_six_digits(study, filled, tmp_path):
    filled(study, "table rows=cell.activation values=naive_loss")
    table = stored(tmp_path)
    order = [(row["task.name"], row["cell.activation"], int(row["seed"])) for row in table]
    assert order == sorted(order)
    assert {row["naive_loss"] for row in table if row["task.name"] == "digits" and row["naive_loss"]} == {"2.30259"}
    assert {row["naive_loss"] for row in table if row["task.name"] == "sines"} == {"1"}, "of a run that diverged, too"


def test_all_pages_of_a_folder_are_put_together_in_one(claimed, filled, tmp_path):
    filled(claimed, "claims", "figure scores", page="mine.md")
    filled(claimed, "claims", page="other.md")
    counts, findings, pictures = filled(None, "counts from=.", "findings from=.", "pictures from=.", page="all.md")
    assert counts == ["1 study, 48 runs, 4 claims: 4 supported."], "two pages of one study"
    assert [row[0] for row in rows(findings)] == ["[mine](./mine.md)"] * 2 + ["[other](./other.md)"] * 2
    assert rows(findings)[0][3:] == ["✓ supported", "supported: 2 of 2 comparisons", ""]
    assert pictures[0] == "[mine](./mine.md): Which?" and pictures[2].endswith("](./results/mine/scores.png)")
    assert len(pictures) == 3, "other.md has no figure"


# Complaints


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        ("table rows=cell.activaton values=score", "rows='cell.activaton'; no such key was swept; there is task.name, "
         "cell.activation (did you mean 'cell.activation'?)"),
        ("table rows=task values=acuracy", "values='acuracy'; no run has it; there is diverged, learned, score, "),
        ("table rows=task values=score where=task=moons", "where: 'task=moons': no run has 'moons'; there is digits, "),
        ("table rows=task values=score where=task=digits where=task=sines", "where='task=digits task=sines'; no run "),
        ("table rows=task values=score where=outcome=learned", "where: 'outcome=learned': no such key in any run of "),
        ("table rows=task values=score published=sine:1", "published='sine'; no such row; there is digits; sines "),
        ("figure score", "figure 'score'; there is "),
        ("findings from=nowhere", "from='nowhere'; no page there has stored tables in results/"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_one_line_with_page_line_and_what_there_is(study, filled, tmp_path, block, complaint):
    answer = filled(study, block)
    assert answer.startswith(f"rnnlab-report: page.md:1: {complaint}") and "\n" not in answer
    assert not (tmp_path / "results").exists(), "nothing is half-written"


def test_a_column_that_was_not_stored_needs_the_records(study, filled):
    filled(study, "table rows=task values=score")
    answer = filled(None, "table rows=task values=train_loss")
    assert "page.md:1: values='train_loss'; results/page/runs.csv has no such column: fill the page from" in answer
    assert "no figure is stored" in filled(None, "figure scores")


def test_a_page_without_blocks_or_without_tables_is_refused(study, filled, tmp_path):
    assert filled(study).startswith("rnnlab-report: page.md: has no block to fill; one begins with <!-- rnnlab: KIND")
    assert filled(None, "runs") == (
        "rnnlab-report: page.md: no tables in results/page; fill it from the records: rnnlab-report DIR --fill page.md"
    )


@pytest.mark.parametrize("name", ["runs.csv", "study.json", "claims.csv"])
def test_stored_tables_that_cannot_be_read_are_one_line(study, filled, tmp_path, name):
    filled(study, "runs")
    (tmp_path / "results/page" / name).write_text('{"a\x00\n1,2,3\n"')
    answer = filled(None, "runs")
    assert answer.startswith("rnnlab-report: results/page: its tables cannot be read (") and "\n" not in answer


def test_a_page_that_is_no_text_or_not_there_is_one_line(study, tmp_path, capsys):
    (tmp_path / "page.md").write_bytes(b"\xff")
    for page in ("page.md", "nowhere.md"):
        assert main([str(study), "--fill", str(tmp_path / page)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].endswith("page.md: is no text in UTF-8") and lines[1].endswith("nowhere.md: no such file")


def test_fill_goes_with_no_other_way_of_reporting(tmp_path, capsys):
    for others in (["--format", "md"], ["--watch"], ["--only", "a=1"], ["--force"], ["runs", "others"]):
        assert main(["--fill", "page.md", *others]) == 2
    lines = set(capsys.readouterr().err.splitlines())
    assert lines == {"rnnlab-report: --fill: takes at most one folder, and of the other options --open"}


def test_the_facts_that_are_stored_name_no_place_of_the_machine(claimed, filled, tmp_path):
    filled(claimed, "runs")
    text = (tmp_path / "results/page/study.json").read_text(encoding="utf-8")
    assert "/home" not in text and "/tmp" not in text and json.loads(text)["axes"] == ["task.name", "cell.activation"]
