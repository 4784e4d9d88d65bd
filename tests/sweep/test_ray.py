"""engine=ray on a real Ray: clusters of several nodes on this machine."""

import os
import platform
from contextlib import closing
from types import SimpleNamespace
from typing import ClassVar

import pytest

from rnnlab.options import ConfigError
from rnnlab.sweep.engine import Died, Done, EngineError, Pack
from rnnlab.sweep.execute import Execution
from rnnlab.sweep.finished import finish
from rnnlab.training.loop import train

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


class Deadly:
    """In the place of a run: whoever unpacks it is gone, as by a signal or for want of memory."""

    code: ClassVar = {}

    def __reduce__(self):
        return os._exit, (1,)


@pytest.fixture(scope="module")
def engine():
    """Two workers on this machine's own Ray, shared by the tests that do no harm to it."""
    with closing(RayEngine(RaySettings(), n_workers=2)) as engine:
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


def test_a_pack_that_kills_its_worker_has_died_and_the_others_go_on(engine, run_config):
    healthy, deadly = Pack([run_config()], "cpu", checkpoint_s=60.0), Pack([Deadly()], "cpu", None, 60.0, suspect=True)
    engine.submit(deadly)
    engine.submit(healthy)
    events = []
    while len(events) < 2:
        events += engine.wait(None)
    assert {type(event): event.pack for event in events} == {Died: deadly, Done: healthy}


def test_what_no_run_has_raised_is_an_error_of_the_engine(engine):
    engine.submit(Pack([SimpleNamespace(code={})], "cpu", checkpoint_s=60.0))
    with pytest.raises(EngineError, match=r"a Ray node cannot compute packs: AttributeError: .* 'task'"):
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


def test_a_cluster_that_does_not_answer_is_named():
    with pytest.raises(ConfigError, match=r"hydra.launcher.ray.address: 'auto'"):
        RayEngine(RaySettings(address="auto"), n_workers=None)


def test_a_node_that_is_lost_while_packs_run_loses_nothing(run_config):
    """Three nodes of one core; the one whose pack takes longest is taken away."""
    runs = [run_config(seed=n, cell__hidden_size=6 + n // 2, training__steps=200) for n in range(16)]
    wanted = {run.run_id: finish(run, result) for run, result in zip(runs, _one_by_one(runs), strict=True)}
    packs = [Pack(runs[n : n + 2], "cpu", checkpoint_s=60.0) for n in range(0, 16, 2)]
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()
    try:
        with closing(RayEngine(RaySettings(address=cluster.address), n_workers=None)) as engine:
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


def test_looks_are_taken_as_on_this_machine(take_looks, tmp_path):
    assert take_looks(tmp_path / "ray", engine="ray", n_workers=2) == take_looks(tmp_path / "here")


def _one_by_one(runs):
    return [train([run])[0] for run in runs]


def _records(folder):
    """What follows from the config alone, by the run's folder."""
    files = ("run.json", "curves.csv", "predictions.csv", "gradients.csv", "weights.safetensors")
    return {run.parent.name: [(run.parent / name).read_bytes() for name in files] for run in folder.glob("*/run.json")}
