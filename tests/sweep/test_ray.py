"""engine=ray on a real Ray: clusters of several nodes on this machine."""

import contextlib
import ipaddress
import os
import platform
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from rnnlab import plugins
from rnnlab.options import ConfigError
from rnnlab.records.progress import read_packs
from rnnlab.sweep.engine import Died, Done, EngineError, Pack
from rnnlab.sweep.execute import Execution
from rnnlab.sweep.finished import finish
from rnnlab.training.loop import train

os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # as rnnlab sets it before it imports Ray
pytest.importorskip("ray", reason="Ray is not installed: pip install -r requirements-engines.txt")

import ray
from ray.cluster_utils import Cluster

from rnnlab.sweep.engines.ray import RayEngine, RaySettings

# Ray leaves sockets and files to the end of the process, and warns of its own coming changes.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
SWEEP = [
    *("-m", "task.n_points=40", "task.window=4", "task.forecast_steps=3", "training.steps=3", "training.batch_size=8"),
    *("cell.hidden_size=5,6", "cell.activation=tanh,relu", "seed=0,1", "hydra.launcher.report=false"),
]


DEADLY = """
import os

import rnnlab


@rnnlab.optimizer("deadly")
class Deadly(rnnlab.Optimizer):
    class Options(rnnlab.OptimizerOptions):
        \"\"\"Those of all.\"\"\"

    def _step(self, grads):
        os._exit(1)
"""
ON_RAY = ["training.eval_every=1000", "hydra.launcher.engine=ray", "hydra.launcher.n_workers=2"]
LONG, ENDLESS = (
    [argument.replace("training.steps=3", f"training.steps={steps}") for argument in [*SWEEP, *ON_RAY]]
    for steps in (150_000, 10_000_000)  # seconds for each pack, and longer than any test
)


@pytest.fixture(scope="module")
def engine():
    """Two workers on this machine's own Ray, shared by the tests that do no harm to it."""
    with closing(RayEngine(RaySettings(), n_workers=2, folder=Path())) as engine:
        yield engine


def test_a_pack_comes_back_as_it_would_be_computed_here(engine, run_config):
    runs = [run_config(seed=seed) for seed in range(3)]
    engine.submit(Pack(runs, "cpu", checkpoint_s=60.0))
    (event,) = engine.wait(None)
    assert list(event.runs) == [finish(run, result) for run, result in zip(runs, train(runs), strict=True)]
    assert event.provenance["pid"] != os.getpid()
    assert engine.n_workers == 2


def test_waiting_gives_up_after_its_time(engine, run_config):
    assert engine.wait(0.0) == []
    engine.submit(Pack([run_config(training__steps=300)], "cpu", checkpoint_s=60.0))
    assert engine.wait(0.0) == []
    assert isinstance(engine.wait(None)[0], Done)


def test_a_pack_that_kills_its_worker_has_died_and_the_others_go_on(engine, run_config, tmp_path):
    (tmp_path / "deadly.py").write_text(DEADLY)
    plugins.use(["deadly.py"], tmp_path)
    healthy, deadly = Pack([run_config()], "cpu"), Pack([run_config(optimizer="deadly")], "cpu", suspect=True)
    try:
        engine.submit(deadly)
        engine.submit(healthy)
        events = []
        while len(events) < 2:
            events += engine.wait(None)
    finally:
        plugins.use([], tmp_path)
    assert {type(event): event.pack for event in events} == {Died: deadly, Done: healthy}


def test_what_no_run_has_raised_is_an_error_of_the_engine(engine, run_config):
    run = run_config()
    vars(run)["run_id"] = "0" * 12  # as if the node had another version
    engine.submit(Pack([run], "cpu"))
    with pytest.raises(EngineError, match=r"a Ray node cannot compute packs: .* run 000000000000 would be run "):
        engine.wait(None)


