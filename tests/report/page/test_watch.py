"""The report of a running sweep, and --watch: a real sweep that waits for a file, so that nothing depends on time."""

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from rnnlab.records.progress import (
    FOLDER,
    CommandProgress,
    PackProgress,
    RunProgress,
    at_work,
    commands,
    tell,
    to_text,
    write_pack,
)
from rnnlab.report.command import main
from rnnlab.report.page.watch import EVERY_S, watch

WAITS = '''
import os
import time

import rnnlab


@rnnlab.optimizer("waits")
class Waits(rnnlab.Optimizer):
    """Takes no step before there is a file."""

    class Options(rnnlab.OptimizerOptions):
        """Those of all."""

    def _step(self, grads):
        while not os.path.exists(os.environ["RNNLAB_TEST_GO"]):
            time.sleep(0.01)
        return self._rate_column * grads
'''


@pytest.fixture
def sweep(tmp_path):
    """A sweep on one worker, whose first run is at its first step: the study, the file it waits for, the process."""
    (tmp_path / "waits.py").write_text(WAITS)
    go = tmp_path / "go"
    command = [
        *(sys.executable, "-m", "rnnlab", "-m", "plugins=[waits.py]", "optimizer=waits", "task=sines", "study=s"),
        *("task.n_points=44", "task.window=6", "task.forecast_steps=5", "task.stop=8.0", "cell.hidden_size=4"),
        *(
            "training.batch_size=8",
            "training.steps=4",
            "training.eval_every=2",
            "seed=range(4)",
            "hydra.launcher.n_workers=1",
        ),
    ]
    study, said = tmp_path / "outputs" / "s", tmp_path / "said"
    with said.open("w") as file:
        environment = {**os.environ, "RNNLAB_TEST_GO": str(go)}
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=file, stderr=file)
    while not list(study.glob(f"{FOLDER}/*.pack")):
        assert process.poll() is None, said.read_text()
        time.sleep(0.05)
    yield study, go, process
    process.kill()
    process.wait()


def test_a_sweep_is_watched_from_its_first_second_to_its_end(sweep, capsys):
    study, go, process = sweep
    assert main([str(study)]) == 0
    page = study / "report" / "index.html"
    begun = page.read_text()
    assert "No run has ended yet" in begun
    assert "0 finished, 0 failed, " in begun
    assert "location.reload" not in begun, "only a page that is watched loads itself again"
    assert not (study / ".lock").read_text(), "nothing of ours"
    seen = []

    def wait(pause_s):
        with suppress(FileNotFoundError):  # the sweep puts its own report into its place
            seen.append(page.read_text())
        go.touch()
        time.sleep(0.05)

    assert watch(study, say=lambda path: None, wait=wait) == page
    assert process.wait() == 0, "the sweep was not disturbed"
    assert "location.reload" in seen[0]
    last = page.read_text()
    assert "location.reload" not in last and 'id="running"' not in last
    assert "4 runs: 4 completed" in last
    assert not (study / FOLDER).exists()


@pytest.fixture
def study(build, tmp_path):
    """A study with one run that has ended and one that is planned."""
    build.runs(tmp_path, [build.record("sines", "tanh", 0)])
    build.study_file(tmp_path, expected=["sines-tanh-0", "sines-tanh-1", "sines-<b>-2"])
    return tmp_path


def at_step(study, step):
    pack = PackProgress(100, (RunProgress("sines-tanh-1", "id1", step),))
    write_pack(study, pack.name, to_text(pack))
    tell(study, CommandProgress(f"1 of 3 runs, 1 running at step {step} of 100"))


def test_the_page_follows_the_steps_and_the_runs_that_end(study, build):
    page, seen = study / "report" / "index.html", []
    work = at_work(study)
    work.__enter__()
    at_step(study, 10)

    def wait(pause_s):
        assert pause_s >= EVERY_S
        seen.append(page.read_text())
        if len(seen) == 1:
            at_step(study, 55)
        elif len(seen) == 2:
            build.runs(study, [build.record("sines", "tanh", 1)])
        else:
            work.__exit__(None, None, None)

    watch(study, say=lambda path: None, wait=wait)
    assert "1 running at step 10 of 100" in seen[0] and "1 finished, 0 failed, 1 running, 1 planned" in seen[0]
    assert "1 running at step 55 of 100" in seen[1]
    assert "2 finished, 0 failed, 0 running, 1 planned" in seen[2]
    assert "sines-&lt;b&gt;-2" in seen[2] and "<b>" not in seen[2]
    assert 'id="running"' not in page.read_text()
    assert "1 run of 3 missing or failed" in page.read_text()


