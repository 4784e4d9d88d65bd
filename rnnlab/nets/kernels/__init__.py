"""The cells of nets/cells compiled: forward, backward and update of one lane after the other, in single precision.

    vectors.py, functions.py     formulas on vectors of 16 floats; exp, log, tanh and so on of our own
    forms.py                     every activation and its slope as such formulas
    library.py, place.py         how formulas and kernels are compiled, called by name, and kept on the disk
    loops.py, activations.py     formulas as loops over matrices
    products.py                  register tiles of matrix products
    program.py, layer.py         from an architecture to tables: where in memory everything lies
    rnn.py, lstm.py, gru.py      the cells: all steps, and all steps in reverse
    network.py, states.py, losses.py, optimizers.py, mode.py, lane.py    what one lane does
    training.py, evaluation.py, dynamics.py                              what Python calls, lane after lane
    operators.py, stack.py, sequence.py    stacks of layers as operators of PyTorch
    coverage.py                  what has a kernel

All results have the same bits on every processor: docs/bits.md.
"""
