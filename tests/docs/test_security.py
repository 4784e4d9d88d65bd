"""docs/security.md: the tests that it names exist, and those that belong to no other file."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import rnnlab

PACKAGE = Path(rnnlab.__file__).parent
ROOT = PACKAGE.parent
FILES = [*sorted(PACKAGE.rglob("*.py")), *sorted((ROOT / "hydra_plugins").rglob("*.py"))]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")

NEVER_IMPORTED = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "code", "codeop", "pty"}
NEVER_IMPORTED |= {"socket", "socketserver", "ssl", "http", "ftplib", "smtplib", "telnetlib", "xmlrpc", "asyncio"}
NEVER_IMPORTED |= {"requests", "urllib3", "httpx", "aiohttp", "urllib.request"}
NEVER_CALLED = {"eval", "exec", "__import__", "execfile"}
NEVER_CALLED |= {
    "os.system",
    "os.popen",
    "torch.load",
    "torch.save",
    "joblib.load",
    "pandas.read_pickle",
    "pd.read_pickle",
}
NEVER_CALLED |= {
    "yaml.load",
    "yaml.load_all",
    "yaml.full_load",
    "yaml.unsafe_load",
    "hydra.utils.instantiate",
    "instantiate",
}
SAFE_LOADERS = {"yaml.SafeLoader", "yaml.CSafeLoader"}
EXCEPTIONS = {  # file, what it does -> why
    ("rnnlab/plugins.py", "exec"): "the text of a plugin, which the user has named",
    ("rnnlab/sweep/serve.py", "pickle"): "a pack, from the pipe of the command that has started this worker",
    ("rnnlab/sweep/end_with_command.py", "socket"): "the name of the Unix socket of the workers' server, to remove it",
}
MARK = "a-value-that-stands-nowhere-else"
SWEEP = ["-m", "task.n_points=40", "task.forecast_steps=3", "training.batch_size=8", "training.steps=3", "seed=0,1"]

# Python imports this at the start of every process: of the command, of its workers, of the server that makes them.
WATCHER = """
import os, sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"):
        forbidden = isinstance(arguments[1], tuple)  # an address of a Unix socket is text
    else:
        forbidden = event in ("socket.getaddrinfo", "socket.gethostbyname", "urllib.Request", "ftplib.connect")
    if forbidden:
        with open({folder!r} + "/used", "a") as file:
            file.write(f"{{event}} {{arguments[1:]}}\\n")
        raise OSError("the network is used")

sys.addaudithook(watch)
open({folder!r} + f"/watched-{{os.getpid()}}", "w").close()
"""


def named_tests():
    return re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)


def test_every_test_that_the_page_names_exists():
    assert len(named_tests()) > 25
    for file, name in named_tests():
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert name in functions, f"{file} has no {name}"


def test_every_row_of_the_page_names_what_holds_it():
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and "held by" not in line]
    assert len(rows) >= 18
    assert [row for row in rows if "`tests/" not in row] == []


def done_in(text):
    """What of all that is never done a file does, each in a few words."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if is_never_imported(alias.name))
        elif isinstance(node, ast.ImportFrom):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            yield from (name for name in names if is_never_imported(name) or name in NEVER_CALLED)
        elif isinstance(node, ast.Call):
            called, given = ast.unparse(node.func), {word.arg: ast.unparse(word.value) for word in node.keywords}
            loader = given.get("Loader") or (ast.unparse(node.args[1]) if len(node.args) > 1 else "")
            if called in NEVER_CALLED and loader not in SAFE_LOADERS:
                yield called
            if called in ("np.load", "numpy.load") and given.get("allow_pickle") != "False":
                yield f"{called} without allow_pickle=False"
            if given.get("allow_pickle") == "True" or given.get("shell") == "True":
                yield f"{called} with a pickle or a shell"


def is_never_imported(name):
    return name in NEVER_IMPORTED or name.partition(".")[0] in NEVER_IMPORTED


