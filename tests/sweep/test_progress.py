"""What a sweep shows of its progress, by where it runs."""

import io
import sys
from types import SimpleNamespace

import pytest
from rich.console import Console

from rnnlab.sweep import progress as module
from rnnlab.sweep.execute import Delivery
from rnnlab.sweep.finished import FinishedRun
from rnnlab.sweep.progress import LOG, Progress


@pytest.fixture
def delivery(run_config):
    """delivery("completed", diverged=True)"""

    def delivery(status="completed", diverged=False):
        run = run_config()
        return Delivery(run, FinishedRun(run.run_id, {}, status, diverged, 1.0, "how it ended"), {}, n_running=1)

    return delivery


class Notebook:
    """IPython in a kernel, as far as the progress asks it.  shown: every state of the cell's output."""

    def __init__(self, has_kernel=True):
        shell = SimpleNamespace(kernel="a kernel") if has_kernel else SimpleNamespace()
        self.shown, self.get_ipython = [], lambda: shell
        self.display = SimpleNamespace(display=self._display)

    def _display(self, data, raw, display_id):
        assert raw and display_id
        return SimpleNamespace(update=lambda data, raw: self.shown.append(data))


@pytest.fixture
def notebook(monkeypatch):
    """notebook(): this process is its kernel from now on."""

    def enter(**options):
        ipython = Notebook(**options)
        monkeypatch.setitem(sys.modules, "IPython", ipython)
        monkeypatch.setitem(sys.modules, "IPython.display", ipython.display)
        return ipython

    return enter


def test_in_a_file_there_is_a_first_and_a_last_line_and_the_log_has_each_run(delivery, tmp_path, capsys):
    with Progress(3, 2, 1, tmp_path) as progress:
        progress.add(delivery())
        progress.add(delivery(diverged=True))
        progress.tick()
        progress.add(delivery("failed"))
    first, last = capsys.readouterr().out.splitlines()
    assert first == f"3 runs to train in 2 packs, 1 done before -> {tmp_path}"
    assert last.startswith("  3/3 runs, 1 diverged, 1 failed, ")
    log = [line.split("\t") for line in (tmp_path / LOG).read_text().splitlines()]
    assert [line[1] for line in log] == ["completed", "diverged", "failed"]


def test_a_folder_with_brackets_is_named_as_it_is(tmp_path, capsys):
    folder = tmp_path / "[bold]x"
    folder.mkdir()
    with Progress(0, 0, 2, folder):
        pass
    assert capsys.readouterr().out == f"0 runs to train in 0 packs, 2 done before -> {folder}\n"


def test_in_a_notebook_a_bar_is_updated_in_one_place(notebook, delivery, tmp_path, capsys):
    shown = notebook().shown
    with Progress(2, 1, 0, tmp_path) as progress:
        progress.add(delivery())
        progress.add(delivery())
    assert shown[0]["text/html"].startswith('<progress value="1" max="2"></progress> 1/2 runs')
    assert shown[-1]["text/html"].startswith('<progress value="2" max="2"></progress> 2/2 runs')
    assert shown[-1]["text/plain"].startswith("2/2 runs")
    assert capsys.readouterr().out.count("\n") == 1, "the line of the beginning, and no others"


def test_ipython_in_a_terminal_is_no_notebook(notebook, delivery, tmp_path, capsys):
    shown = notebook(has_kernel=False).shown
    with Progress(1, 1, 0, tmp_path) as progress:
        progress.add(delivery())
    assert not shown
    assert "  1/1 runs" in capsys.readouterr().out


def test_a_terminal_has_one_live_line(delivery, tmp_path, monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(module, "Console", lambda file: Console(file=screen, force_terminal=True, width=80))
    with Progress(1, 1, 0, tmp_path) as progress:
        progress.add(delivery())
    assert "1/1 runs" in screen.getvalue()
    assert "\x1b[?25h" in screen.getvalue(), "the cursor is shown again"
