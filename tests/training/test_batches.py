"""The samples that a lane reads: which, in which order, in which layout."""

import json

import numpy as np
import pytest

from rnnlab.tasks import Split
from rnnlab.training import batches
from rnnlab.training.batches import BatchOrder, FreshBatches, Pool, StreamOrder, chunk_size

N, T, I, O = 11, 3, 2, 5


def split_of(kind, seed=0):
    """kind: whether targets are numbers or classes, at the last step or at every step."""
    generator = np.random.default_rng(seed)
    when = {"last": (N,), "every": (N, T)}[kind.split()[1]]
    numbers = generator.normal(size=(*when, O)).astype(np.float32)
    targets = numbers if kind.startswith("numbers") else numbers.argmax(-1).astype(np.int64)
    return Split(generator.normal(size=(N, T, I)).astype(np.float32), targets)


every_kind = pytest.mark.parametrize("kind", ["numbers last", "numbers every", "classes last", "classes every"])


@every_kind
def test_the_rows_of_a_lane_are_the_samples_of_its_split(kind):
    lanes = [split_of(kind, seed=1), split_of(kind, seed=2)]
    pool = Pool(lanes)
    indices = np.array([[3, 0, 10, 3], [7, 7, 1, 2]])
    inputs, targets = (array[pool.rows(indices)] for array in (pool.samples.inputs, pool.samples.targets))
    A = T if kind.endswith("every") else 1
    for lane, split in enumerate(lanes):
        np.testing.assert_array_equal(inputs[lane], split.inputs[indices[lane]])
        expected = split.targets[indices[lane]]
        assert targets[lane].shape[:2] == (4, A)
        np.testing.assert_array_equal(targets[lane].ravel(), expected.ravel())
    assert inputs.dtype == np.float32
    assert targets.dtype == (np.float32 if kind.startswith("numbers") else np.int64)


@every_kind
def test_lanes_can_read_several_batches_at_once(kind):
    lanes = [split_of(kind, seed=1), split_of(kind, seed=2)]
    indices = np.random.default_rng(0).integers(N, size=(2, 3, 4))
    pool = Pool(lanes)
    found = pool.samples.inputs[pool.rows(indices)]
    for lane, split in enumerate(lanes):
        np.testing.assert_array_equal(found[lane], split.inputs[indices[lane]])


