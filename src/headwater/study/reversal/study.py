"""The reversal, bound to how it is run and shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby

from headwater.study.presentation import Presentation
from headwater.study.reversal.experiment import Draw, Reversal, Trial
from headwater.study.runner import Plan, Study
from headwater.study.store import Record


def study(experiment: Reversal) -> Study:
    """A source's alignments together, draws on threads with one BLAS thread each."""
    return Study(experiment, _plan, partial(_present, experiment))


def _plan(missing: Sequence[Trial], workers: int | None) -> Plan:
    draws = [Draw(list(trials)) for _, trials in groupby(missing, key=lambda trial: replace(trial, rho=0.0))]
    return Plan(draws, {"n_jobs": workers, "prefer": "threads"}, blas_threads=1)


def _present(experiment: Reversal, records: Sequence[Record]) -> Presentation:
    from headwater.study.reversal.words import present  # brings matplotlib's neighbours, which a run can do without

    return present(experiment, records)
