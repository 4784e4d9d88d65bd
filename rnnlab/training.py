"""train(pack) -> one RunResult per run: the one training loop.  A single run is a pack of one.

The runs of a pack go through one program side by side, each with numbers of its own: weights, data, order of batches,
learning rate, clipping.  A lane that diverges stays at its last finite weights while the others go on; when half of
the lanes have stopped the pack is laid out anew without them.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

import numpy as np
import torch

from rnnlab.activations import Activation, make_activation
from rnnlab.batches import BatchOrder, Pool
from rnnlab.config import RunConfig
from rnnlab.divergence import judge, outcome
from rnnlab.evaluation import Evaluator
from rnnlab.initializers import INITIALIZERS, Fan
from rnnlab.lanes import MIN_WIDTH
from rnnlab.losses import LOSSES
from rnnlab.network import Architecture, Network
from rnnlab.optimizers import OPTIMIZERS, Optimizer, clip_by_global_norm
from rnnlab.records import CURVE_COLUMNS, RunResult
from rnnlab.tasks import Data, Finding

INIT_STREAM, BATCH_STREAM = 2, 3  # branches of a seed's tree of generators; 1 is the task's


def train(pack: Sequence[RunConfig], device: str = "cpu") -> list[RunResult]:
    """Train the runs side by side.  Every run's numbers are those it would have alone, to the last bit.

    Raises ValueError when the runs cannot share a program (see `program_key`)."""
    if len({program_key(run) for run in pack}) > 1:
        raise ValueError("the runs of a pack must share one program: see program_key")
    with _kernel_mode():
        return _PackTraining(pack, device).run()


def program_key(run: RunConfig) -> tuple[object, ...]:
    """Runs with equal keys can be lanes of one pack: same shapes, task, kind of optimiser and schedule.

    Activation, initialisation, every number of the optimiser, divergence limits and seed may differ."""
    return (run.task, architecture(run), run.readout, run.optimizer.name, run.training)


def architecture(run: RunConfig) -> Architecture:
    return Architecture(
        cell=run.cell.name,
        input_size=run.task.input_size,
        hidden_size=run.cell.hidden_size,
        output_size=run.task.output_size,
        num_layers=run.cell.num_layers,
        bias=run.cell.bias,
        readout_bias=run.readout.bias,
        seq_len=run.task.seq_len,
        answers=run.task.answers,
    )


def _activation(run: RunConfig) -> Activation:
    cell = run.cell
    return make_activation(cell.activation, negative_slope=cell.negative_slope, alpha=cell.alpha)


@contextmanager
def _kernel_mode() -> Iterator[None]:
    """One thread, since packs are what runs in parallel and threads would change the order of summation; numbers below
    the normal range count as zero, since vanishing gradients would else slow products down a hundredfold."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(False)