@pytest.mark.parametrize("size", [8, 16, 4, 11])
@pytest.mark.parametrize("n", [1, 8, 11])
def test_chunks_read_the_first_samples_once_and_in_order(size, n):
    lanes = [split_of("numbers last", seed=1), split_of("numbers last", seed=2)]
    pool = Pool(lanes)
    order = pool.chunks(n, size)
    assert order.rows.shape == (2, -(-n // size), size)
    assert not order.carries
    for lane, split in enumerate(lanes):
        read = [order.rows[lane, k, :n_real] for k, n_real in enumerate(order.sizes)]
        np.testing.assert_array_equal(pool.samples.inputs[np.concatenate(read)], split.inputs[:n])


def test_the_first_rows_are_the_first_samples_in_order_for_every_lane():
    lanes = [split_of("numbers last", seed=seed) for seed in (1, 2, 1)]
    pool = Pool(lanes)
    for n in (4, N):
        for lane, split in enumerate(lanes):
            np.testing.assert_array_equal(pool.samples.inputs[pool.first(n)[lane]], split.inputs[:n])


def test_tokens_are_kept_as_they_are():
    tokens = [np.random.default_rng(seed).integers(9, size=(N, T)) for seed in range(2)]
    pool = Pool([Split(lane, lane) for lane in tokens])
    assert pool.samples.inputs.dtype == pool.samples.targets.dtype == np.int64
    np.testing.assert_array_equal(pool.samples.inputs, np.concatenate(tokens))
    np.testing.assert_array_equal(pool.samples.targets, np.concatenate(tokens))


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 11])
@pytest.mark.parametrize("size", [1, 3, 4, 8, 16])
def test_streams_read_every_window_once_and_in_order(n, size):
    """Stream c has the windows from c * W on, W = ceil(n / size): the last streams may be shorter, or empty."""
    windows = np.arange(N)[:, None].repeat(T, axis=1)  # each token says which window it is from
    pool = Pool([Split(windows, windows)] * 2)
    W = -(-n // size)
    order = pool.streams(n, size)
    assert order.carries
    assert order.rows.shape == (2, W, size)
    assert order.sizes.sum() == n
    assert (np.diff(order.sizes) <= 0).all(), "a stream that has ended does not begin again"
    for lane in range(2):
        read = [[] for _ in range(size)]
        for k, n_real in enumerate(order.sizes):
            for c in range(n_real):
                read[c].append(pool.samples.inputs[order.rows[lane, k, c], 0])
        assert [window for stream in read for window in stream] == list(range(n))
        assert all(stream == list(range(c * W, c * W + len(stream))) for c, stream in enumerate(read))


def test_lanes_with_the_same_arrays_share_one_copy():
    a, b = split_of("numbers last", seed=1), split_of("numbers last", seed=2)
    pool = Pool([a, b, a, a])
    assert len(pool.samples.inputs) == 2 * N
    rows = pool.rows(np.arange(N)[None])
    for lane, split in enumerate([a, b, a, a]):
        np.testing.assert_array_equal(pool.samples.inputs[rows[lane]], split.inputs)
        np.testing.assert_array_equal(pool.samples.targets[rows[lane], 0], split.targets)


def test_lanes_whose_data_have_different_shapes_are_refused():
    short = Split(np.zeros((N - 1, T, I), np.float32), np.zeros((N - 1, O), np.float32))
    with pytest.raises(ValueError, match="one shape"):
        Pool([split_of("numbers last"), short])


def order(n_samples, batch_size, seed=0):
    return BatchOrder(n_samples, batch_size, np.random.default_rng(seed))


@pytest.mark.parametrize(("n_samples", "batch_size"), [(12, 4), (11, 4), (7, 7), (5, 1), (9, 5)])
def test_an_epoch_reads_each_sample_at_most_once_and_drops_an_incomplete_batch(n_samples, batch_size):
    reader = order(n_samples, batch_size)
    per_epoch = n_samples // batch_size
    for _ in range(4):
        epoch = [reader.next() for _ in range(per_epoch)]
        assert all(batch.shape == (batch_size,) for batch in epoch)
        seen = np.concatenate(epoch)
        assert len(set(seen.tolist())) == len(seen) == per_epoch * batch_size
        assert set(seen.tolist()) <= set(range(n_samples))
        if n_samples % batch_size == 0:
            assert set(seen.tolist()) == set(range(n_samples))


def test_epochs_have_different_orders_and_read_every_sample_equally_often():
    reader = order(11, 4)
    epochs = [np.concatenate([reader.next(), reader.next()]).tolist() for _ in range(50)]
    assert len(set(map(tuple, epochs))) == 50
    counts = np.bincount(np.concatenate(epochs), minlength=11)
    # 8 of 11 samples an epoch, drawn anew each time: 36.4 reads with standard deviation sqrt(50 * 8/11 * 3/11) = 3.1
    np.testing.assert_allclose(counts, 50 * 8 / 11, atol=5 * 3.1)


def test_the_same_seed_gives_the_same_order_and_another_seed_another_order():
    first, again, other = (order(11, 4, seed) for seed in (3, 3, 4))
    ours = [first.next().tolist() for _ in range(6)]
    assert ours == [again.next().tolist() for _ in range(6)]
    assert ours != [other.next().tolist() for _ in range(6)]


@pytest.mark.parametrize("batch_size", [None, 7])
def test_a_full_batch_is_read_in_order_every_time(batch_size):
    reader = order(7, batch_size)
    for _ in range(3):
        assert reader.next().tolist() == list(range(7))


@pytest.mark.parametrize(
    ("n_windows", "batch_size", "length"), [(12, 4, 3), (14, 4, 3), (5, 5, 1), (5, None, 1), (7, 1, 7)]
)
def test_streams_are_read_side_by_side_window_after_window_again_and_again(n_windows, batch_size, length):
    reader = StreamOrder(n_windows, batch_size)
    for _ in range(3):
        for position in range(length):
            assert reader.begins == (position == 0)
            batch = reader.next().tolist()
            assert batch == [stream * length + position for stream in range(batch_size or n_windows)]
            assert max(batch) < n_windows


class Counted:
    """A task whose sequences are the numbers that were drawn for them."""

    def fresh_batch(self, generator, n):
        drawn = generator.normal(size=(n, 1, 1)).astype(np.float32)
        return Split(drawn, drawn[:, 0])


def test_fresh_batches_never_repeat_and_follow_from_the_generator():
    first, again = (FreshBatches(Counted(), 3, np.random.default_rng(5)) for _ in range(2))
    drawn = [first.next().inputs.ravel().tolist() for _ in range(20)]
    assert drawn == [again.next().inputs.ravel().tolist() for _ in range(20)]
    assert len({number for batch in drawn for number in batch}) == 60


@pytest.mark.parametrize(
    "make",
    [
        lambda seed: StreamOrder(14, 4),
        lambda seed: FreshBatches(Counted(), 3, np.random.default_rng(seed)),
        lambda seed: BatchOrder(11, 4, np.random.default_rng(seed)),
    ],
    ids=["stream", "fresh", "permuted"],
)
def test_every_order_continues_from_plain_data_as_if_it_had_not_stopped(make):
    def read(order):
        batch = order.next()
        return (getattr(order, "begins", None), getattr(batch, "inputs", batch).tolist())

    whole, resumed = make(1), make(9)
    for _ in range(4):
        whole.next()
    resumed.resume(json.loads(json.dumps(whole.state())))
    assert [read(resumed) for _ in range(7)] == [read(whole) for _ in range(7)]


@pytest.mark.parametrize("n_samples", [1, 7, 8, 64, 300, 1197, 2390])
@pytest.mark.parametrize(("seq_len", "hidden_size"), [(1, 1), (10, 50), (28, 256), (784, 512)])
def test_chunks_of_a_batch_are_of_almost_one_size_within_the_limit(n_samples, seq_len, hidden_size):
    size = chunk_size(n_samples, seq_len, hidden_size, traces=3)
    most = max(8, batches.TRACE_LIMIT // (seq_len * hidden_size * 3) // 8 * 8)
    n_chunks = -(-n_samples // size)
    assert size <= most
    assert size % 8 == 0 or size == n_samples, "a register tile has 8 rows"
    assert n_chunks <= -(-n_samples // most), "no more chunks than there must be"
    assert size - 8 < n_samples / -(-n_samples // most), "and they are as small as so many chunks can be"