def test_a_page_that_is_gone_for_a_moment_ends_no_watching(study):
    """The report at the end of a sweep is a new folder in the place of the old one."""
    page, looks = study / "report" / "index.html", []
    work = at_work(study)
    work.__enter__()
    at_step(study, 3)

    def wait(pause_s):
        looks.append(page.exists())
        if len(looks) == 2:
            page.parent.rename(study / "aside")
            at_step(study, 4)
        elif len(looks) == 3:
            work.__exit__(None, None, None)

    assert watch(study, say=lambda path: None, wait=wait) == page
    assert looks == [True, True, False] and page.is_file()


def test_a_watch_that_is_interrupted_leaves_a_page_that_does_not_load_itself_again(study):
    with at_work(study):
        at_step(study, 10)

        def wait(pause_s):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            watch(study, say=lambda path: None, wait=wait)
        page = (study / "report" / "index.html").read_text()
    assert "location.reload" not in page and 'id="running"' in page


def test_a_sweep_that_ends_before_any_run_has_leaves_a_page_that_says_so(build, tmp_path):
    build.study_file(tmp_path, expected=["sines-tanh-0"])
    work = at_work(tmp_path)
    work.__enter__()
    page = watch(tmp_path, say=lambda path: None, wait=lambda pause_s: work.__exit__(None, None, None))
    text = page.read_text()
    assert "No command is at work any longer, and no run has ended." in text
    assert "location.reload" not in text


def test_a_watch_goes_on_while_the_sweep_makes_its_report(study):
    looks = []
    work = at_work(study)
    work.__enter__()
    tell(study, CommandProgress(over=True))

    def wait(pause_s):
        looks.append(commands(study))
        work.__exit__(None, None, None)

    watch(study, say=lambda path: None, wait=wait)
    assert looks == [[CommandProgress(over=True)]]


def test_a_study_that_is_not_running_is_reported_on_and_left(study, capsys):
    assert main([str(study), "--watch"]) == 0
    page, said = capsys.readouterr().out.splitlines()
    assert Path(page) == study / "report" / "index.html"
    assert said == "nobody is at work in the study any longer; the page stays as it is"


@pytest.mark.parametrize("others", [["elsewhere"], ["--format", "md"]])
def test_only_the_page_of_one_study_is_watched(study, others, capsys):
    assert main([str(study), *others, "--watch"]) == 2
    assert "--watch: keeps the HTML page of one study fresh" in capsys.readouterr().err


# In a browser


@pytest.fixture
def open_page(browser):
    """open_page(path) -> the page; fails afterwards if the browser complained or asked for anything elsewhere."""
    complaints, requests, contexts = [], [], []

    def opened(path, width=1280, **options):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.clock.install()
        page.goto(path.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
    assert all(url.startswith(("file:", "data:")) for url in requests)


def test_in_a_browser_the_page_loads_itself_again_until_somebody_pauses_it(study, open_page):
    pages = []
    work = at_work(study)
    work.__enter__()
    at_step(study, 10)

    def wait(pause_s):
        if not pages:
            pages.append(open_page(study / "report" / "index.html"))
            at_step(study, 55)
            return
        (page,) = pages
        if page.locator("#running").inner_text().count("step 10 of 100"):
            page.clock.run_for(6000)
            page.wait_for_selector("text=step 55 of 100")
            page.get_by_role("button", name="Pause").click()
            at_step(study, 77)
            return
        page.clock.run_for(20_000)
        assert "step 55 of 100" in page.locator("#running").inner_text()
        page.get_by_role("button", name="Go on").click()
        page.clock.run_for(6000)
        page.wait_for_selector("text=step 77 of 100")
        work.__exit__(None, None, None)

    watch(study, say=lambda path: None, wait=wait)


@pytest.mark.slow
@pytest.mark.parametrize("width, scheme", [(1280, "light"), (390, "dark")])
def test_the_pages_of_a_running_study_fit_and_please_axe(study, build, tmp_path, open_page, violations, scheme, width):
    empty = tmp_path / "empty"
    empty.mkdir()
    build.study_file(empty, expected=["sines-tanh-1"], question="Which?")
    for folder in (study, empty):
        with at_work(folder):
            at_step(folder, 10)
            (folder / FOLDER / "id1-1.pack").unlink()
            rows = {"step": [0, 5, 10], "train_loss": [1.0, 0.5, 0.2], "eval_loss": [1.0, 0.6, 0.3]}
            pack = PackProgress(100, (RunProgress("sines-tanh-1", "id1", 10),), {"id1": rows})
            write_pack(folder, pack.name, to_text(pack))
            assert main([str(folder)]) == 0
            page = open_page(folder / "report" / "index.html", width, color_scheme=scheme, bypass_csp=True)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.locator("#figure-running svg").count() == 1
            assert violations(page) == []
