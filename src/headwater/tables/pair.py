"""Pair: two tables become a source and a target that share features, with everything left out or mended said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from headwater.tables import suspicions
from headwater.tables.coefficients import Published, read_coefficients
from headwater.tables.columns import Column, check_kinds, met
from headwater.tables.delimited import AS_FOUND, Reading
from headwater.tables.features import shared_columns
from headwater.tables.frames import table_of
from headwater.tables.numbers import numbers_ask, numbers_of
from headwater.tables.outcome import GAUSSIAN, POISSON, Outcome, find_outcome
from headwater.tables.side import Side, check_rows, groups_of, with_outcome
from headwater.tables.table import Table, all_of, listed, meant
from headwater.tables.together import columns_of_all


@dataclass(frozen=True)
class Roles:
    """Which columns play which part, and what they are: the outcome's name in the source, and in the target if other.

    ``weights_kind`` is "frequency", "precision" or "survey", ``None`` where the weights must be whole numbers.
    ``family`` is what the outcome is, "gaussian", "binomial" or "poisson", ``None`` to find it, ``positive`` of the two
    labels of a yes or no the one whose probability is asked for, ``exposure`` what counts are in proportion to.
    """

    outcome: str
    target_outcome: str | None = None
    weights: str | None = None
    weights_kind: str | None = None
    groups: str | None = None
    features: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    family: str | None = None
    positive: str | None = None
    exposure: str | None = None

    @property
    def taken(self) -> set[str]:
        """The columns that are never features."""
        parts = (self.outcome, self.target_outcome, self.weights, self.groups, self.exposure)
        return {name for name in parts if name is not None}


@dataclass(frozen=True, eq=False)
class Pair:
    """One source or several and a target, the features they share, ``doubts``, notes on what may be wrong with them,
    and ``mended``, notes on all that was left out, mended or taken for granted.

    ``roles`` are those asked for. Of ``published`` coefficients, or a source that was ``fitted`` before, there is no
    table: the target stands for it.
    """

    sources: tuple[Side, ...]
    target: Side
    columns: tuple[Column, ...]
    doubts: tuple[str, ...]
    mended: tuple[str, ...]
    roles: Roles
    outcome: Outcome
    published: Published | None = None
    fitted: Any = None

    @property
    def notes(self) -> tuple[str, ...]:
        """All of them, doubts first."""
        return (*self.doubts, *self.mended)

    @property
    def stands_in(self) -> bool:
        """Whether the target stands for a source of which there is no table."""
        return self.published is not None or self.fitted is not None

    @property
    def source(self) -> Side:
        """The first source, or the only one."""
        return self.sources[0]

    def alone(self, index: int) -> Pair:
        """The pair of one of the sources."""
        return replace(self, sources=(self.sources[index],))

    @property
    def names(self) -> list[str]:
        """The columns' names, each once."""
        return list(dict.fromkeys(column.name for column in self.columns))

    @property
    def decimal(self) -> str | None:
        """The decimal mark that the target's numbers had, or else the source's; None where none showed one."""
        return next((side.table.decimal for side in (self.target, *self.sources) if side.table.decimal), None)


def read_pair(source: Any, target: Any, roles: Roles, reading: Reading = AS_FOUND, allow_overlap: bool = False) -> Pair:
    """Pair a source, or a list of several, with a target, each a frame or the path of a file.

    Raises OSError or ValueError, of one line, where either cannot be read, for one file given twice unless
    ``allow_overlap``, and as ``pair_of`` does; TypeError for what is no table.
    """
    sources = source if isinstance(source, (list, tuple)) else [source]
    if not allow_overlap and any(_same(one, target) for one in sources):
        name, what = (target, "file") if isinstance(target, (str, Path)) else ("target", "table")
        raise ValueError(f"{name}: source and target are the same {what}; give two, or say --allow-overlap")
    names = ["source"] if len(sources) == 1 else [f"source[{index}]" for index in range(len(sources))]
    tables = [table_of(one, name, reading) for one, name in zip(sources, names, strict=True)]
    return pair_of(tables, table_of(target, "target", reading), roles, allow_overlap)


def _same(one: Any, other: Any) -> bool:
    if not all(isinstance(data, (str, Path)) for data in (one, other)):
        return one is other
    return Path(one).is_file() and Path(other).exists() and Path(one).samefile(other)


