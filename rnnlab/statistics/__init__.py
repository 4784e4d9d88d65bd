"""Statistics on arrays of numbers: tests, intervals, decisions, plans.  It knows neither runs nor records.

What is decided of claims:
    kinds         which numbers a quantity can have, and by that its tests
    per_seed      one number per seed and side -> the test that they call for
    exact, shift_tests, bounded, sharp   the tests, each with its interval
    rates         the same where settings such as learning rates are chosen by the data
    decision      a family of tests -> verdicts (Holm), with reasons and the seeds that would decide
    looks         a growing number of seeds, p-values valid at each look
    planning      before training: the smallest p-values of a design, the seeds it needs at least (without scipy)
    power         before training: how likely a true claim is supported, by simulation
What is described:
    summaries     averages, profiles, tuning curves
    resampling    intervals by the bootstrap and of rates
"""
