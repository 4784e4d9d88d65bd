"""The samples that a lane reads: which, in which order, in which layout."""

import json

import numpy as np
import pytest
import torch

from rnnlab.tasks import Split
from rnnlab.training import batches
from rnnlab.training.batches import BatchOrder, FreshBatches, Pool, StreamOrder, chunk_size

N, T, I, O = 11, 3, 2, 5
LIKE = torch.zeros(1)


def split_of(kind, seed=0):
    """kind: whether targets are numbers or classes, at the last step or at every step."""
    generator = np.random.default_rng(seed)
    when = {"last": (N,), "every": (N, T)}[kind.split()[1]]
    numbers = generator.normal(size=(*when, O)).astype(np.float32)
    targets = numbers if kind.startswith("numbers") else numbers.argmax(-1).astype(np.int64)
    return Split(generator.normal(size=(N, T, I)).astype(np.float32), targets)


every_kind = pytest.mark.parametrize("kind", ["numbers last", "numbers every", "classes last", "classes every"])


@every_kind
def test_a_gathered_chunk_has_the_samples_with_the_given_indices(kind):
    lanes = [split_of(kind, seed=1), split_of(kind, seed=2)]
    indices = np.array([[3, 0, 10, 3], [7, 7, 1, 2]])
    chunk = Pool(lanes, LIKE).gather(torch.from_numpy(indices), n_real=3)
    C = 4
    assert chunk.x.shape == (2, T, C, 4)  # two inputs, padded to four
    assert chunk.x.is_contiguous()
    every = kind.endswith("every")
    for lane in range(2):
        for c in range(C):
            sample = indices[lane, c]
            for t in range(T):
                expected = [*lanes[lane].inputs[sample, t].tolist(), 0, 0]
                assert chunk.x[lane, t, c].tolist() == expected
            for t in range(T) if every else [None]:
                n = t * C + c if every else c  # answers in the order time, then batch
                target = lanes[lane].targets[sample] if t is None else lanes[lane].targets[sample, t]
                if kind.startswith("numbers"):
                    assert chunk.target[lane, :, n].tolist() == target.tolist()
                else:
                    assert chunk.target[lane, n].item() == target
                assert chunk.sample_weight[n].item() == (c < 3)
    assert chunk.sample_weight.shape == ((T * C,) if every else (C,))
    assert chunk.target.dtype == (torch.float32 if kind.startswith("numbers") else torch.int64)


@every_kind
@pytest.mark.parametrize("size", [8, 16, 4])
@pytest.mark.parametrize("n", [1, 8, 11])
def test_chunks_read_every_index_once_with_weight_1_and_in_order(kind, size, n):
    lanes = [split_of(kind, seed=1), split_of(kind, seed=2)]
    indices = np.stack([np.random.default_rng(seed).permutation(N)[:n] for seed in range(2)])
    chunks = list(Pool(lanes, LIKE).chunks(torch.from_numpy(indices), size))
    steps = T if kind.endswith("every") else 1
    for lane in range(2):
        read = []
        for chunk in chunks:
            assert chunk.x.shape[2] == size
            weight = chunk.sample_weight.unflatten(0, (steps, size))
            assert (weight == weight[0]).all()
            read += [chunk.x[lane, :, c, :I].numpy() for c in range(size) if weight[0, c] == 1]
            assert set(weight[0].tolist()) <= {0.0, 1.0}
        np.testing.assert_array_equal(np.stack(read), lanes[lane].inputs[indices[lane]])


def test_the_first_indices_are_the_first_samples_in_order_for_every_lane():
    pool = Pool([split_of("numbers last")] * 3, LIKE)
    assert pool.first_indices(N).tolist() == [list(range(N))] * 3
    assert pool.first_indices(4).tolist() == [[0, 1, 2, 3]] * 3


def test_tokens_are_gathered_as_they_are():
    tokens = [np.random.default_rng(seed).integers(9, size=(N, T)) for seed in range(2)]
    pool = Pool([Split(lane, lane) for lane in tokens], LIKE)
    chunk = pool.gather(torch.tensor([[3, 0], [7, 7]]), n_real=2)
    assert chunk.x.shape == (2, T, 2)
    assert chunk.x.dtype == torch.int64
    assert chunk.x.is_contiguous()
    for lane, samples in enumerate([[3, 0], [7, 7]]):
        for c, sample in enumerate(samples):
            assert chunk.x[lane, :, c].tolist() == tokens[lane][sample].tolist()
            assert chunk.target[lane, c::2].tolist() == tokens[lane][sample].tolist()


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 11])
@pytest.mark.parametrize("size", [1, 3, 4, 8, 16])
def test_streams_read_every_window_once_and_in_order(n, size):
    """Stream c has the windows from c * W on, W = ceil(n / size): the last streams may be shorter, or empty."""
    windows = np.arange(N)[:, None].repeat(T, axis=1)  # each token says which window it is from
    pool = Pool([Split(windows, windows)] * 2, LIKE)
    W = -(-n // size)
    chunks = list(pool.stream_chunks(n, size))
    assert len(chunks) == W
    for lane in range(2):
        read = [[] for _ in range(size)]
        for chunk in chunks:
            assert chunk.x.shape == (2, T, size)
            weight = chunk.sample_weight.unflatten(0, (T, size))[0].tolist()
            assert weight == sorted(weight, reverse=True), "an empty stream has none after it that is not"
            for c in range(size):
                if weight[c]:
                    read[c].append(chunk.x[lane, 0, c].item())
        assert [window for stream in read for window in stream] == list(range(n))
        assert all(stream == list(range(c * W, c * W + len(stream))) for c, stream in enumerate(read))


def test_lanes_with_the_same_arrays_share_one_copy():
    a, b = split_of("numbers last", seed=1), split_of("numbers last", seed=2)
    pool = Pool([a, b, a, a], LIKE)
    assert len(pool.inputs) == 2 * N
    chunk = pool.gather(torch.arange(N).expand(4, -1), N)
    for lane, split in enumerate([a, b, a, a]):
        np.testing.assert_array_equal(chunk.x[lane, :, :, :I].numpy(), split.inputs.transpose(1, 0, 2))
        np.testing.assert_array_equal(chunk.target[lane].numpy(), split.targets.T)


def test_lanes_whose_data_have_different_shapes_are_refused():
    short = Split(np.zeros((N - 1, T, I), np.float32), np.zeros((N - 1, O), np.float32))
    with pytest.raises(ValueError, match="one shape"):
        Pool([split_of("numbers last"), short], LIKE)


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
def test_chunks_are_whole_blocks_that_cover_a_batch_within_the_limit(n_samples, seq_len, hidden_size):
    size = chunk_size(n_samples, seq_len, hidden_size)
    assert size % 8 == 0
    assert size <= max(8, batches.TRACE_LIMIT // (seq_len * hidden_size) + 7)
    n_chunks = -(-n_samples // size)
    assert n_chunks * size - n_samples < 8 * n_chunks  # padding is spread over the chunks, never a whole block