def pair_of(source: Table | Sequence[Table], target: Table, roles: Roles, allow_overlap: bool = False) -> Pair:
    """Say which columns a source, or several, and a target can be fitted on, and what makes one doubt them.

    Raises ValueError, of one line that names the table or column, where one cannot be used, and where the target's
    rows are a source's unless ``allow_overlap``.
    """
    sources = [source] if isinstance(source, Table) else list(source)
    if not sources:
        raise ValueError("source is an empty list: give a table, or several")
    taken = roles.taken & set(roles.features)
    if taken:
        raise ValueError(
            f"--features: {min(taken)!r} is the outcome, the weights, groups or exposure, and so no feature"
        )
    for option, name in (("--weights", roles.weights), ("--groups", roles.groups), ("--exposure", roles.exposure)):
        if name is not None and name in (roles.outcome, roles.target_outcome):
            raise ValueError(f"{option}: {name!r} is the outcome")
    if roles.weights is not None and not any(roles.weights in table.names for table in (*sources, target)):
        words = ", ".join(table.name for table in sources)
        raise ValueError(f"--weights: neither {words} nor {target.name} has a column {roles.weights!r}")
    if roles.target_outcome is None and roles.outcome in sources[0].names and roles.outcome not in target.names:
        raise ValueError(
            f"{target.name}: there is no column {roles.outcome!r}{meant(roles.outcome, target.names)}; "
            f"{all_of(target)}; "
            "--target-outcome says what it is called there"
        )
    codes = list(dict.fromkeys(name for table in sources for name in _codes(table, roles)))
    tables = [table.as_text(name for name in codes if name in {*roles.categories, *table.names})
              for table in (*sources, target)]  # fmt: skip
    named = [*(roles.outcome for _ in sources), roles.target_outcome or roles.outcome]
    outcome, taken_for = find_outcome(
        [table.column(name) for table, name in zip(tables, named, strict=True)], roles.family, roles.positive
    )
    _check_asked(outcome, roles)
    if len(sources) > 1 and outcome.family != GAUSSIAN:
        raise ValueError(f"several sources are compared for numbers, and the outcome is {outcome.words}: give one")
    read = [
        with_outcome(table, name, roles.weights, roles.weights_kind, outcome, roles.exposure)
        for table, name in zip(tables, named, strict=True)
    ]
    *befores, after = [side for side, _ in read]
    for side in (*befores, after):
        check_rows(side.table.name, len(side.y))
    if roles.groups is not None:
        after = replace(after, groups=groups_of(after.table, roles.groups))
    notes, doubts = [*taken_for, *(note for _, noted in read for note in noted)], []
    predicted = {outcome.prediction} & {*befores[0].table.names} - {*roles.features} if outcome.labels else set()
    notes += [f"unused, what headwater predict adds (--features would use it): {name}" for name in predicted]
    columns, left_out = columns_of_all(
        [side.table for side in befores],
        after.table,
        roles.taken | predicted,
        roles.features,
        roles.exclude,
        roles.categories,
    )
    notes += left_out
    notes += [note for side in (*befores, after) for note in met(side.table, columns)]
    for side in befores:
        told = [*suspicions.swapped(side.rows, after.rows),
                *suspicions.target_in_source(side, after, columns, allow_overlap)]  # fmt: skip
        doubts += [f"{side.table.name}: {note}" for note in told] if len(befores) > 1 else told
    after, copied = suspicions.copies_in_one(after, columns)
    doubts += copied
    called = ["the source"] if len(befores) == 1 else [side.table.name for side in befores]
    seen = [numbers_of(side, columns, name) for side, name in zip(befores, called, strict=True)]
    doubts += numbers_ask(seen, numbers_of(after, columns, "the target"), in_units=outcome.family == GAUSSIAN)
    return Pair(tuple(befores), after, columns, tuple(doubts), tuple(notes), roles, outcome)


def read_published(published: Any, target: Any, roles: Roles, reading: Reading = AS_FOUND) -> Pair:
    """Pair published coefficients, themselves or the path of their table, with a target, a frame or a path.

    Raises as ``read_pair`` does.
    """
    if not isinstance(published, Published):
        published = read_coefficients(published)
    return published_pair(published, table_of(target, "target", reading), roles)


