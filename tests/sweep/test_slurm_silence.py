"""engine=slurm when the commands of Slurm do not do what they are asked for.  In place of Slurm there are scripts."""

from pathlib import Path

import pytest

from rnnlab.options import ConfigError
from rnnlab.sweep.elsewhere import pack_from_text, result_to_text
from rnnlab.sweep.engine import Cancelled, Died, Done, EngineError, Pack
from rnnlab.sweep.engines.slurm import SlurmEngine, SlurmSettings
from rnnlab.sweep.slurm_files import arrays_in, read_note
from rnnlab.sweep.worker import work_on

NAME = "$(cd .slurm && echo rnnlab-*)"  # of the only array
SILENT = {
    "fails": ("echo 'Unable to contact slurm controller' >&2; exit 1", "squeue fails: Unable to contact slurm cont"),
    "hangs": ("exec sleep 1000", "squeue does not answer within 0.6 s"),
}


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """slurm(squeue=script, ...): what a command of Slurm does from now on.  Calls of scancel are noted."""
    (tmp_path / "bin").mkdir()

    def do(**scripts):
        for command, script in scripts.items():
            path = tmp_path / "bin" / command
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)

    do(sbatch="cat >script; echo Submitted", srun="", squeue="", scancel=f"echo $* >>{tmp_path}/cancelled")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.chdir(tmp_path)
    return do


@pytest.fixture
def engine(slurm, tmp_path):
    return SlurmEngine(SlurmSettings(poll_s=0.1, patience_min=0.01), tmp_path / ".slurm")


@pytest.fixture
def pack(run_config):
    return Pack([run_config(seed=seed, training__steps=0) for seed in range(2)], "cpu")


def only_array():
    (array,) = arrays_in(Path(".slurm").absolute())
    return array


def compute(array):
    """What the job would do."""
    pack = pack_from_text((array / "0.pack.json").read_text(), [])
    (array / "0.result.json").write_text(result_to_text(*work_on(pack)))


@pytest.mark.parametrize("how", SILENT)
def test_a_silent_squeue_is_said_and_then_ends_the_command_while_the_jobs_stay(how, slurm, engine, pack, capsys):
    script, words = SILENT[how]
    slurm(squeue=script)
    engine.submit(pack)
    with pytest.raises(EngineError, match=rf"^{words}.*, and so for 0\.01 min; jobs stay in Slurm, and the same comma"):
        engine.wait(None)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"rnnlab: {words}") and line.endswith("; waiting up to 0.01 min for squeue")
    assert not Path("cancelled").exists()
    slurm(squeue=f"echo '{only_array().name}|0|RUNNING'")
    again = SlurmEngine(SlurmSettings(poll_s=0.1), Path(".slurm").absolute())
    assert again.resume(pack) == [pack]


def test_results_arrive_while_squeue_is_silent(slurm, engine, pack):
    engine.submit(pack)
    assert engine.wait(0.0) == []
    slurm(squeue="exit 1")
    compute(only_array())
    (event,) = engine.wait(None)
    assert isinstance(event, Done) and event.pack == pack


def test_a_later_command_waits_for_a_silent_squeue_as_long(slurm, engine, pack, capsys):
    engine.submit(pack)
    engine.wait(0.0)
    slurm(squeue="echo x >>asked; [ $(wc -l <asked) -gt 2 ] || exit 1; " + f'echo "{NAME}|0|PENDING"')
    assert SlurmEngine(SlurmSettings(poll_s=0.1), Path(".slurm").absolute()).resume(pack) == [pack]
    assert capsys.readouterr().err.count("waiting up to 10 min") == 1
    slurm(squeue="exit 3")
    with pytest.raises(EngineError, match=r"squeue fails: exit status 3, and so for 0\.01 min"):
        engine.resume(pack)


def test_an_sbatch_that_fails_is_one_line_and_leaves_nothing(slurm, engine, pack):
    slurm(sbatch="printf 'sbatch: error: invalid\\n  partition: nowhere\\n' >&2; exit 1")
    engine.submit(pack)
    with pytest.raises(EngineError, match=r"^sbatch fails: sbatch: error: invalid partition: nowhere$"):
        engine.wait(None)
    assert arrays_in(Path(".slurm")) == []
    assert Path("cancelled").read_text().startswith("--name=rnnlab-"), "sbatch may have been heard"