@dataclass(eq=False)
class Lane:
    """One run on its way: what is drawn from and what has been written down."""

    run: RunConfig
    data: Data
    naive: dict[str, float]
    order: BatchOrder
    rows: list[tuple[float, ...]] = field(default_factory=list)
    batch_loss: float = math.nan
    grad_norm: float = math.nan
    n_clipped: int = 0  # since the last row
    last_row: int = 0
    steps_done: int = 0
    divergence_reason: str | None = None

    @classmethod
    def of(cls, run: RunConfig) -> Lane:
        data = run.task.data(run.seed)
        generator = np.random.default_rng(np.random.SeedSequence(run.seed, spawn_key=(BATCH_STREAM,)))
        order = BatchOrder(len(data.train), run.training.batch_size, generator)
        return cls(run, data, run.task.naive(data), order)

    @property
    def live(self) -> bool:
        return self.divergence_reason is None

    @property
    def clip_norm(self) -> float:
        clip = self.run.optimizer.clip_norm
        return math.inf if clip is None else clip

    @property
    def loss_limit(self) -> float:
        factor = self.run.divergence.loss_factor
        return math.inf if factor is None else factor * self.naive["naive_loss"]

    def result(self, finding: Finding) -> RunResult:
        *_, (_, train_loss, eval_loss, *_) = self.rows
        diverged = not self.live
        return RunResult(
            status="completed",
            steps_done=self.steps_done,
            diverged_at_step=self.steps_done if diverged else None,
            divergence_reason=self.divergence_reason,
            outcome=outcome(diverged, eval_loss, self.naive["naive_loss"], self.run.divergence.margin),
            metrics={"train_loss": train_loss, "eval_loss": eval_loss, **self.naive, **finding.metrics},
            curves={
                name: np.array(column, dtype=np.int64 if name == "step" else np.float64)
                for name, column in zip(CURVE_COLUMNS, zip(*self.rows, strict=True), strict=True)
            },
            predictions=finding.predictions,
        )

    def add_row(self, train_loss: float, eval_loss: float) -> None:
        updates = self.steps_done - self.last_row
        clip_rate = self.n_clipped / updates if updates else math.nan
        self.rows.append((self.steps_done, train_loss, eval_loss, self.batch_loss, self.grad_norm, clip_rate))
        self.n_clipped, self.last_row = 0, self.steps_done


