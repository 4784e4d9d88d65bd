"""Quick composition against Hydra's own, key by key and byte by byte."""

from copy import deepcopy

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.types import RunMode
from hydra.version import VersionBase
from omegaconf import OmegaConf, open_dict

from rnnlab import app, places
from rnnlab.hydra.compose import Composer, Template, to_yaml, without_hydra
from rnnlab.hydra.internals import job_overrides
from rnnlab.options import ConfigError

PLAIN = [
    ["seed=3"],
    ["cell.activation=relu", "seed=1", "optimizer.learning_rate=0.01"],
    ["task=digits", "seed=1"],
    ["seed=1", "task=digits", "training.batch_size=null"],
    ["optimizer=sgd", "optimizer.momentum=0.9", "cell=memoryless", "cell.bias=false"],
    ["experiment=activations", "seed=4", "cell.activation=sine"],
    ["study='a, b = \"c\"'"],
    ["study='Студия'", "question='what, then?'"],
    ["question='1e3'"],
    ["question='no'"],
    ['question="it\'s"'],
    ["training.steps=1_000"],
    ["optimizer.learning_rate=1e-3"],
    ["optimizer.learning_rate=nan"],
    ["seed=1", "seed=2"],
    ["device=cuda", "divergence.loss_factor=inf"],
    ["question="],
    ["question='" + "a long one " * 20 + "'", "source='two: colons: '"],
    ["study=rnnlab-placeholder-seed", "seed=4"],
    ["cell.bias=false", "seed=1", "training.steps=1", "divergence.margin=1.0"],
]
WHOLE_NUMBERS = [
    "0",
    "7",
    "123456789012345678",
    "007",
    "1_000",
    "-3",
    "+3",
    " 3",
    "3 ",
    "1e3",
    "0x10",
    "٣",
    "1234567890123456789",
]
HOSTILE = [
    ["+new=1"],
    ["+new.deep.key=x", "seed=1"],
    ["++seed=7"],
    ["++brand.new=[1,2]"],
    ["~divergence.margin"],
    ["~cell.bias", "seed=2"],
    ["question=[1,2,3]"],
    ["question={a:1,b:[x,y]}"],
    ["question='${study}'"],
    ["study=${seed}"],
    ["question=${oc.env:HOME}"],
    ["cell={hidden_size:3}"],
    ["cell={hidden_size:3}", "cell.hidden_size=4"],
    ["cell.hidden_size=4", "cell={hidden_size:3}"],
    ["+task@other=sinc"],
    ["task=digits", "+task@spare=sines", "seed=1"],
    ["hydra.job.name=else", "seed=1"],
    ["hydra.verbose=true"],
    ["~task"],
    ["question=???"],
    ["question='\\'quoted\\''"],
]
AFTER_NUMBERS = [[f"seed={text}"] for text in WHOLE_NUMBERS] + [["training.steps=5", "seed=12"], ["+seed=5"], ["~seed"]]
WRONG = [
    ["experiment=[activations]"],
    ["nothing=1"],
    ["cell.nothing=1"],
    ["task=nothing"],
    ["~nothing"],
    ["+seed=1"],
    ["seed=[1"],
    ["task@x=sines"],
]


def composed_once_each(load):
    """What Hydra composes of a master and overrides, of which most tests need the same ones: a copy takes a tenth of
    the time, and is the caller's."""
    known = {}

    def loaded(master, overrides):
        key = OmegaConf.to_yaml(master.hydra.overrides), tuple(overrides)
        if key not in known:
            known[key] = load(master, overrides)
        return deepcopy(known[key])

    return loaded


