"""torch, imported when it is used: that takes a second, and a run that kernels compute does without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
else:

    class _Torch:
        def __getattr__(self, name: str) -> Any:
            import torch  # a statement, which torch.compile follows

            return getattr(torch, name)

    torch = _Torch()

__all__ = ["torch"]