def test_jobs_of_an_sbatch_that_was_heard_although_it_failed_are_found_by_their_name(slurm, engine, pack):
    slurm(sbatch="exit 1", scancel="exit 1")
    engine.submit(pack)
    with pytest.raises(EngineError):
        engine.wait(None)
    slurm(squeue=f'echo "{NAME}|0|RUNNING"')
    assert SlurmEngine(SlurmSettings(), Path(".slurm").absolute()).resume(pack) == [pack]


def test_a_damaged_result_is_said_and_its_runs_are_computed_again(slurm, engine, pack, capsys):
    engine.submit(pack)
    engine.wait(0.0)
    array = only_array()
    compute(array)
    result = array / "0.result.json"
    result.write_text(result.read_text()[:-100])
    assert engine.wait(None) == [Died(pack)]
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"rnnlab: {result}: cannot be read (") and line.endswith(f"kept as {result}.damaged")


def test_a_job_that_ends_before_it_has_said_hello_is_an_error_of_the_engine(slurm, engine, pack):
    slurm(squeue=f'echo "{NAME}|0|FAILED"')
    engine.submit(pack)
    engine.wait(0.0)
    (only_array() / "0.log").write_text("Traceback\nModuleNotFoundError: No module named 'rnnlab'\n")
    with pytest.raises(
        EngineError, match=r"task 0, cannot compute packs: ModuleNotFoundError: No module named 'rnnlab'"
    ):
        engine.wait(None)


@pytest.mark.parametrize(("state", "event"), [("FAILED", Died), ("TIMEOUT", Died), ("CANCELLED", Cancelled)])
def test_what_became_of_a_job_that_had_said_hello(state, event, slurm, engine, pack):
    slurm(squeue=f'echo "{NAME}|0|{state}"')
    engine.submit(pack)
    engine.wait(0.0)
    (only_array() / "0.log").write_text("rnnlab computes on node7\n")
    assert engine.wait(None) == [event(pack)]


def test_what_a_node_cannot_compute_is_said_once_and_submitted_anew_by_the_next_command(slurm, engine, pack):
    slurm(squeue=f'echo "{NAME}|0|COMPLETED"')
    engine.submit(pack)
    engine.wait(0.0)
    (only_array() / "0.error").write_text("ConfigError: node7: task.path: '/data/x'; cannot be read")
    with pytest.raises(EngineError, match=r"ConfigError: node7: task\.path: '/data/x'; cannot be read; its log is "):
        engine.wait(None)
    assert SlurmEngine(SlurmSettings(), Path(".slurm").absolute()).resume(pack) == []
    assert not arrays_in(Path(".slurm"))


@pytest.mark.parametrize("key", ["output", "job_name", "array"])
def test_what_jobs_are_found_by_cannot_be_set(key, slurm, tmp_path):
    with pytest.raises(
        ConfigError, match=rf"hydra\.launcher\.slurm\.extra\.{key}: 'x'; rnnlab itself says this to sbatch"
    ):
        SlurmEngine(SlurmSettings(extra={key: "x"}), tmp_path)


def test_options_reach_sbatch(slurm, pack, tmp_path):
    slurm(sbatch="printf '%s\\n' \"$@\" >given")
    extra = {"constraint": "avx512", "exclusive": True, "mail_type": "END", "requeue": False}
    engine = SlurmEngine(SlurmSettings(partition="main", memory_gb=2.0, gpus=1, extra=extra), tmp_path / "50% done")
    engine.submit(pack)
    engine.submit(pack)
    engine.wait(0.0)
    given = set(Path("given").read_text().splitlines())
    assert {"--constraint=avx512", "--exclusive", "--mail-type=END", "--partition=main", "--gpus-per-node=1"} <= given
    assert {"--array=0-1%100", "--mem=1907M", "--time=60"} <= given and "--requeue" not in given
    (output,) = [option for option in given if option.startswith(f"--output={tmp_path}/50%% done/rnnlab-")]
    assert output.endswith("/%a.log")
    assert not [option for option in given if option.startswith(("--qos", "--account"))]


def test_the_script_of_a_job_is_constant_but_for_its_folder_and_the_digests_of_plugins(slurm, engine, pack, tmp_path):
    engine.submit(pack)
    engine.wait(0.0)
    assert read_note(only_array()) == [[run.run_id for run in pack.runs]]
    script = Path("script").read_text().splitlines()
    assert script[0] == "#!/bin/bash"
    assert script[1].split(" -m ")[1] == f"rnnlab.sweep.slurm_task {only_array()}"
    assert len(script) == 2
