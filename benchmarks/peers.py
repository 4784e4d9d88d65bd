"""The networks of benchmarks/sweep.py's throughput part, trained without rnnlab: with torch one by one, or with JAX.

    python benchmarks/peers.py torch 4      4 activations x 4 seeds, one after the other
    python benchmarks/peers.py jax 200      4 activations x 200 seeds, jit(vmap(scan)) per activation

Both train on the windows of sin t + sin 2t, hidden size 32, batches of 32, 200 steps of Adam, and evaluate once.
"""

from __future__ import annotations

import sys

import numpy as np

from rnnlab.tasks.curves import Sines

STEPS, BATCH, HIDDEN, RATE = 200, 32, 32, 1e-3
ACTIVATIONS = ("tanh", "sigmoid", "relu", "leaky_relu")


def with_torch(n_seeds: int) -> None:
    """torch.nn.RNN where torch has the activation, a Python loop of nn.Linear where it has not."""
    import torch
    from torch import nn

    torch.set_num_threads(1)

    class Loop(nn.Module):
        def __init__(self, phi):
            super().__init__()
            self.phi, self.i, self.h = phi, nn.Linear(1, HIDDEN), nn.Linear(HIDDEN, HIDDEN)

        def forward(self, x):
            h = x.new_zeros(x.shape[0], HIDDEN)
            for x_t in x.unbind(1):
                h = self.phi(self.i(x_t) + self.h(h))
            return None, h.unsqueeze(0)

    def core(activation: str) -> nn.Module:
        if activation in ("tanh", "relu"):
            return nn.RNN(1, HIDDEN, nonlinearity=activation, batch_first=True)
        return Loop({"sigmoid": torch.sigmoid, "leaky_relu": nn.functional.leaky_relu}[activation])

    data = Sines().data(0)
    x, y = torch.from_numpy(data.train.inputs.copy()), torch.from_numpy(data.train.targets.copy())
    for activation in ACTIVATIONS:
        for seed in range(n_seeds):
            torch.manual_seed(seed)
            rnn, readout = core(activation), nn.Linear(HIDDEN, 1)
            optimizer = torch.optim.Adam([*rnn.parameters(), *readout.parameters()], lr=RATE, fused=True)
            order = torch.randperm(len(x))
            for step in range(STEPS):
                start = step * BATCH % (len(x) - BATCH)
                batch = order[start : start + BATCH]
                loss = nn.functional.mse_loss(readout(rnn(x[batch])[1][0]), y[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            with torch.no_grad():
                print(activation, seed, float(nn.functional.mse_loss(readout(rnn(x)[1][0]), y)))


def with_jax(n_seeds: int) -> None:
    """One program per activation: vmap over seeds, scan over steps and time."""
    import jax
    import jax.numpy as jnp
    import optax

    data = Sines().data(0)
    x, y = jnp.asarray(data.train.inputs), jnp.asarray(data.train.targets)
    phis = {"tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid, "relu": jax.nn.relu, "leaky_relu": jax.nn.leaky_relu}
    optimizer = optax.adam(RATE)

    def train(phi, key):
        def outputs(w, x):
            def step(h, x_t):
                return phi(x_t @ w["i"] + h @ w["h"] + w["b"]), None

            h, _ = jax.lax.scan(step, jnp.zeros((x.shape[0], HIDDEN)), jnp.swapaxes(x, 0, 1))
            return h @ w["o"] + w["c"]

        def loss(w, x, y):
            return jnp.mean((outputs(w, x) - y) ** 2)

        def update(carry, start):
            w, state = carry
            batch = jax.lax.dynamic_slice(order, (start,), (BATCH,))
            grads = jax.grad(loss)(w, x[batch], y[batch])
            updates, state = optimizer.update(grads, state)
            return (optax.apply_updates(w, updates), state), None

        ki, kh, ko, kp = jax.random.split(key, 4)
        k = HIDDEN**-0.5
        w = {
            "i": jax.random.uniform(ki, (1, HIDDEN), minval=-1, maxval=1),
            "h": jax.random.uniform(kh, (HIDDEN, HIDDEN), minval=-k, maxval=k),
            "o": jax.random.uniform(ko, (HIDDEN, 1), minval=-k, maxval=k),
            "b": jnp.zeros(HIDDEN),
            "c": jnp.zeros(1),
        }
        order = jax.random.permutation(kp, len(x))
        starts = jnp.arange(STEPS) * BATCH % (len(x) - BATCH)
        (w, _), _ = jax.lax.scan(update, (w, optimizer.init(w)), starts)
        return loss(w, x, y)

    keys = jax.vmap(jax.random.key)(jnp.arange(n_seeds))
    for activation in ACTIVATIONS:
        losses = jax.jit(jax.vmap(lambda key, phi=phis[activation]: train(phi, key)))(keys)
        print(activation, np.asarray(losses).mean())


if __name__ == "__main__":
    {"torch": with_torch, "jax": with_jax}[sys.argv[1]](int(sys.argv[2]))