class _PackTraining:
    def __init__(self, pack: Sequence[RunConfig], device: str):
        self.lanes = [Lane.of(run) for run in pack]
        slots = _slots(self.lanes)
        activations = [_activation(lane.run) for lane in slots]
        network = Network(architecture(pack[0]), activations, device=device)
        for slot, lane in enumerate(slots):
            initialize(network, slot, lane.run)
        optimizer = OPTIMIZERS[pack[0].optimizer.name]([asdict(lane.run.optimizer) for lane in slots], network.flat)
        self.loss = LOSSES[pack[0].task.loss](pack[0].readout.activation)
        self.training = pack[0].training
        self._results: dict[Lane, RunResult] = {}
        self._lay_out(self.lanes, network, optimizer)

    def _lay_out(self, lanes: Sequence[Lane], network: Network, optimizer: Optimizer) -> None:
        """Make everything whose shape depends on which lanes are in the pack."""
        self.active, self.network, self.optimizer = list(lanes), network, optimizer
        self.slots = _slots(self.active)
        self.train_pool = Pool([lane.data.train for lane in self.slots], network.flat)
        self.eval_pool = Pool([lane.data.eval for lane in self.slots], network.flat)
        self.evaluator = Evaluator(network, self.loss)
        batch_size = self.training.batch_size or self.train_pool.n_samples
        self.workspace = self.evaluator.workspace(batch_size)
        self.clip_norm = network.flat.new_tensor([lane.clip_norm for lane in self.slots])
        self.loss_limit = np.array([lane.loss_limit for lane in self.slots])

    def run(self) -> list[RunResult]:
        self._add_rows()
        for step in range(1, self.training.steps + 1):
            self._step()
            if step % self.training.eval_every == 0 or step == self.training.steps:
                self._add_rows()
            n_live = sum(lane.live for lane in self.active)
            if not n_live:
                break
            if n_live <= len(self.slots) // 2 and len(self.slots) > MIN_WIDTH:
                self._retire_stopped()
        self._finish(self.active)
        return [self._results[lane] for lane in self.lanes]

    def _step(self) -> None:
        """One update of every live lane."""
        drawn = {lane: lane.order.next() for lane in self.active}
        indices = torch.from_numpy(np.stack([drawn[lane] for lane in self.slots])).to(self.network.flat.device)
        n_samples = indices.shape[1]
        losses = 0
        for n, chunk in enumerate(self.train_pool.chunks(indices, self.workspace.batch_size)):
            n_answers = n_samples * (chunk.sample_weight.numel() // self.workspace.batch_size)
            loss, dz = self.loss(self.workspace.forward(chunk.x), chunk.target, chunk.sample_weight)
            self.workspace.backward(dz.div_(n_answers), accumulate=n > 0)
            losses = losses + loss.double() / n_answers
        grads = self.workspace.gather_grads()
        norms = torch.linalg.vector_norm(grads, dim=1)
        if any(lane.clip_norm < math.inf for lane in self.active):
            clip_by_global_norm(grads, norms, self.clip_norm)
        update = self.optimizer.update(grads)
        largest = torch.linalg.vector_norm(update, ord=math.inf, dim=1)
        watched = torch.stack([losses, norms.double(), largest.double()]).numpy(force=True)
        self._judge(watched)
        stopped = [slot for slot, lane in enumerate(self.slots) if not lane.live]
        if stopped:
            update[stopped] = 0
        self.network.flat.sub_(update)

    def _judge(self, watched: np.ndarray) -> None:
        """watched: (3, R) loss, gradient norm, largest entry of the update; of the weights before the update."""
        for lane, limit, (loss, grad_norm, largest) in zip(
            self.active, self.loss_limit, watched.T.tolist(), strict=False
        ):
            if not lane.live:
                continue
            lane.batch_loss, lane.grad_norm = loss, grad_norm
            lane.divergence_reason = judge(loss, grad_norm, largest, limit)
            if lane.live:
                lane.steps_done += 1
                lane.n_clipped += grad_norm > lane.clip_norm

    def _add_rows(self) -> None:
        train, eval_ = self.evaluator.mean_loss(self.train_pool), self.evaluator.mean_loss(self.eval_pool)
        for lane, train_loss, eval_loss in zip(self.active, train.tolist(), eval_.tolist(), strict=False):
            if lane.live:
                lane.add_row(train_loss, eval_loss)

    def _retire_stopped(self) -> None:
        """Finish the lanes that have stopped, and go on with the others in a narrower pack."""
        self._finish([lane for lane in self.active if not lane.live])
        live = [lane for lane in self.active if lane.live]
        places = self._places(live)
        network = self.network.select(places)
        self._lay_out(live, network, self.optimizer.select(places, network.flat))

    def _places(self, lanes: Sequence[Lane]) -> list[int]:
        """Where the slots of a pack of these lanes are found in the pack as it is."""
        return [self.active.index(lane) for lane in _slots(lanes)]

    def _finish(self, lanes: Sequence[Lane]) -> None:
        """Look at the trained networks once more and write down their results."""
        slots = _slots(lanes)
        evaluator = Evaluator(self.network.select(self._places(lanes)), self.loss)
        if any(not lane.live for lane in lanes):
            like = evaluator.network.flat
            train, eval_ = (
                evaluator.mean_loss(Pool([getattr(lane.data, split) for lane in slots], like)).tolist()
                for split in ("train", "eval")
            )
            for slot, lane in enumerate(lanes):
                if not lane.live:
                    lane.add_row(train[slot], eval_[slot])
        findings = lanes[0].run.task.examine([lane.data for lane in slots], evaluator)
        for lane, finding in zip(lanes, findings, strict=False):
            self._results[lane] = lane.result(finding)


def initialize(network: Network, slot: int, run: RunConfig) -> None:
    """Draw a lane's weights.  Every matrix has a generator of its own, so that leaving out a bias, or making the
    network deeper, changes no other draw."""
    for name, weight in network.specs.items():
        kind = INITIALIZERS[getattr(run.init, weight.role)]
        scale = getattr(run.init, f"{weight.role}_scale")
        branch = np.random.SeedSequence(run.seed, spawn_key=(INIT_STREAM, zlib.crc32(name.encode())))
        fan = Fan(weight.fan_in, weight.fan_out, run.cell.hidden_size)
        network.set_weight(slot, name, scale * kind(np.random.default_rng(branch), fan))


def _slots(lanes: Sequence[Lane]) -> list[Lane]:
    """The lanes with a pack of one filled up by its own double: see lanes.py"""
    return [*lanes, *lanes[:1] * (MIN_WIDTH - len(lanes))]
