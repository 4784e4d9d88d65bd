"""The contracts of activations, cells, tasks, initializers and optimisers as checks, for anybody's pytest.

    import rnnlab.testing

    def test_bump():
        rnnlab.testing.check_activation("bump")

Each function takes the name of an entry that is registered, and raises AssertionError with what does not hold; a name
that is not registered is a ConfigError.
rnnlab's own tests call the same checks for its own entries.
"""

from rnnlab.testing.activations import check_activation
from rnnlab.testing.cells import check_cell
from rnnlab.testing.initializers import check_initializer
from rnnlab.testing.optimizers import check_optimizer
from rnnlab.testing.tasks import check_task

__all__ = ["check_activation", "check_cell", "check_initializer", "check_optimizer", "check_task"]
