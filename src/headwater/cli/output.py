"""What every command prints: one JSON object, with infinities and NaN as null."""

from __future__ import annotations

import json
import math
from typing import Any


def print_json(value: dict[str, Any]) -> None:
    """Print one valid JSON object and nothing else."""
    print(json.dumps(finite(value), allow_nan=False))


def finite(value: Any) -> Any:
    """The same structure with infinities and NaN as None."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
