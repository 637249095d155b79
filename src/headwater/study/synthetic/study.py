"""The synthetic experiments, bound to how they are run and shown."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from headwater.study.presentation import Presentation
from headwater.study.runner import Study, one_by_one
from headwater.study.store import Record
from headwater.study.synthetic.experiment import Synthetic


def study(experiment: Synthetic) -> Study:
    """Trials one by one, on threads; what they say in words, tables and a figure."""
    return Study(experiment, one_by_one, partial(_present, experiment))


def _present(experiment: Synthetic, records: Sequence[Record]) -> Presentation:
    from headwater.study.synthetic.words import present  # brings matplotlib's neighbours, which a run can do without

    return present(experiment, records)
