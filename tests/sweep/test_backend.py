"""The key `backend` of a sweep: what is refused, what is said, and who computed which run."""

import json

import pytest

from rnnlab.nets import activations
from rnnlab.nets.activations import ACTIVATIONS, Activation
from rnnlab.options import ConfigError
from rnnlab.records.study import StudyFile
from rnnlab.sweep.backend import check_backend, expected_backend
from rnnlab.sweep.options import SweepOptions
from rnnlab.sweep.sweep import sweep

ONE_WORKER = SweepOptions(report=False, n_workers=1)


@pytest.fixture(autouse=True)
def _bent():
    """An activation that has only a formula in torch."""

    @activations.register("bent")
    class Bent(Activation):
        """phi(a) = a / 2;   phi' = 1 / 2"""

        source = "an example (2026)"
        largest_slope = 0.5

        def phi(self, a):
            return a / 2

        def slope(self, a):
            return a * 0 + 0.5

    yield
    ACTIVATIONS.remove("bent")


def computed_by(folder, runs):
    return [json.loads((folder / run.folder / "provenance.json").read_text())["backend"] for run in runs]


def test_compiled_is_refused_in_one_line_where_a_run_has_no_kernel(run_config, tmp_path):
    runs = [run_config(seed=n, cell__activation=name) for n, name in enumerate(["tanh", "bent", "bent"])]
    with pytest.raises(ConfigError) as caught:
        sweep(runs, tmp_path / "s", StudyFile("s"), backend="compiled", options=ONE_WORKER)
    assert str(caught.value) == (
        "backend: 'compiled'; the activation bent has no vector form (2 of 3 runs); one of auto, torch"
    )
    assert not (tmp_path / "s").exists()


def test_compiled_is_refused_on_a_gpu_and_the_other_two_are_not(run_config):
    runs = [run_config()]
    with pytest.raises(ConfigError, match="backend: 'compiled'; kernels compute on device=cpu, not on device=cuda"):
        check_backend(runs, "cuda", "compiled")
    for backend in ("auto", "torch"):
        check_backend(runs, "cuda", backend)
        assert expected_backend(runs[0], "cuda", backend) == "torch"


@pytest.mark.parametrize("command", [["seed=1"], ["-m", "seed=1,2"]], ids=["a run", "a sweep"])
def test_the_command_refuses_compiled_in_one_line(command, rnnlab, capsys, tmp_path):
    assert rnnlab(*command, "cell.activation=bent", "backend=compiled", "training.steps=1") == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert "backend: 'compiled'; the activation bent has no vector form" in line
    assert not list(tmp_path.glob("outputs/*/*/run.json"))


def test_a_single_run_says_who_computed_it(rnnlab, tmp_path):
    small = ["training.steps=1", "task.n_points=120", "cell.hidden_size=3", "task.forecast_steps=1"]
    for backend, expected in (("auto", "compiled"), ("torch", "torch")):
        assert rnnlab(*small, f"backend={backend}", f"study={backend}") == 0
        (file,) = (tmp_path / "outputs" / backend).glob("*/provenance.json")
        assert json.loads(file.read_text())["backend"] == expected


def test_runs_with_and_without_kernels_are_computed_in_packs_of_their_own(run_config, tmp_path, inline):
    inline()
    runs = [run_config(seed=n, cell__activation=name) for n, name in enumerate(["tanh", "bent", "relu", "bent"])]
    folder = tmp_path / "s"
    sweep(runs, folder, StudyFile("s"), options=ONE_WORKER)
    assert computed_by(folder, runs) == ["compiled", "torch", "compiled", "torch"]
    widths = [json.loads((folder / run.folder / "provenance.json").read_text())["pack_width"] for run in runs]
    assert widths == [2, 2, 2, 2]


def test_a_study_that_goes_on_with_another_backend_says_so(run_config, tmp_path, inline, capsys):
    runs = [run_config(seed=n) for n in range(4)]
    folder = tmp_path / "s"

    def said(n, backend):
        inline()
        sweep(runs[:n], folder, StudyFile("s"), backend=backend, options=ONE_WORKER)
        return [line for line in capsys.readouterr().err.splitlines() if "backend=" in line]

    assert said(2, "auto") == []
    assert said(3, "compiled") == [], "the same backend"
    (line,) = said(4, "torch")
    assert line.startswith("rnnlab: 3 of the runs that are done were computed with backend=compiled")
    assert computed_by(folder, runs) == ["compiled"] * 3 + ["torch"]
    assert said(4, "auto") == [], "nothing is computed"
