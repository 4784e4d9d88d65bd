"""--to tensorboard: an event folder for each run, and one for the report.

    <run>/     curves/<column> by step; final/<metric>, one value each; the config as hyperparameters (plugin hparams)
    report/    the figures of the report as images
    .          which hyperparameters and final metrics there are (plugin hparams)

Written by the libraries of TensorBoard itself (its protocol buffers and its record writer), without TensorFlow.  All
events of a run have the time at which it ended, so the same study gives the same bytes.  TensorBoard keeps scalars as
float32.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnlab.export.source import Source, Value, scalars, settings
from rnnlab.export.targets import register
from rnnlab.report.reading.study import Run

if TYPE_CHECKING:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

MAX_CHOICES = 10  # values of a hyperparameter that TensorBoard lists to choose from


class EventFile:
    """An event file in a folder of its own, whose events all have the same time."""

    def __init__(self, file: Any, time_s: float) -> None:
        from tensorboard.summary.writer.record_writer import RecordWriter

        self._records, self._time_s = RecordWriter(file), time_s
        self._write(file_version="brain.Event:2")

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        self.summary(Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]), step)

    def image(self, tag: str, png: bytes) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        width, height = struct.unpack(">II", png[16:24])  # the first chunk of a PNG file begins with them
        image = Summary.Image(height=height, width=width, colorspace=4, encoded_image_string=png)
        self.summary(Summary(value=[Summary.Value(tag=tag, image=image)]))

    def hparams(self, tag: str, data: HParamsPluginData) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
        from tensorboard.plugins.hparams import metadata

        data.version = metadata.PLUGIN_DATA_VERSION
        content = data.SerializeToString(deterministic=True)
        plugin = SummaryMetadata.PluginData(plugin_name=metadata.PLUGIN_NAME, content=content)
        value = Summary.Value(tag=tag, metadata=SummaryMetadata(plugin_data=plugin), tensor=metadata.NULL_TENSOR)
        self.summary(Summary(value=[value]))

    def summary(self, summary: Summary, step: int = 0) -> None:
        self._write(summary=summary, step=step)

    def _write(self, **content: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._records.write(Event(wall_time=self._time_s, **content).SerializeToString(deterministic=True))


@contextmanager
def event_file(folder: Path, time_s: float) -> Iterator[EventFile]:
    folder.mkdir(exist_ok=True)
    with (folder / f"events.out.tfevents.{time_s:.0f}.rnnlab").open("wb") as file:
        yield EventFile(file, time_s)


@register(
    "tensorboard",
    holds="runs with curves, final metrics and hyperparameters (HPARAMS), and the figures",
    open_with="tensorboard --logdir {folder}",
    library="tensorboard",
    extra="tensorboard",
)
def write(source: Source, building: Path, place: Path) -> None:
    with event_file(building, source.last_time) as events:
        _experiment(events, source)
    with event_file(building / "report", source.last_time) as events:
        for name, path in source.figures.items():
            events.image(name, path.read_bytes())
    for run in source.runs():
        begin, end = source.times(run)
        with event_file(building / run.folder, end) as events:
            _session(events, run, begin, end)
            curves = source.study.curves.get(run.run_id, {})
            for row in zip(*(column.tolist() for column in curves.values()), strict=True):
                values = dict(zip(curves, row, strict=True))
                step = int(values.pop("step"))
                events.scalars(step, {f"curves/{name}": value for name, value in values.items()})
            events.scalars(run.steps_done, {f"final/{name}": value for name, value in scalars(run).items()})


def _session(events: EventFile, run: Run, begin: float, end: float) -> None:
    """A run, in the words of the plugin hparams a session; its status says whether it failed."""
    from tensorboard.plugins.hparams import api_pb2, metadata
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo

    start = SessionStartInfo(group_name=run.run_id, start_time_secs=begin)
    for name, value in settings(run).items():
        field = (
            "bool_value" if isinstance(value, bool) else "string_value" if isinstance(value, str) else "number_value"
        )
        setattr(start.hparams[name], field, value)
    events.hparams(metadata.SESSION_START_INFO_TAG, HParamsPluginData(session_start_info=start))
    status = api_pb2.STATUS_SUCCESS if run.completed else api_pb2.STATUS_FAILURE
    ended = HParamsPluginData(session_end_info=SessionEndInfo(status=status, end_time_secs=end))
    events.hparams(metadata.SESSION_END_INFO_TAG, ended)


def _experiment(events: EventFile, source: Source) -> None:
    """The columns of the table of the plugin hparams, which puts those that differ first."""
    from tensorboard.plugins.hparams import api_pb2, metadata
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    found: dict[str, dict[Value, None]] = {}
    measured: dict[str, None] = {}
    for run in source.study.members:
        for name, value in settings(run).items():
            found.setdefault(name, {})[value] = None
        measured |= dict.fromkeys(scalars(run))
    file = source.study.file
    experiment = api_pb2.Experiment(name=file.study, description=file.question, time_created_secs=source.last_time)
    for name, values in found.items():
        info = experiment.hparam_infos.add(name=name, type=_type(values), differs=len(values) > 1)
        if len(values) <= MAX_CHOICES:
            info.domain_discrete.extend(values)
    for name in measured:
        metric = api_pb2.MetricName(tag=f"final/{name}")
        experiment.metric_infos.add(name=metric, display_name=name)
    events.hparams(metadata.EXPERIMENT_TAG, HParamsPluginData(experiment=experiment))


def _type(values: Mapping[Value, None]) -> int:
    """The DataType of a hyperparameter; as TensorBoard has it, STRING where its values are of several types."""
    from tensorboard.plugins.hparams import api_pb2

    kinds = {type(value) for value in values}
    if kinds == {bool}:
        return api_pb2.DATA_TYPE_BOOL
    return api_pb2.DATA_TYPE_FLOAT64 if kinds <= {int, float} else api_pb2.DATA_TYPE_STRING
