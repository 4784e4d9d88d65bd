"""Hydra's own suites for launchers and batched sweepers, over hydra/launcher=packed with applications not rnnlab's."""

import pytest
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.test_utils.launcher_common_tests import (
    BatchedSweeperTestSuite,
    IntegrationTestSuite,
    LauncherTestSuite,
)

from hydra_plugins.rnnlab_packed.packed_launcher import PackedLauncher

# The suites run applications without a version_base, and Hydra warns of that in their own processes and in ours.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def test_the_launcher_is_found_by_discovery():
    assert PackedLauncher.__name__ in [plugin.__name__ for plugin in Plugins.instance().discover(Launcher)]


@pytest.mark.parametrize("launcher_name, overrides", [("packed", [])])
class TestPackedLauncher(LauncherTestSuite):
    """What every launcher must do."""


@pytest.mark.parametrize("launcher_name, overrides", [("packed", ["hydra.sweeper.max_batch_size=2"])])
class TestPackedLauncherInBatches(BatchedSweeperTestSuite):
    """The jobs handed over in batches."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "task_launcher_cfg, extra_flags",
    [({}, ["-m", "hydra/launcher=packed", "hydra/sweeper=packed"])],
)
class TestPackedLauncherIntegration(IntegrationTestSuite):
    """Applications run from the shell."""
