"""The results of runs that are not trained any further: last losses, dynamics, and what the task examines."""

from __future__ import annotations

from collections.abc import Sequence

from rnnlab.nets.network import Network
from rnnlab.records.run import RunResult
from rnnlab.training import dynamics
from rnnlab.training.batches import Pool
from rnnlab.training.evaluation import Evaluator
from rnnlab.training.lane import Lane
from rnnlab.training.pack import Pack, filled_up


def results_of(pack: Pack, lanes: Sequence[Lane]) -> dict[Lane, RunResult]:
    """The results of some lanes of a pack."""
    network, evaluator = pack.networks_of(lanes)
    _add_last_rows(pack, lanes, network, evaluator)
    if pack.n_recurrent_layers:
        _measure_dynamics(lanes, network)
    findings = pack.task.examine([lane.data for lane in filled_up(lanes)], evaluator)
    return {lane: lane.result(finding) for lane, finding in zip(lanes, findings, strict=False)}


def _add_last_rows(pack: Pack, lanes: Sequence[Lane], network: Network, evaluator: Evaluator) -> None:
    """Add the last row of the lanes that have diverged.  The other lanes already have a row at their last step."""
    diverged = [lane for lane in lanes if lane.divergence_reason is not None]
    if not diverged:
        return
    train, eval_ = (
        evaluator.pool_loss(Pool(splits, network.flat), pack.training.eval_samples).tolist()
        for splits in zip(*((lane.data.train, lane.data.eval) for lane in filled_up(lanes)), strict=True)
    )
    for lane in diverged:
        lane.add_row(train[lanes.index(lane)], eval_[lanes.index(lane)])


def _measure_dynamics(lanes: Sequence[Lane], network: Network) -> None:
    """Measure the dynamics of the trained networks."""
    slots = filled_up(lanes)
    pool = Pool([lane.data.eval for lane in slots], network.flat)
    exponents = dynamics.lyapunov_exponents(network, pool, [lane.directions() for lane in slots])
    for slot, lane in enumerate(lanes):
        of_lane = {name: values[slot].item() for name, values in exponents.items()}
        lane.dynamics = lane.dynamics | dynamics.of_weights(network, slot) | of_lane
