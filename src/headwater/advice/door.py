"""Door: what is asked in Python, of arrays or of tables; of tables the command line's own way is taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from headwater.advice.fitted import FittedTransfer
from headwater.advice.from_tables import Manner, advise_pair
from headwater.advice.kept import kept
from headwater.advice.outcomes import OutcomeAdvice
from headwater.advice.verdict import Advice, advise_arrays
from headwater.estimators.given import Coefficients, fitted
from headwater.estimators.saved_source import of_file
from headwater.tables.coefficients import Published
from headwater.tables.delimited import Reading
from headwater.tables.frames import is_table, table_of
from headwater.tables.options import check_penalties, in_python, python_names
from headwater.tables.pair import Pair, Roles, fitted_pair, read_pair, read_published

Names = str | Sequence[str] | None
_TABLES = "source and target as data frames of pandas or polars, Arrow tables, or paths of files"


def advise(
    source: Any,
    target: Any,
    *,
    outcome: str | None = None,
    target_outcome: str | None = None,
    features: Names = None,
    exclude: Names = None,
    categories: Names = None,
    family: str | None = None,
    positive: str | None = None,
    exposure: str | ArrayLike | None = None,
    weights: str | None = None,
    weights_kind: str | None = None,
    groups: str | ArrayLike | None = None,
    degree: int = 1,
    criterion: str = "evidence",
    delimiter: str | None = None,
    decimal: str | None = None,
    allow_overlap: bool = False,
) -> Advice | OutcomeAdvice:
    """Say whether to transfer from a source to a target and how hard to regularise the source for it.

    Tables are named by ``outcome``, the column to predict, and are prepared as by the command line; arrays are used as
    they are.

    Parameters
    ----------
    source : table; or (X0, y0), (X0, y0, weights), fitted source, or list of these
        A table is a data frame of pandas or polars, an Arrow table, or the path of a file; published ``Coefficients``
        by name, or a ``SavedSource`` or its path, may stand for it. Without ``outcome``: arrays, or a fitted source as
        TransferRidge takes it, where a Pipeline ending in a SourceRidge carries its preprocessor along. A list is
        several sources: the advice is about the one that serves best, by itself, and ``ranking`` says how each stands
        and what all promise together.
    target : table; or (X1, y1) or (X1, y1, weights)
        Columns of tables are matched by name. Arrays are used as they are: ridge depends on the columns' units, so put
        both sides through one preprocessor, fitted on the source, first. Rows that are copies of each other leave the
        target together.
    outcome : str, optional
        The column to predict; given with tables, and with them alone.
    target_outcome : str, optional
        Its name in the target, where it differs.
    features, exclude : list of str, optional
        Use these columns only, whatever they look like; all but these.
    categories : list of str, optional
        Columns whose numbers are codes. Those that pandas holds as categories are anyway.
    family : "gaussian", "binomial" or "poisson", optional
        Numbers, yes or no, or counts. Of tables it is found in the outcome, but for counts; of arrays it is gaussian.
        The others give an ``OutcomeAdvice``, whose errors are log losses or deviances, from rows that are independent.
    positive : str, optional
        Of a table's yes or no the label whose probability is predicted.
    exposure : str, or array (n1,) or pair of arrays, (n0,) and (n1,), optional
        What counts are in proportion to: of tables the column's name, of arrays the target's beside a fitted source,
        else the source's and the target's.
    weights : str, optional
        Column that says how many rows a row stands for, in each table that has it.
    weights_kind : "frequency", "precision" or "survey", optional
        What the weights are, of tables or of arrays: how many rows a row stands for; inverse variances, or inverse
        chances of being asked, of which the ratios alone count. None where they are whole numbers: frequencies.
    groups : str, or array (n1,) beside arrays, optional
        Names of what the target measured repeatedly: errors are then of whole groups left out.
    degree : 1 or 2
        2 adds squares and products of a table's numbers.
    criterion : "evidence", "loo" or "gcv"
        What penalties are chosen by.
    delimiter, decimal : str, optional
        Of files of text: what separates cells, and the decimal mark; found in each file by default.
    allow_overlap : bool
        Whether target rows may be rows of the source, which is otherwise refused.

    Returns
    -------
    Advice or OutcomeAdvice
        The verdict, the table that it is read from, and all that the table rests on.

    Raises
    ------
    ValueError
        Of one line that names the column or argument: tables that cannot be used, rows in both tables, no source,
        options that the outcome's family has no use for, and as the estimators do.
    TypeError
        What is no table beside ``outcome``, tables without it, or options of tables beside arrays.
    OSError
        A file that cannot be read.

    Notes
    -----
    Costs one decomposition a side.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> def houses(rows):
    ...     size, heating = rng.uniform(30, 150, rows), rng.choice(["gas", "oil"], rows)
    ...     return pd.DataFrame({"size": size, "heating": heating,
    ...                          "price": 2 * size + 9 * (heating == "oil") + rng.normal(0, 20, rows)})
    >>> advise(houses(300), houses(12), outcome="price").verdict
    'transfer'

    Of arrays:

    >>> w = rng.normal(size=5)
    >>> X0, X1 = rng.normal(size=(300, 5)), rng.normal(size=(30, 5))
    >>> advise((X0, X0 @ w + rng.normal(size=300)), (X1, X1 @ w + rng.normal(size=30))).verdict
    'transfer'
    """
    if outcome is None:
        _check_no_tables(source, target)
        _refuse_without_outcome(
            target_outcome=target_outcome, features=features, exclude=exclude, categories=categories,
            positive=positive, weights=weights, degree=None if degree == 1 else degree,
            delimiter=delimiter, decimal=decimal,
        )  # fmt: skip
        return advise_arrays(
            source, target, criterion=criterion, groups=groups, allow_overlap=allow_overlap, weights_kind=weights_kind,
            family=family or "gaussian", exposure=exposure,
        )  # fmt: skip
    with python_names():
        columns = (_names(features), _names(exclude), _names(categories))
        roles = _roles(outcome, target_outcome, weights, weights_kind, groups, columns, family, positive, exposure)
        pair = _pair(source, target, roles, Reading(delimiter, decimal), allow_overlap)
        return _spelt(advise_pair(pair, Manner(degree, criterion)))


def fit(
    source: Any,
    target: Any,
    *,
    outcome: str,
    target_outcome: str | None = None,
    features: Names = None,
    exclude: Names = None,
    categories: Names = None,
    family: str | None = None,
    positive: str | None = None,
    exposure: str | None = None,
    weights: str | None = None,
    weights_kind: str | None = None,
    groups: str | None = None,
    degree: int = 1,
    criterion: str = "evidence",
    source_tau: float | None = None,
    tau: float | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    allow_overlap: bool = False,
) -> FittedTransfer:
    """Fit the transfer from a source to a target that ``advise`` recommends, as ``headwater fit`` does.

    Parameters
    ----------
    source, target : table
        Data frames of pandas or polars, Arrow tables, or paths of files; ``Coefficients`` by name for a source. Of a
        list of sources the one that serves best by itself is taken.
    outcome : str
        The column to predict.
    target_outcome, features, exclude, categories, family, positive, exposure, weights, weights_kind
        As in ``advise``.
    groups, degree, criterion, delimiter, decimal, allow_overlap
        As in ``advise``.
    source_tau : float, optional
        Source penalty τ0, inf from scratch; chosen by default.
    tau : float, optional
        Target penalty τ1; chosen by default.

    Returns
    -------
    FittedTransfer
        Predicts, scores and saves; its ``advice`` is what ``advise`` gives.

    Raises
    ------
    ValueError, TypeError, OSError
        As ``advise`` does, and for a penalty below 0.

    Notes
    -----
    Arrays have estimators: ``TransferRidge(SourceRidge().fit(X0, y0)).fit(X1, y1)``.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> def houses(rows):
    ...     size = rng.uniform(30, 150, rows)
    ...     return pd.DataFrame({"size": size, "price": 2 * size + rng.normal(0, 20, rows)})
    >>> model = fit(houses(300), houses(12), outcome="price")
    >>> model.advice.verdict
    'transfer'
    >>> float(model.score(houses(500)).set_index("name").r2["chosen"].round(1))
    0.9
    """
    with python_names():
        check_penalties(source_tau, tau)
        columns = (_names(features), _names(exclude), _names(categories))
        roles = _roles(outcome, target_outcome, weights, weights_kind, groups, columns, family, positive, exposure)
        pair = _pair(source, target, roles, Reading(delimiter, decimal), allow_overlap)
        manner = Manner(degree, criterion, source_tau, tau)
        return kept(_spelt(advise_pair(pair, manner)), pair, manner)


def _pair(source: Any, target: Any, roles: Roles, reading: Reading, allow_overlap: bool) -> Pair:
    """The tables, paired; TypeError where they are none."""
    if not _is_table(target):
        raise TypeError(f"with outcome, target is a table, not {_kind(target)}: give {_TABLES}; or arrays without it")
    settled = of_file(source)
    if settled is not None:
        name = str(source) if isinstance(source, (str, Path)) else "source"
        return fitted_pair(settled, name, table_of(target, "target", reading), roles)
    published = None if _is_table(source) else _published(source)
    if published is not None:
        return read_published(published, target, roles, reading)
    several = source if isinstance(source, list) else [source]
    if not all(map(_is_table, several)):
        source = next(one for one in several if not _is_table(one))
        raise TypeError(f"with outcome, source is a table, not {_kind(source)}: give {_TABLES}; or arrays without it")
    return read_pair(source, target, roles, reading, allow_overlap)


def _is_table(data: Any) -> bool:
    return isinstance(data, (str, Path)) or is_table(data)


def _kind(data: Any) -> str:
    return "None" if data is None else f"a {type(data).__name__}"


def _published(source: Any) -> Published | None:
    """Coefficients by name; None of what has none."""
    if isinstance(source, (Mapping, Coefficients)) or hasattr(source, "params"):
        given = fitted(source)
        if isinstance(given, Coefficients) and given.feature_names_in_ is not None:
            names = [str(name) for name in given.feature_names_in_]
            coef = dict(zip(names, map(float, given.coef_), strict=True))
            errors = None if given.coef_se_ is None else dict(zip(names, map(float, given.coef_se_), strict=True))
            return Published("source", coef, errors, float(given.intercept_ or 0.0), ())
        raise ValueError("source: coefficients of a table's columns need their names: give a dict, name: coefficient")
    return None


def _roles(
    outcome: str,
    target_outcome: str | None,
    weights: str | None,
    weights_kind: str | None,
    groups: Any,
    columns: tuple[tuple[str, ...], ...],
    family: str | None,
    positive: str | None,
    exposure: Any,
) -> Roles:
    """The columns' parts; TypeError where one is not named."""
    named = {"outcome": outcome, "target_outcome": target_outcome, "weights": weights, "groups": groups,
             "exposure": exposure}  # fmt: skip
    for option, name in named.items():
        if not isinstance(name, (str, type(None))):
            raise TypeError(f"{option} names a column of the tables: give its name, not {_kind(name)}")
    features, exclude, categories = columns
    return Roles(
        outcome, target_outcome, weights, weights_kind, groups, features, exclude, categories,
        family, None if positive is None else str(positive), exposure,
    )  # fmt: skip


def _names(given: Names) -> tuple[str, ...]:
    return () if given is None else (given,) if isinstance(given, str) else tuple(map(str, given))


def _spelt(advice: Advice | OutcomeAdvice) -> Advice | OutcomeAdvice:
    return replace(advice, notes=tuple(map(in_python, advice.notes)))


def _check_no_tables(source: Any, target: Any) -> None:
    for side, data in (("source", source), ("target", target)):
        if _is_table(data):
            raise TypeError(f"{side} is a table: name the column to predict by outcome='…'")


def _refuse_without_outcome(**given: Any) -> None:
    named = [name for name, value in given.items() if value is not None]
    if named:
        raise TypeError(f"{named[0]} is an option of tables: name the column to predict by outcome='…'")
