"""The network experiments, bound to how they are run and shown."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from headwater.study.networks.experiment import Networks
from headwater.study.presentation import Presentation
from headwater.study.runner import Plan, Study
from headwater.study.store import Record


def study(experiment: Networks) -> Study:
    """Dense networks: a seed's weight decays as one stack, on every core. Convolutions: one core for each source.

    The data are read first, so that what is wrong with them is said before anything is trained.
    """
    return Study(experiment, partial(_plan, experiment), partial(_present, experiment))


def _plan(experiment: Networks, missing: Sequence[Any], workers: int | None) -> Plan:
    from headwater.study.networks.training import plan  # brings torch

    return plan(experiment, missing, workers)


def _present(experiment: Networks, records: Sequence[Record]) -> Presentation:
    from headwater.study.networks.words import present

    return present(experiment, records)
