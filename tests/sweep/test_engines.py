"""The registry of engines, and what the command says where one is not available."""

import subprocess
import sys

import pytest

from rnnlab.sweep.engine import EngineError
from rnnlab.sweep.engines import engines, register
from rnnlab.sweep.engines.local import LocalEngine

SWEEP = ["-m", "training.steps=0", "study=small", "hydra.launcher.report=false"]

ENGINE = """
from dataclasses import dataclass

from rnnlab.options import choice, number
from rnnlab.sweep.engines import register


@dataclass
class Settings:
    speed: float = number(1.0, above=0)
    queue: str = choice("short", ("short", "long"))


@register("{name}", Settings)
class Engine:
    n_workers, pack_memory_gb, pack_overhead_s, shares_folder = 7, 1.0, 0.0, False

    @classmethod
    def start(cls, settings, options, device, folder):
        print("{name} has", settings)
        return cls()

    def close(self):
        pass
"""
COMMANDS = """
import sys

import hydra_plugins.rnnlab_packed.packed_launcher  # as Hydra does at its start
from rnnlab import app
from rnnlab.sweep import engines

folder, *commands = sys.argv[1:]
sys.path.insert(0, folder)
import late  # registered after everything has been imported

engines.__path__.append(folder + "/engines")  # as if a file had been put into rnnlab/sweep/engines
for command in commands:
    sys.argv = ["rnnlab", *command.split()]
    print("exit code", app.run())
"""


def test_an_engine_is_one_file_and_may_also_be_registered_late(tmp_path):
    (tmp_path / "engines").mkdir()
    (tmp_path / "late.py").write_text(ENGINE.replace("{name}", "late"))
    (tmp_path / "engines" / "placed.py").write_text(ENGINE.replace("{name}", "placed"))
    sweep = (
        "-m training.steps=0 task.n_points=40 task.forecast_steps=3 training.batch_size=8 hydra.launcher.dry_run=true"
    )
    commands = [
        "--cfg hydra --package hydra.launcher",
        f"{sweep} hydra.launcher.engine=lat",
        f"{sweep} hydra.launcher.late.speed=0",
        f"{sweep} hydra.launcher.engine=late hydra.launcher.late.speed=2",
        f"{sweep} hydra.launcher.engine=placed hydra.launcher.placed.queue=long",
    ]
    ended = subprocess.run(
        [sys.executable, "-c", COMMANDS, tmp_path, *commands], cwd=tmp_path, capture_output=True, text=True
    )
    listing, *_, late, placed, last = ended.stdout.split("exit code")
    assert ended.stderr.splitlines() == [
        "rnnlab: hydra.launcher.engine: unknown 'lat'; one of local, ray, slurm, late, placed (did you mean 'late'?)",
        "rnnlab: hydra.launcher.late.speed: 0.0; must be a finite number above 0",
    ]
    for name in ("late", "placed"):
        assert f"{name}:\n  speed: 1.0\n  queue: short\n" in listing
    assert "late has Settings(speed=2.0, queue='short')" in late
    assert "placed has Settings(speed=1.0, queue='long')" in placed
    assert "on 7 workers" in late
    assert last.split() == ["0"]


def test_a_name_is_registered_once():
    with pytest.raises(ValueError, match="an engine named 'local' is registered already"):
        register("local")(LocalEngine)
    assert list(engines())[:3] == ["local", "ray", "slurm"]


def test_an_engine_that_is_not_installed_is_named_with_what_installs_it(rnnlab, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert rnnlab(*SWEEP, "hydra.launcher.engine=ray") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("rnnlab: hydra.launcher.engine: 'ray'; ")
    assert "pip install rnnlab[ray]" in line


def test_a_ray_that_is_too_old_to_ask_for_a_token_is_refused(rnnlab, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", sys)
    engines()
    monkeypatch.setattr(sys.modules["rnnlab.sweep.engines.ray"], "version", lambda name: {"ray": "2.51.1"}[name])
    assert rnnlab(*SWEEP, "hydra.launcher.engine=ray") == 2
    assert capsys.readouterr().err.endswith(" 'ray'; Ray 2.51.1 is installed, and must be 2.60 or newer\n")


def test_a_machine_without_slurm_is_told_so(rnnlab, capsys, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert rnnlab(*SWEEP, "hydra.launcher.engine=slurm") == 2
    assert "this machine has no sbatch" in capsys.readouterr().err


def test_an_unknown_engine_is_refused_with_those_there_are(rnnlab, capsys):
    assert rnnlab(*SWEEP, "hydra.launcher.engine=slrum") == 2
    assert "one of local, ray, slurm (did you mean 'slurm'?)" in capsys.readouterr().err


def test_an_engine_in_trouble_ends_the_command_with_its_one_line(rnnlab, capsys, monkeypatch):
    def submit(self, pack):
        raise EngineError("the workers are on strike")

    monkeypatch.setattr(LocalEngine, "submit", submit)
    assert rnnlab(*SWEEP) == 1
    assert capsys.readouterr().err == "rnnlab: the workers are on strike\n"


@pytest.mark.parametrize(
    "option, complaint",
    [
        ("ray.cpus=0", "hydra.launcher.ray.cpus: 0.0; must be a finite number at least 0.01"),
        ("slurm.time_min=0", "hydra.launcher.slurm.time_min: 0; must be a finite number at least 1"),
        ("slurm.memory_gb=0", "hydra.launcher.slurm.memory_gb: 0.0; must be a finite number at least 0.01"),
        ("gpus=0", "hydra.launcher.gpus: 0; must be a finite number at least 1"),
    ],
)
def test_settings_of_engines_are_checked(rnnlab, capsys, option, complaint):
    assert rnnlab(*SWEEP, f"hydra.launcher.{option}") == 2
    assert complaint in capsys.readouterr().err
