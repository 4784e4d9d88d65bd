"""--to tensorboard, read back by TensorBoard: its event reader, and the data of its page HPARAMS."""

import math
import struct

import numpy as np
import pytest

pytest.importorskip("tensorboard", reason="TensorBoard is not installed: pip install -r requirements-exports.txt")

from tensorboard import context
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams import api_pb2, list_session_groups
from tensorboard.plugins.hparams.backend_context import Context

import rnnlab
from rnnlab.export.export import export


@pytest.fixture(scope="module")
def folder(exported):
    return exported("tensorboard")


def read(folder):
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0})
    events.Reload()
    return events


@pytest.fixture(scope="module")
def hparams(folder):
    """hparams() -> the experiment, and the sessions by name, as the page HPARAMS shows them."""
    multiplexer = EventMultiplexer()
    multiplexer.AddRunsFromDirectory(str(folder))
    multiplexer.Reload()
    provider = MultiplexerDataProvider(multiplexer, str(folder))
    of_plugin, request = Context(TBContext(logdir=str(folder), data_provider=provider)), context.RequestContext()
    metadata = of_plugin.hparams_metadata(request, "")
    experiment = of_plugin.experiment_from_metadata(request, "", True, metadata, [])
    statuses = [api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE]
    question = api_pb2.ListSessionGroupsRequest(
        allowed_statuses=statuses, start_index=0, slice_size=100, include_metrics=True
    )
    groups = list_session_groups.Handler(request, of_plugin, "", question).run().session_groups
    return experiment, {group.name: group for group in groups}


def test_every_curve_is_a_scalar_by_step(kept_study, folder):
    for run_id, curves in rnnlab.load(kept_study).curves.groupby("run_id"):
        events = read(folder / run_id)
        for column in ("train_loss", "eval_loss", "grad_norm"):
            found = events.Scalars(f"curves/{column}")
            assert [event.step for event in found] == curves["step"].tolist()
            assert [event.value for event in found] == np.float32(curves[column]).tolist()


def test_final_metrics_are_scalars_at_the_last_step(folder, build):
    events = read(folder / "sines-relu-2")
    (found,) = events.Scalars("final/test_loss")
    assert found.step == 40 and found.value == np.float32(0.05 + 0.02 + 0.02)
    assert found.wall_time == build.finished_s
    assert events.Scalars("final/diverged")[0].value == 0.0


def test_a_diverged_run_keeps_what_is_not_a_number(folder):
    events = read(folder / "sines-relu-3")
    assert math.isnan(events.Scalars("final/test_loss")[0].value) and events.Scalars("final/diverged")[0].value == 1
    assert [event.value for event in events.Scalars("curves/eval_loss")][2:] == [math.inf] * 3


def test_the_figures_of_the_report_are_images(kept_study, folder):
    events = read(folder / "report")
    figures = {path.stem: path.read_bytes() for path in (kept_study / "report" / "figures").glob("*.png")}
    assert figures and set(events.Tags()["images"]) == set(figures)
    for name, png in figures.items():
        (image,) = events.Images(name)
        assert image.encoded_image_string == png
        assert struct.pack(">II", image.width, image.height) in png[:24]


def test_configs_are_hyperparameters_and_those_that_vary_come_first(hparams):
    experiment, sessions = hparams
    assert (experiment.name, experiment.description) == ("한글 study", "Which one?")
    names = [info.name for info in experiment.hparam_infos]
    assert set(names[:3]) == {"task.name", "cell.activation", "seed"}
    by_name = {info.name: info for info in experiment.hparam_infos}
    assert by_name["cell.activation"].type == api_pb2.DATA_TYPE_STRING
    assert sorted(by_name["cell.activation"].domain_discrete) == ["relu", "tanh"]
    assert by_name["readout.bias"].type == api_pb2.DATA_TYPE_BOOL
    assert by_name["optimizer.learning_rate"].type == api_pb2.DATA_TYPE_FLOAT64
    assert "optimizer.clip_norm" not in by_name  # null in every run
    found = {name: session.hparams["seed"].number_value for name, session in sessions.items()}
    assert found == {
        **{f"sines-{phi}-{seed}": seed for phi in ("tanh", "relu") for seed in range(4)},
        "hihello-tanh-0": 0,
    }
    assert sessions["sines-relu-1"].hparams["cell.activation"].string_value == "relu"
    assert sessions["hihello-tanh-0"].hparams["cell.sizes"].string_value == "[8, 4]"
    assert sessions["sines-relu-1"].hparams["readout.bias"].bool_value is False


def test_sessions_have_final_metrics_times_and_status(hparams, build):
    _, sessions = hparams
    values = {value.name.tag: value.value for value in sessions["sines-tanh-2"].metric_values}
    assert values["final/test_loss"] == np.float32(0.07)
    (session,) = sessions["sines-tanh-2"].sessions
    assert (session.start_time_secs, session.end_time_secs) == (build.finished_s - 2.5, build.finished_s)
    statuses = {name: group.sessions[0].status for name, group in sessions.items()}
    failed = {name for name, status in statuses.items() if status == api_pb2.STATUS_FAILURE}
    assert failed == {"sines-tanh-3"} and set(statuses.values()) == {api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE}


def test_the_same_study_gives_the_same_bytes(kept_study, folder, tmp_path, contents_of):
    export(kept_study, "tensorboard", tmp_path / "again")
    assert contents_of(tmp_path / "again") == contents_of(folder)


def test_a_run_without_provenance_has_the_time_of_its_record(study, tmp_path):
    (study / "sines-tanh-0" / "provenance.json").write_text("damaged")
    place, _ = export(study, "tensorboard", tmp_path / "out")
    (found,) = read(place / "sines-tanh-0").Scalars("final/test_loss")
    assert found.wall_time == pytest.approx((study / "sines-tanh-0" / "run.json").stat().st_mtime, abs=1e-3)


def test_settings_that_tensorboard_cannot_show_as_numbers_are_text(build, tmp_path):
    study = build.runs(tmp_path / "s", [build.record("a", limit=math.inf), build.record("b", limit=3.0, seed=1)])
    place, _ = export(study, "tensorboard")
    multiplexer = EventMultiplexer()
    multiplexer.AddRunsFromDirectory(str(place))
    multiplexer.Reload()
    of_plugin = Context(TBContext(data_provider=MultiplexerDataProvider(multiplexer, str(place))))
    request = context.RequestContext()
    metadata = of_plugin.hparams_metadata(request, "")
    infos = of_plugin.experiment_from_metadata(request, "", True, metadata, []).hparam_infos
    (limit,) = [info for info in infos if info.name == "cell.limit"]
    assert limit.type == api_pb2.DATA_TYPE_STRING
    assert list(limit.domain_discrete) == ["inf", 3.0]
