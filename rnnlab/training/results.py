"""The results of runs that are not trained any further: last losses, the test loss, dynamics, and what the task
examines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rnnlab.nets.backends import Backend, make
from rnnlab.nets.state_dict import state_dict
from rnnlab.records.metrics import LONGER, score_of
from rnnlab.records.run import RunResult
from rnnlab.records.weights import Weights
from rnnlab.training import dynamics
from rnnlab.training.batches import Pool
from rnnlab.training.construction import lane_recipe, recipe
from rnnlab.training.evaluation import Evaluator
from rnnlab.training.lane import Lane
from rnnlab.training.pack import Pack


def results_of(pack: Pack, lanes: Sequence[Lane]) -> dict[Lane, RunResult]:
    """The results of some lanes of a pack."""
    backend = pack.backend_of(lanes)
    evaluator = Evaluator(backend)
    _add_last_rows(pack, lanes, evaluator)
    if backend.recipe.architecture.n_recurrent_layers:
        _measure_dynamics(lanes, backend)
    findings = pack.task.examine([lane.data for lane in lanes], evaluator)
    test_losses = evaluator.mean_loss([lane.data.test for lane in lanes]).tolist()
    longer = _on_longer_sequences(lanes, backend)
    findings = [replace(of, metrics={**of.metrics, **more}) for of, more in zip(findings, longer, strict=True)]
    weights = _weights(pack, backend)
    return {
        lane: lane.result(finding, test_loss, of_lane)
        for lane, finding, test_loss, of_lane in zip(lanes, findings, test_losses, weights, strict=True)
    }


def _on_longer_sequences(lanes: Sequence[Lane], backend: Backend) -> list[dict[str, float]]:
    """What the networks do on longer sequences than they were trained on, if the task asks for it: metrics."""
    longer = lanes[0].run.task.with_longer_sequences
    if longer is None:
        return [{} for _ in lanes]
    runs = [replace(lane.run, task=longer) for lane in lanes]
    other = make(backend.name, recipe(runs[0]), [lane_recipe(run) for run in runs], backend.device)
    other.set_weights(backend.weights())
    data, evaluator = [longer.data(run.seed) for run in runs], Evaluator(other)
    findings = longer.examine(data, evaluator)
    losses = evaluator.mean_loss([of_lane.test for of_lane in data]).tolist()
    measured = []
    for lane, of_lane, finding, loss in zip(lanes, data, findings, losses, strict=True):
        naive = longer.baseline_losses(of_lane, of_lane.test)["naive"]
        score = score_of(loss, naive, lane.divergence_reason is not None)
        metrics = {"test_loss": loss, "naive_test_loss": naive, "score": score, **finding.metrics}
        measured.append({f"{LONGER}{name}": metrics[name] for name in metrics if not name.startswith("eval_")})
    return measured


def _weights(pack: Pack, backend: Backend) -> list[Weights | None]:
    """The weights of every lane of the backend, if they are to be kept."""
    if not pack.training.save_weights:
        return [None] * len(backend.lanes)
    architecture = backend.recipe.architecture
    preprocessing = {"task": pack.task.name, **pack.task.preprocessing().as_dict()}
    return [Weights(state_dict(architecture, row), preprocessing) for row in backend.weights()]


def _add_last_rows(pack: Pack, lanes: Sequence[Lane], evaluator: Evaluator) -> None:
    """Add the last row of the lanes that have diverged.  The other lanes already have a row at their last step."""
    diverged = [lane for lane in lanes if lane.divergence_reason is not None]
    if not diverged:
        return
    train, eval_ = (
        evaluator.pool_loss(Pool(splits), pack.training.eval_samples).tolist()
        for splits in zip(*((lane.data.train, lane.data.eval) for lane in lanes), strict=True)
    )
    for lane in diverged:
        lane.add_row(train[lanes.index(lane)], eval_[lanes.index(lane)])


def _measure_dynamics(lanes: Sequence[Lane], backend: Backend) -> None:
    """Measure the dynamics of the trained networks."""
    pool = Pool([lane.data.eval for lane in lanes])
    of_weights = dynamics.of_weights(backend)
    exponents = dynamics.lyapunov_exponents(backend, pool, [lane.directions() for lane in lanes])
    for lane, weights, spread in zip(lanes, of_weights, exponents, strict=True):
        lane.dynamics = lane.dynamics | weights | spread
