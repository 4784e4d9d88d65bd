"""What this machine has to offer."""

import os

import pytest

from rnnlab.options import ConfigError
from rnnlab.sweep import machine


def test_a_device_that_is_not_there_is_refused_by_name(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    machine.check_device("cpu")
    with pytest.raises(ConfigError, match="device: 'cuda'"):
        machine.check_device("cuda")


def test_gpus_are_those_that_the_process_may_use(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert machine.visible_gpus() == ["0", "1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    assert machine.visible_gpus() == ["3", "5"]


def test_there_are_cores_and_memory():
    assert 1 <= machine.available_cores() <= os.cpu_count()
    assert machine.half_of_memory_gb() > 0.1
