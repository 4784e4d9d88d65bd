"""The error of an export, which every part of it may raise."""

from __future__ import annotations


class ExportError(Exception):
    """An export that cannot be made; the message is one line and says why."""
