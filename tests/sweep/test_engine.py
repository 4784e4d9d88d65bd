"""What every engine has in common, and what is said where one cannot be had."""

import sys

import pytest

from rnnlab.sweep import engine
from rnnlab.sweep.engine import Pack, work_on
from rnnlab.sweep.jobs import compute, finish

SWEEP = ["-m", "training.steps=0", "study=small", "hydra.launcher.report=false"]


def test_a_worker_says_what_became_of_each_run_and_where(run_config):
    runs = [run_config(seed=seed) for seed in range(3)]
    found, provenance = work_on(Pack(runs, "cpu", None, 60.0))
    assert found == [finish(run, result) for run, result in zip(runs, compute(runs, "cpu"), strict=True)]
    assert [run.run_id for run in found] == [run.run_id for run in runs]
    assert {"host", "torch", "finished", "pack_wall_s"} <= provenance.keys()
    assert (provenance["pack_width"], provenance["device"]) == (3, "cpu")


@pytest.mark.parametrize("name, module", [("ray", "ray"), ("slurm", "submitit")])
def test_an_engine_that_is_not_installed_is_named_with_what_installs_it(rnnlab, capsys, monkeypatch, name, module):
    monkeypatch.setitem(sys.modules, module, None)
    assert rnnlab(*SWEEP, f"hydra.launcher.engine={name}") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"rnnlab: hydra.launcher.engine: '{name}'; ")
    assert f"pip install rnnlab[{name}]" in line


def test_a_machine_without_slurm_is_told_so(rnnlab, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", sys)
    monkeypatch.setenv("PATH", "")
    assert rnnlab(*SWEEP, "hydra.launcher.engine=slurm") == 2
    assert "this machine has no sbatch" in capsys.readouterr().err


def test_an_unknown_engine_is_refused_with_those_there_are(rnnlab, capsys):
    assert rnnlab(*SWEEP, "hydra.launcher.engine=slrum") == 2
    assert "one of local, ray, slurm (did you mean 'slurm'?)" in capsys.readouterr().err


def test_an_engine_in_trouble_ends_the_command_with_its_one_line(rnnlab, capsys, monkeypatch):
    def submit(self, pack):
        raise engine.EngineError("the workers are on strike")

    monkeypatch.setattr("rnnlab.sweep.engines.local.LocalEngine.submit", submit)
    assert rnnlab(*SWEEP) == 1
    assert capsys.readouterr().err == "rnnlab: the workers are on strike\n"


@pytest.mark.parametrize(
    "option, complaint",
    [
        ("ray.cpus=0", "hydra.launcher.ray.cpus: 0.0; must be at least 0.01"),
        ("slurm.time_min=0", "hydra.launcher.slurm.time_min: 0; must be at least 1"),
        ("slurm.memory_gb=0", "hydra.launcher.slurm.memory_gb: 0.0; must be at least 0.01"),
        ("gpus=0", "hydra.launcher.gpus: 0; must be at least 1"),
    ],
)
def test_settings_of_engines_are_checked(rnnlab, capsys, option, complaint):
    assert rnnlab(*SWEEP, f"hydra.launcher.{option}") == 2
    assert complaint in capsys.readouterr().err