def test_a_node_without_the_data_is_named_with_the_file_and_no_run_fails(engine, run_config, tmp_path):
    text = tmp_path / "some.txt"
    text.write_text("a text that is here while the sweep is checked, and not where it is computed. " * 20)
    pack = Pack([run_config(task="text", task__path=str(text))], "cpu", checkpoint_s=60.0)
    text.unlink()
    engine.submit(pack)
    complaint = f"cannot compute packs: .*{platform.node()}: task.path: .*some.txt'; cannot be read.*on every node"
    with pytest.raises(EngineError, match=complaint):
        engine.wait(None)


def test_a_sweep_on_ray_leaves_the_same_bytes(engine, rnnlab, tmp_path):
    ray.shutdown()
    assert rnnlab(*SWEEP, "study=here") == 0
    assert rnnlab(*SWEEP, "study=there", "hydra.launcher.engine=ray", "hydra.launcher.n_workers=2") == 0
    here, there = (_records(tmp_path / "outputs" / study) for study in ("here", "there"))
    assert len(here) == 8
    assert here == there


def test_a_cluster_that_does_not_answer_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"hydra.launcher.ray.address: 'auto'"):
        RayEngine(RaySettings(address="auto"), n_workers=None, folder=tmp_path)


def test_a_node_that_is_lost_while_packs_run_loses_nothing(run_config, tmp_path):
    """Three nodes of one core; the one whose pack takes longest is taken away."""
    runs = [run_config(seed=n, cell__hidden_size=6 + n // 2, training__steps=200) for n in range(16)]
    wanted = {run.run_id: finish(run, result) for run, result in zip(runs, _one_by_one(runs), strict=True)}
    packs = [Pack(runs[n : n + 2], "cpu", checkpoint_s=60.0) for n in range(0, 16, 2)]
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()
    try:
        with closing(RayEngine(RaySettings(address=cluster.address), n_workers=None, folder=tmp_path)) as engine:
            assert engine.n_workers == 3
            found = {}
            for delivery in Execution(packs, engine).deliveries():
                if delivery is None:
                    continue
                found[delivery.run.run_id] = delivery.finished
                if nodes and len(found) >= 2:  # workers are up, every node has packs, most are yet to come
                    cluster.remove_node(nodes.pop(), allow_graceful=False)
                    nodes.clear()
            assert found == wanted
    finally:
        cluster.shutdown()


def listening(process):
    """The addresses at which a process and all that it has started listen."""
    places = set()
    for each in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            places |= {c.laddr.ip for c in each.net_connections("tcp") if c.status == psutil.CONN_LISTEN}
    return places


@pytest.fixture
def command(tmp_path):
    """command(*arguments): the command in a process of its own, in an empty folder."""
    processes = []

    def started(*arguments, **environment):
        process = subprocess.Popen(
            [sys.executable, "-m", "rnnlab", *arguments],
            cwd=tmp_path,
            env={key: value for key, value in os.environ.items() if not key.startswith("RAY_")} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield started
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.communicate()


def until_a_record_is_there(process, folder):
    while not any(Path(folder).glob("outputs/scratch/*/run.json")):
        assert process.poll() is None, process.communicate()


def test_a_ray_that_is_started_here_listens_on_loopback_alone_and_leaves_no_token(command, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    process = command(*LONG, HOME=str(home))
    until_a_record_is_there(process, tmp_path)
    places = {ipaddress.ip_address(place) for place in listening(psutil.Process(process.pid))}
    places = {getattr(place, "ipv4_mapped", None) or place for place in places}
    assert places and all(place.is_loopback for place in places), places
    assert not (home / ".ray").exists()


def test_a_ray_without_a_token_is_not_started(command):
    process = command(*LONG, RAY_AUTH_MODE="disabled")
    _, error = process.communicate(timeout=120)
    assert process.returncode == 2
    assert (
        error == "rnnlab: RAY_AUTH_MODE: 'disabled'; must be 'token', or not be set, for a Ray that is started here\n"
    )


CLUSTER = """
from contextlib import closing
from pathlib import Path

from ray.cluster_utils import Cluster

from rnnlab.sweep.engines.ray import RayEngine, RaySettings

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
with closing(RayEngine(RaySettings(address=cluster.address), n_workers=None, folder=Path())) as engine:
    print("workers:", engine.n_workers)
cluster.shutdown()
"""


@pytest.mark.parametrize("mode", ["disabled", "token"])
def test_a_cluster_without_a_token_is_said(mode):
    environment = {**os.environ, "RAY_AUTH_MODE": mode, "RAY_AUTH_TOKEN": "0" * 64}
    done = subprocess.run([sys.executable, "-c", CLUSTER], env=environment, capture_output=True, text=True, check=True)
    assert "workers: 1" in done.stdout
    said = [line for line in done.stderr.splitlines() if line.startswith("rnnlab: the Ray cluster")]
    assert len(said) == (mode == "disabled")
    assert all("asks for no token: whoever reaches its ports can run code on it" in line for line in said)


def kill(part, process):
    """Kill a part of the Ray that a command has started."""
    (found,) = [child for child in psutil.Process(process.pid).children(recursive=True) if child.name() == part]
    found.send_signal(signal.SIGKILL)


def test_a_lost_node_of_the_command_ends_it_with_a_line_and_the_same_command_goes_on(command, tmp_path):
    process = command(*LONG)
    until_a_record_is_there(process, tmp_path)
    kill("raylet", process)
    _, error = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "rnnlab: the Ray node of this command is lost; what was finished is kept, and the same command" in error
    kept = _records(tmp_path / "outputs" / "scratch")
    assert 0 < len(kept) < 8
    again = command(*LONG)
    _, error = again.communicate(timeout=300)
    assert again.returncode == 0, error
    found = _records(tmp_path / "outputs" / "scratch")
    assert len(found) == 8 and {name: found[name] for name in kept} == kept


def computes(process):
    """Whether one of the processes that a command has started computes a pack."""
    for child in psutil.Process(process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "ray::work_elsewhere" in child.cmdline()[:1]:
                return True
    return False


def test_a_cluster_that_does_not_answer_any_more_ends_the_command_with_a_line(command, tmp_path):
    """Its workers go on without it, so the runs here are long."""
    process = command(*ENDLESS)
    while not computes(process):
        assert process.poll() is None, process.communicate()
    kill("gcs_server", process)
    _, error = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "rnnlab: the Ray cluster has not answered for 40 s; what was finished is kept, and the same command" in error
    assert not _records(tmp_path / "outputs" / "scratch")


def test_looks_are_taken_as_on_this_machine(take_looks, tmp_path):
    assert take_looks(tmp_path / "ray", engine="ray", n_workers=2) == take_looks(tmp_path / "here")


def _one_by_one(runs):
    return [train([run])[0] for run in runs]


def _records(folder):
    """What follows from the config alone, by the run's folder."""
    files = ("run.json", "curves.csv", "predictions.csv", "gradients.csv", "weights.safetensors")
    return {run.parent.name: [(run.parent / name).read_bytes() for name in files] for run in folder.glob("*/run.json")}


def test_nodes_that_do_not_see_the_folder_say_how_far_they_are(run_config, tmp_path):
    run = run_config(training__steps=100_000_000, training__eval_every=1000)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        with closing(RayEngine(RaySettings(address=cluster.address), n_workers=None, folder=tmp_path)) as engine:
            assert not engine.shares_folder
            engine.submit(Pack([run], "cpu"))
            while not (packs := read_packs(tmp_path, curves=True)) or packs[0].runs[0].step == 0:
                assert engine.wait(0.5) == []
        (pack,) = packs
        assert (pack.steps, pack.runs[0].folder) == (100_000_000, run.folder)
        assert pack.curves[run.run_id]["step"][0] == 0
    finally:
        cluster.shutdown()
