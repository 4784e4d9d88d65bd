"""Every command and snippet of README.md, CONTRIBUTING.md, docs/ and the findings runs, and every link leads somewhere.

The language of a fence says what becomes of it: sh and python are run here, yaml is parsed, text is not for running.
Commands run in an empty folder, made small by further overrides.  What takes minutes, installs something or needs a
cluster is composed, or its files, options and targets are looked up.
"""

import math
import re
import shlex
import shutil
import struct
import subprocess
import sys
import tomllib
from datetime import date, timedelta
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from rnnlab import __main__ as command
from rnnlab.export.command import main as export
from rnnlab.export.targets import targets
from rnnlab.report.command import main as report
from rnnlab.runs.command import main as runs

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / page for page in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "conf/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "experiments").glob("*.md")),
]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN_ELSEWHERE = {  # by test_documentation.py of their rooms, tests/docs/test_plugins.py and tests/nets/test_modules.py
    "docs/python.md",
    "docs/statistics.md",
    "docs/exports.md",
    "docs/modules.md",
    "docs/network.md",
    "docs/plugins.md",
}
RNNLAB = ("rnnlab", "rnnlab-report", "rnnlab-export", "rnnlab-runs")

EXPORT = "import sys; from rnnlab.export.command import main; sys.exit(main(sys.argv[1:]))"

# Overrides that make a command small, by a word of it; the first that fits is taken.
SMALL = {
    "experiment=mine": [
        "training.steps=2",
        "training.batch_size=8",
        "task.n_points=60",
        "task.forecast_steps=2",
        "seed=0,1",
    ],
    "experiment=": ["hydra.launcher.dry_run=true"],
    "task=text": ["training.steps=2", "training.batch_size=4", "task.window=10"],
    "task.path=sales.csv": ["training.steps=2"],
    "task.data_dir=photos": ["training.steps=2", "training.batch_size=8"],
    "task=rows": ["training.steps=2", "training.batch_size=8", "task.n_train_images=20"],
    "task=series": ["training.steps=2"],
    "seed=": ["training.steps=2", "training.batch_size=8", "task.n_points=60", "task.forecast_steps=2", "seed=0,1"],
    "": ["training.steps=2"],
}


def fences(language):
    """(page, text) of every fence of a language."""
    for page in PAGES:
        for found, text in FENCE.findall(page.read_text(encoding="utf-8")):
            if found == language:
                yield page.relative_to(ROOT).as_posix(), text


def commands():
    """(page, words) of every command, without its comment."""
    for page, text in fences("sh"):
        for line in text.replace("\\\n", " ").splitlines():
            if words := shlex.split(line, comments=True):
                yield page, words


def test_every_fence_says_whether_it_is_to_be_run():
    languages = {language for page in PAGES for language, _ in FENCE.findall(page.read_text(encoding="utf-8"))}
    assert languages <= {"sh", "python", "yaml", "text"}


# rnnlab, rnnlab-report, rnnlab-export and rnnlab-runs


def sales():
    """The table of docs/data.md."""
    rows = ["Day;Sales;Temperature;Weather"]
    for n in range(120):
        sold = "" if n in (2, 30, 31) else f"{200 + 50 * math.sin(2 * math.pi * n / 7) + n / 10:.2f}"
        row = f"{10 + 0.4 * n:.1f};{('sun', 'rain', 'cloud')[n % 3]}"
        day = date(2024, 1, 1) + timedelta(days=n)
        rows.append(f"{day:%d.%m.%Y};" + f"{sold};{row}".replace(".", ","))
    return "\n".join(rows)


