"""The cells of nets/cells compiled: forward, backward and update of one lane after the other, in single precision.

    vectors.py, functions.py     formulas on vectors of 16 floats; exp, log, tanh and so on of our own
    library.py, loops.py         formulas as loops over matrices, compiled once per machine
    products.py                  register tiles of matrix products
    activations.py               every activation and its slope, by number
    layer.py, rnn.py, lstm.py, gru.py, network.py, losses.py, optimizers.py    the kernels
    program.py, entry.py         from an architecture to tables, and what Python calls

All results have the same bits on every processor.  Training does not use this room yet.
"""