def test_the_code_never_does_what_the_page_says_it_never_does():
    found = {
        (path.relative_to(ROOT).as_posix(), what)
        for path in FILES
        for what in done_in(path.read_text(encoding="utf-8"))
    }
    assert found <= EXCEPTIONS.keys()
    assert ("rnnlab/plugins.py", "exec") in found


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from pickle import loads",
        "import urllib.request",
        "from urllib import request",
        "from http.server import HTTPServer",
        "import socket as s",
        "eval('1')",
        "exec('1')",
        "os.system('ls')",
        "subprocess.run('ls', shell=True)",
        "torch.load('x')",
        "np.load('x')",
        "np.load('x', allow_pickle=True)",
        "yaml.load(text)",
        "yaml.load(text, yaml.Loader)",
        "yaml.unsafe_load(text)",
        "from hydra.utils import instantiate",
    ],
)
def test_the_check_of_the_code_finds_each_of_them(line):
    assert list(done_in(f"def f():\n    {line}\n"))


def test_the_check_of_the_code_lets_harmless_lines_pass():
    harmless = ["yaml.load(text, Loader=yaml.CSafeLoader)", "network.eval()", "np.load(f, allow_pickle=False)"]
    for line in [*harmless, "from urllib.parse import quote", "re.compile('x')", "yaml.safe_load(text)"]:
        assert not list(done_in(line))


@pytest.fixture
def watched(tmp_path):
    """watched(*command): run it in a folder, where each of its processes is stopped when it uses the network."""
    site, place = tmp_path / "site", tmp_path / "here"
    site.mkdir()
    place.mkdir()
    (site / "sitecustomize.py").write_text(WATCHER.format(folder=str(site)))

    def run(*command, **environment):
        path = os.pathsep.join([str(site), str(ROOT), os.environ.get("PYTHONPATH", "")])
        environment = {**os.environ, "PYTHONPATH": path, **environment}
        return subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)

    return run


def test_a_sweep_and_its_report_use_no_network(watched, tmp_path):
    done = watched(sys.executable, "-m", "rnnlab", *SWEEP, "hydra.launcher.n_workers=2")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "here" / "outputs" / "scratch" / "report" / "index.html").is_file()
    assert len([*(tmp_path / "site").glob("watched-*")]) >= 2, "the command and the server of its workers"
    again = watched(sys.executable, "-m", "rnnlab.report.command", "outputs/scratch")
    assert again.returncode == 0, again.stderr
    assert not (tmp_path / "site" / "used").exists(), (tmp_path / "site" / "used").read_text()


@pytest.mark.parametrize(
    "use",
    [
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import socket; socket.socket().bind(('', 0))",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9')",
        "import multiprocessing.connection as c; c.Listener(('127.0.0.1', 0))",
    ],
)
def test_the_watcher_sees_the_network(use, watched, tmp_path):
    done = watched(sys.executable, "-c", use)
    assert done.returncode != 0
    assert (tmp_path / "site" / "used").exists()


def test_no_value_of_the_environment_is_in_a_study(watched, tmp_path):
    done = watched(sys.executable, "-m", "rnnlab", *SWEEP, SOME_TOKEN=MARK, USER=MARK, HOSTNAME=MARK)
    assert done.returncode == 0, done.stderr
    files = [path for path in (tmp_path / "here").rglob("*") if path.is_file()]
    assert len(files) > 20
    assert not [path for path in files if MARK.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    "value",
    [
        "cell.activation=os.system",
        "+cell._target_=os.system",
        "+cell._target_=builtins.open",
        "task.name=os.system",
        "optimizer.name=builtins.exec",
        "init.weights=os.system",
        "training.schedule=os.system",
        "+task._target_=os.system",
        "++_target_=os.system",
    ],
)
def test_a_name_in_a_config_of_a_run_is_looked_up_and_never_imported(value, rnnlab, capsys, monkeypatch):
    monkeypatch.setattr(os, "system", lambda *_: pytest.fail("called"))
    assert rnnlab(value) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("rnnlab: ")
    assert not Path("outputs").exists()
