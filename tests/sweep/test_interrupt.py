"""Ctrl-C as something to look at."""

import os
import signal
import threading

import pytest

from rnnlab.sweep.interrupt import Interrupt


@pytest.fixture(autouse=True)
def as_in_a_terminal():
    """SIGINT as Python sets it up by itself, which it does not for a test run in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def control_c():
    os.kill(os.getpid(), signal.SIGINT)


def test_the_first_one_is_noted_and_the_second_stops():
    with Interrupt() as interrupt:
        assert not interrupt.requested
        control_c()
        assert interrupt.requested
        with pytest.raises(KeyboardInterrupt):
            control_c()


def test_afterwards_it_is_an_exception_again():
    with Interrupt():
        pass
    with pytest.raises(KeyboardInterrupt):
        control_c()


def test_a_command_in_the_background_of_a_shell_goes_on_ignoring_it():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Interrupt() as interrupt:
        control_c()
    assert not interrupt.requested
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_in_another_thread_it_is_left_alone():
    seen = []

    def other():
        with Interrupt():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]