@pytest.fixture(scope="module")
def module_loader_and_master():
    before = VersionBase.instance().getbase()
    GlobalHydra.instance().clear()
    app.register()
    with initialize_config_dir(str(places.CONF), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
    loader.load_sweep_config = composed_once_each(loader.load_sweep_config)
    VersionBase.instance().version_base = before  # it is Hydra's for the whole process
    return loader, loader.load_configuration("config", ["hydra/launcher=packed"], run_mode=RunMode.MULTIRUN)


@pytest.fixture
def loader_and_master(module_loader_and_master):
    loader, master = module_loader_and_master
    yield loader, deepcopy(master)
    HydraConfig.instance().cfg = None


def hydras_own(loader, master, overrides, number):
    config = loader.load_sweep_config(master, overrides)
    with open_dict(config):
        config.hydra.job.id = str(number)
        config.hydra.job.num = number
    return config


RARE = [pytest.param(overrides, marks=pytest.mark.slow if n % 4 else ()) for n, overrides in enumerate(HOSTILE)]


@pytest.mark.parametrize("overrides", PLAIN + RARE, ids=" ".join)
def test_a_job_and_its_hydra_folder_are_composed_as_hydra_does_it(loader_and_master, overrides, tmp_path):
    loader, master = loader_and_master
    wanted = hydras_own(loader, master, overrides, 17)
    composer = Composer(loader, master)
    composer.compose(["seed=99", "cell.activation=mish"], 3)  # whatever it keeps must not show in the next job
    job = composer.compose(overrides, 17)
    assert OmegaConf.to_yaml(job.config()) == OmegaConf.to_yaml(wanted)
    assert OmegaConf.to_container(job.config()) == OmegaConf.to_container(wanted) or "nan" in overrides[0]

    folder = str(tmp_path / "a: b")
    wanted.hydra.runtime.output_dir = folder
    task = deepcopy(wanted)
    with open_dict(task):
        del task["hydra"]
    files = job.hydra_files(folder)
    assert files["config.yaml"] == OmegaConf.to_yaml(task)
    assert files["hydra.yaml"] == OmegaConf.to_yaml(OmegaConf.masked_copy(wanted, "hydra"))
    assert files["overrides.yaml"] == OmegaConf.to_yaml(wanted.hydra.overrides.task)


@pytest.mark.parametrize("overrides", WRONG, ids=" ".join)
def test_what_hydra_refuses_is_refused(loader_and_master, overrides):
    loader, master = loader_and_master
    with pytest.raises(HydraException) as wanted:
        loader.load_sweep_config(master, overrides)
    with pytest.raises(HydraException) as found:
        Composer(loader, master).compose(overrides, 0)
    assert str(found.value) == str(wanted.value)


def test_jobs_of_one_choice_of_groups_are_composed_by_hydra_once(loader_and_master, monkeypatch):
    loader, master = loader_and_master
    calls = []
    original = loader.load_sweep_config
    monkeypatch.setattr(loader, "load_sweep_config", lambda *a: calls.append(a) or original(*a))
    composer = Composer(loader, master)
    for task in ("sines", "digits"):
        for seed in range(50):
            composer.compose([f"task={task}", f"seed={seed}", "training.steps=0"], seed)
    assert len(calls) == 2


def test_every_study_is_composed_as_hydra_composes_it(loader_and_master):
    """The last job of its sweep."""
    loader, _ = loader_and_master
    parser = OverridesParser.create()
    for study in places.options("experiment"):
        master = loader.load_configuration("config", [f"experiment={study}"], run_mode=RunMode.MULTIRUN)
        swept = [f"{key}={values}" for key, values in master.hydra.sweeper.params.items()]
        *_, last = job_overrides(parser.parse_overrides([*swept, f"experiment={study}"]), None)[0]
        found = Composer(loader, master).compose(last, 0)
        wanted = hydras_own(loader, master, last, 0)
        assert repr(OmegaConf.to_container(found.config())) == repr(OmegaConf.to_container(wanted))


JOBS_WITH_INTERPOLATIONS = [
    ["cell.dropout=0.3", "seed=1"],
    ["cell.dropout=0.1", "seed=2"],
    ["seed=3"],  # a job that sets fewer keys than those before it
    ["cell.dropout=0.2", "readout.dropout=0.5"],  # a value in the place of an interpolation
    ["cell.dropout=0.4", "seed=4"],
]


def test_jobs_with_interpolations_are_those_of_hydra_one_after_the_other_and_composed_once(
    loader_and_master, monkeypatch
):
    loader, _ = loader_and_master
    master = loader.load_configuration("config", ["experiment=mnist_mlp"], run_mode=RunMode.MULTIRUN)
    jobs = [["experiment=mnist_mlp", *own] for own in JOBS_WITH_INTERPOLATIONS]
    wanted = [hydras_own(loader, master, job, n) for n, job in enumerate(jobs)]
    calls = []
    of_hydra = loader.load_sweep_config
    monkeypatch.setattr(loader, "load_sweep_config", lambda *a, **k: calls.append(a) or of_hydra(*a, **k))
    composer = Composer(loader, master)
    for n, (job, hydras) in enumerate(zip(jobs, wanted, strict=True)):
        found = composer.compose(job, n)
        resolved = found.resolved()
        assert resolved["readout"]["dropout"] == hydras.readout.dropout
        of_task = OmegaConf.masked_copy(resolved, [key for key in hydras if key != "hydra"])
        assert OmegaConf.to_yaml(of_task, resolve=True) == OmegaConf.to_yaml(without_hydra(hydras), resolve=True)
        assert OmegaConf.to_yaml(found.config()) == OmegaConf.to_yaml(hydras)
        assert found.hydra_files("")["config.yaml"] == OmegaConf.to_yaml(without_hydra(hydras))
    assert len(calls) == 1


def test_a_section_that_stands_for_another_one_is_left_to_hydra():
    config = OmegaConf.create({"a": {"x": 1}, "b": "${a}", "hydra": {}})
    template = Template(config)
    assert template.is_plain_leaf("a.x")
    assert not template.is_plain_leaf("b.x")


def test_a_typed_node_is_left_to_hydra(loader_and_master):
    loader, master = loader_and_master
    job = Composer(loader, master).compose(["hydra.job.num=3"], 5)
    assert not job.values


@pytest.mark.parametrize(
    "data", [{"a": "1e3", "b": "no", "c": None, "d": [1, {"e": "x: y"}], "f": "é"}, [], {}, ["${x}"]]
)
def test_yaml_is_written_as_omegaconf_writes_it(data):
    assert to_yaml(data) == OmegaConf.to_yaml(OmegaConf.create(data))


@pytest.mark.parametrize("overrides", AFTER_NUMBERS, ids=" ".join)
def test_a_number_behind_other_numbers_is_read_as_hydra_reads_it(loader_and_master, overrides):
    loader, master = loader_and_master
    composer = Composer(loader, master)
    for before in ("seed=99", "seed=98", "training.steps=3"):
        composer.compose([before], 0)
    try:
        wanted = hydras_own(loader, master, overrides, 17)
    except HydraException:
        with pytest.raises(HydraException):
            composer.compose(overrides, 17)
        return
    job = composer.compose(overrides, 17)
    assert OmegaConf.to_yaml(job.config()) == OmegaConf.to_yaml(wanted)
    assert job.resolved().get("seed") == wanted.get("seed")
    assert job.task_overrides == list(wanted.hydra.overrides.task)


def test_a_sweep_of_too_many_jobs_is_counted_before_it_is_written_out():
    def jobs(*texts):
        return job_overrides(OverridesParser.create().parse_overrides(list(texts)), None)[0]

    assert len(jobs("seed=range(10000000000)", "a=1,2,3", "b=x", "seed=range(2,9,3)")) == 3 * 3
    assert len(jobs("a=range(0,1,0.25)", "b=range(3,0)", "c=1")) == 0
    for texts in (["seed=range(2000001)"], ["a=range(2000)", "b=range(-1001,0)"], ["a=range(0,1e308,1e-300)"]):
        with pytest.raises(ConfigError, match=r"a sweep of .* runs; at most 2000000 are planned at once"):
            jobs(*texts)


def test_jobs_that_differ_in_the_seed_alone_are_one_condition(loader_and_master):
    composer = Composer(*loader_and_master)
    lines = (
        ["seed=1", "training.steps=3"],
        ["seed=2", "training.steps=3"],
        ["seed=1", "training.steps=4"],
        ["task=sinc"],
    )
    first, second, longer, other = [composer.compose(line, n) for n, line in enumerate(lines)]
    assert first.condition == second.condition
    assert len({first.condition, longer.condition, other.condition}) == 3
    assert (first.task["seed"], second.task["seed"], first.task["training"]["steps"]) == (1, 2, 3)