@pytest.fixture
def users_files(tmp_path):
    """The files of which docs/data.md, docs/command.md and docs/report.md speak, in an empty folder."""
    (page,) = (text for on, text in fences("text") if on == "docs/report.md")
    (tmp_path / "mypage.md").write_text(page)
    (tmp_path / "shakespeare.txt").write_text("to be or not to be, that is the question\n" * 40)
    (tmp_path / "sales.csv").write_text(sales(), encoding="cp1252")
    (tmp_path / "old.txt").write_text("déjà vu, déjà lu, déjà su\n" * 40, encoding="cp1252")
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for k in range(20):
            pixels = np.random.default_rng([len(name) * k, ord(name[0])]).integers(0, 256, (9, 12, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{k}.{('png', 'jpg')[k % 2]}")
    (tmp_path / "mnist").mkdir()
    for part, n in (("train", 60), ("t10k", 20)):
        images = np.random.default_rng(n).integers(0, 256, (n, 5, 5), np.uint8)
        header = struct.pack(">4I", 0x803, n, 5, 5)
        (tmp_path / f"mnist/{part}-images-idx3-ubyte").write_bytes(header + images.tobytes())
        labels = struct.pack(">2I", 0x801, n) + bytes(k % 3 for k in range(n))
        (tmp_path / f"mnist/{part}-labels-idx1-ubyte").write_bytes(labels)
    own, *_ = (text for page, text in fences("python") if page == "docs/plugins.md")
    (tmp_path / "my.py").write_text(own)
    (study,) = (text for page, text in fences("yaml") if page == "docs/command.md")
    (tmp_path / "mystudies/experiment").mkdir(parents=True)
    (tmp_path / "mystudies/experiment/mine.yaml").write_text(study)


def small(words):
    """The command with overrides that make it small, in place of those that it has for the same keys."""
    if any(word.startswith("hydra.launcher.engine=") for word in words):  # needs a cluster: only composed
        return [*(word for word in words if word != "-m"), "--cfg", "hydra"]
    more = next(more for begin, more in SMALL.items() if any(word.startswith(begin) for word in words))
    sweep = ["hydra.launcher.n_workers=1", "hydra.launcher.report=false"] if "-m" in words else []
    return [*words, *more, *sweep]


QUICK = {"README.md", "docs/command.md", "docs/exports.md", "docs/statistics.md"}  # the other pages are slow


def pages_with_commands():
    pages = sorted({page for page, words in commands() if words[0] in RNNLAB})
    return [pytest.param(page, marks=() if page in QUICK else pytest.mark.slow) for page in pages]


@pytest.mark.parametrize("page", pages_with_commands())
def test_the_commands_of_a_page_run_one_after_the_other(page, rnnlab, users_files, monkeypatch, capsys):
    for name, *arguments in (words for on, words in commands() if on == page and words[0] in RNNLAB):
        if name == "rnnlab-report":
            assert report(arguments) == 0
        elif name == "rnnlab-runs":
            assert runs(arguments) == 0, (arguments, capsys.readouterr().err)
        elif name == "rnnlab-export":
            library = targets()[arguments[arguments.index("--to") + 1]].library
            if library and find_spec(library):  # alone: MLflow leaves connections open
                subprocess.run([sys.executable, "-c", EXPORT, *arguments], check=True)
            else:
                assert export(arguments) == (2 if library else 0)
        elif "--help" in arguments:
            monkeypatch.setattr(sys, "argv", ["rnnlab", *arguments])
            command.main()
            assert ("usage: rnnlab" if arguments == ["--help"] else arguments[1]) in capsys.readouterr().out
        else:
            assert rnnlab(*small(arguments)) == 0, (arguments, capsys.readouterr().err)


def test_the_first_answer_to_a_table_is_that_of_the_page(rnnlab, users_files, capsys):
    page = (ROOT / "docs/data.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"`rnnlab (task=series [^`]*)` answers", page)
    assert rnnlab(*command.split()) == 2
    (answer,) = (text for language, text in FENCE.findall(page) if text.startswith("rnnlab:"))
    assert capsys.readouterr().err.split() == answer.split()
    table = "\n".join(sales().splitlines()[:5])
    assert (table + "\n") in [text for language, text in FENCE.findall(page)]


# Other programs


def check_make(words):
    target, *settings = [word for word in words if not word.startswith("PYTHON=")]
    assert re.search(rf"^\.PHONY:.*\b{target}\b", (ROOT / "Makefile").read_text(), re.MULTILINE), target
    assert all(setting.startswith(("ARGS=", "STUDY=")) for setting in settings)
    if shutil.which("make"):
        subprocess.run(["make", "--dry-run", *words], cwd=ROOT, check=True, capture_output=True)


def check_pip(words):
    assert words.pop(0) == "install"
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for word in words:
        if extra := re.fullmatch(r"rnnlab\[(\w+)\]", word):
            assert extra[1] in extras
        else:
            assert word in ("-r", "pre-commit") or (ROOT / word).is_file(), word


def check_files(words):
    """The files exist; the options of a script stand in it."""
    files = [word for word in words if not word.startswith("-")]
    assert files
    for file in files:
        assert (ROOT / file).exists(), file
    for option in set(words) - set(files) - {"--help"}:
        assert files[0].startswith("tests") or option.partition("=")[0] in (ROOT / files[0]).read_text(), option


def check_pre_commit(words):
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    for hook in [hook for repository in hooks for hook in repository["hooks"]]:
        check_make(hook["entry"].split()[1:])


CHECKS = {
    "make": check_make,
    "pip": check_pip,
    "python": check_files,
    "pytest": check_files,
    "pre-commit": check_pre_commit,
    "export": lambda words: None,
    ".": lambda words: None,
}


def other_commands():
    return [pytest.param(words, id=shlex.join(words)) for _, words in commands() if words[0] not in RNNLAB]


@pytest.mark.parametrize("words", other_commands())
def test_other_commands_name_what_is_there(words):
    name, *arguments = words
    if (ROOT / name).is_file():
        assert all(argument in (ROOT / name).read_text() for argument in arguments)
    else:
        CHECKS[name](arguments)


def name_of(page):
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_the_text_names_is_there(page):
    """Files of the repository, targets of make, benchmarks and studies, in code spans."""
    if page.name == "CHANGELOG.md":  # names what was there before, too
        return
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for span in re.findall(r"`([^`\n]+)`", text):
        if span.startswith(("make ", "python ")):
            CHECKS[span.split()[0]](shlex.split(span)[1:])
        elif re.fullmatch(r"(rnnlab|tests|benchmarks|conf|experiments|docs)/[\w/.]+", span):
            made_by_the_reader = "sawtooth" in span
            assert made_by_the_reader or any((ROOT / f"{span}{end}").exists() for end in ("", ".py")), span
        for study in re.findall(r"\bexperiment=(\w+)", span):
            assert (ROOT / f"experiments/{study}.yaml").exists(), span


# Links


def anchors(page):
    """What a link to a heading of a page may say: GitHub's names of them."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(page):
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for link in re.findall(r"\]\(((?!https?:)[^)\s]+)\)", text):
        path, _, heading = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not heading or heading in anchors(target), link


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent.name == "docs"], ids=name_of)
def test_a_page_of_docs_can_be_reached_from_the_readme(page):
    assert f"](docs/{page.name})" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_index_of_findings_has_every_page_with_its_title():
    index = (ROOT / "experiments/README.md").read_text(encoding="utf-8")
    pages = [page for page in (ROOT / "experiments").glob("*.md") if page.name != "README.md"]
    titles = [page.read_text(encoding="utf-8").partition("\n")[0] for page in pages]
    rows = {
        f"| `{page.stem}` | [{title.removeprefix('# ')}]({page.name}) |".replace("|x|", r"\|x\|")
        for page, title in zip(pages, titles, strict=True)
    }
    assert rows == {line for line in index.splitlines() if line.startswith("| `")}


# Python


def test_the_python_of_the_options_page_adds_an_activation_and_a_task(tmp_path):
    """In a process of its own, because what is registered stays; a run with both is the command that they are for."""
    snippets = [text for page, text in fences("python") if page not in RUN_ELSEWHERE]
    assert len(snippets) == 2
    used = """
import sys
from rnnlab import app
from rnnlab.nets.activations import make_activation
from rnnlab.tasks import TASKS

phi = make_activation("bump")
a = torch.linspace(-3, 3, 13, dtype=torch.float64, requires_grad=True)
(slope,) = torch.autograd.grad(torch.exp(-a.square()).sum(), a)
torch.testing.assert_close(phi.slope(a.detach()), slope)
torch.testing.assert_close(phi.phi(a.detach()), torch.exp(-a.detach().square()))

task = TASKS["sawtooth"]()
data = task.data(0)
assert data.train.inputs.shape[1:] == (task.seq_len, 1)
assert 0 <= data.train.targets.min() and data.train.targets.max() < 1

sys.argv = ["rnnlab", "task=sawtooth", "cell.activation=bump", "training.steps=2"]
sys.exit(app.run())
"""
    for n, snippet in enumerate(snippets):
        (tmp_path / f"snippet{n}.py").write_text(snippet)
    imports = "".join(f"from snippet{n} import *\n" for n in range(len(snippets)))
    (tmp_path / "used.py").write_text(imports + used)
    subprocess.run([sys.executable, "-W", "error", "used.py"], cwd=tmp_path, check=True)
    assert len(list(tmp_path.glob("outputs/scratch/sawtooth-rnn-bump-*/run.json"))) == 1


def test_every_yaml_is_one():
    for page, text in fences("yaml"):
        assert yaml.safe_load(text), page