def published_pair(published: Published, target: Table, roles: Roles) -> Pair:
    """Pair published coefficients with a target; raises as ``pair_of`` does."""
    table = target.as_text(_codes(target, roles))
    name = roles.target_outcome or roles.outcome
    outcome, taken_for = find_outcome([table.column(name)], roles.family, roles.positive)
    published = published.of(outcome.family)
    _check_asked(outcome, roles)
    side, notes = with_outcome(table, name, roles.weights, roles.weights_kind, outcome, roles.exposure)
    check_rows(table.name, len(side.y))
    if roles.groups is not None:
        side = replace(side, groups=groups_of(side.table, roles.groups))
    offered = [name for name in published.columns(side.table) if name not in {*roles.taken, *roles.exclude}]
    named = [name for name in offered if not roles.features or name in roles.features]
    if not named:
        raise ValueError(f"{published.name}: no coefficient is of a column of {table.name}; {all_of(table)}")
    columns, left_out = shared_columns(side.table, side.table, roles.taken, named, roles.exclude, roles.categories)
    without = [name for name in table.names if name not in {*roles.taken, *published.columns(table)}]
    if without:
        left_out.append(f"{table.name}: unused, without a coefficient: {listed(without)}")
    unused = published.unused(columns)
    if unused:
        left_out.append(f"{published.name}: unused, no features of {table.name}: {listed(unused)}")
    side, copied = suspicions.copies_in_one(side, columns)
    # Which of two labels the coefficients speak of nobody can see, so what was taken for granted comes first.
    doubts = (*taken_for, *copied, *numbers_ask([], numbers_of(side, columns, "the target")))
    mended = (*published.notes, *notes, *left_out, *met(side.table, columns))
    return Pair((side,), side, columns, doubts, mended, roles, outcome, published)


def fitted_pair(fitted: Any, name: str, target: Table, roles: Roles) -> Pair:
    """Pair a source that was fitted before, by its ``columns`` and for its ``outcome``, with a target.

    Raises ValueError as ``pair_of`` does, and for what was settled when the source was fitted.
    """
    for option, value in (("features", roles.features), ("exclude", roles.exclude), ("categories", roles.categories)):
        if value:
            raise ValueError(f"--{option}: the columns of {name} are settled; leave it out, or give its table")
    if roles.family not in (None, GAUSSIAN):
        raise ValueError(f"--family {roles.family}: {name} is of a number; leave it out")
    if roles.outcome != fitted.outcome:
        raise ValueError(
            f"{name}: its outcome is {fitted.outcome!r}, not {roles.outcome!r}; --target-outcome says what it is "
            f"called in {target.name}"
        )
    outcome = Outcome()
    _check_asked(outcome, roles)
    absent = [column for column in fitted.names if column not in target.names]
    if absent:
        raise ValueError(
            f"{target.name}: there is no column {absent[0]!r}{meant(absent[0], target.names)}, which {name} needs; "
            f"{all_of(target)}"
        )
    side, notes = with_outcome(
        target, roles.target_outcome or roles.outcome, roles.weights, roles.weights_kind, outcome, None
    )
    check_rows(target.name, len(side.y))
    if roles.groups is not None:
        side = replace(side, groups=groups_of(side.table, roles.groups))
    columns = fitted.columns
    check_kinds(side.table, columns)
    unused = [column for column in target.names if column not in {*roles.taken, *fitted.names}]
    if unused:
        notes.append(f"{target.name}: unused, not in {name}: {listed(unused)}")
    notes += met(side.table, columns)
    notes.append(f"{name} holds no rows: whether rows of {target.name} are among its own cannot be seen")
    side, copied = suspicions.copies_in_one(side, columns)
    doubts = [*suspicions.swapped(fitted.numbers["weight"], side.rows), *copied]
    doubts += numbers_ask([], numbers_of(side, columns, "the target"))
    return Pair((side,), side, columns, tuple(doubts), tuple(notes), roles, outcome, fitted=fitted)


def _check_asked(outcome: Outcome, roles: Roles) -> None:
    """ValueError for what an outcome of this family has no use for."""
    if outcome.family != POISSON and roles.exposure is not None:
        raise ValueError(
            f"--exposure: what an expected count is in proportion to; the outcome is fitted as {outcome.words}, and "
            "--family poisson fits it as a count"
        )
    if outcome.family == GAUSSIAN:
        return
    if roles.groups is not None:
        raise ValueError(
            f"--groups: errors of {outcome.words} leave out rows, not groups; drop it, or --family gaussian"
        )
    if roles.weights_kind == "precision":
        raise ValueError(f"--weights-kind: inverse variances say nothing of {outcome.words}; say frequency or survey")


def _codes(table: Table, roles: Roles) -> tuple[str, ...]:
    """The columns whose numbers are codes: those that are said to be, and those that the table holds as categories."""
    for name in roles.categories:
        if name in roles.taken:
            raise ValueError(
                f"--categories: {name!r} is the outcome, the weights, groups or exposure, and so no feature"
            )
    return tuple(dict.fromkeys([*roles.categories, *(name for name in table.codes if name not in roles.taken)]))
