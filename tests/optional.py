"""Packages that may be absent: a test that uses one is then skipped, with the reason."""

from __future__ import annotations

import pytest


class Optional:
    def __init__(self, name):
        self._name = name

    def __getattr__(self, attribute):
        return getattr(pytest.importorskip(self._name), attribute)


pd, pl, Image = Optional("pandas"), Optional("polars"), Optional("PIL.Image")
