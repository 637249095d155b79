"""Group models: which rows are whose, and one fitted model a group, held in little room."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from headwater.selection.meeting import Meeting
from headwater.selection.surface import plain
from headwater.spectrum.criteria import needs_rows
from headwater.spectrum.decomposed import stacked
from headwater.spectrum.rows import Array, row_blocks
from headwater.spectrum.spectrum import Spectrum

_TOGETHER = 64  # groups decided together: their grids fill a core's cache
# What a fit sets for each target, but for its surface.
_FITTED = ("coef_", "intercept_", "transferred_", "level_weight_", "source_tau_", "scale_", "tau_", "source_weight_")
_ROOM = 1 << 20  # numbers of their rows, 8 MB: what is made of them takes a few times that


@dataclass(frozen=True, eq=False)
class Groups:
    """Which group each row is of: the groups' ``names``, in the order in which they come, and a ``code`` (n,) a row."""

    names: tuple[Any, ...]
    code: NDArray[np.intp]

    @classmethod
    def of(cls, groups: ArrayLike, rows: int) -> Groups:
        """Groups from a name a row; ValueError where these are missing, of mixed kinds, or not as many as rows."""
        named = np.asarray(groups)
        if named.shape != (rows,):
            raise ValueError(f"groups has shape {named.shape}; it needs one name a row, ({rows},)")
        try:
            encoded = pa.array(named, from_pandas=True).dictionary_encode()
        except (pa.ArrowException, TypeError):
            raise ValueError("groups must be all numbers, all text or all dates, one name a row") from None
        if encoded.null_count:
            raise ValueError(f"groups is missing in {encoded.null_count} of {rows} rows: name them, or leave them out")
        return cls(tuple(encoded.dictionary.to_pylist()), encoded.indices.to_numpy().astype(np.intp))

    @cached_property
    def rows(self) -> list[NDArray[np.intp]]:
        """Each group's rows."""
        return np.split(np.argsort(self.code, kind="stable"), np.cumsum(np.bincount(self.code))[:-1])

    def targets(
        self, spectrum: Callable[[Any], Spectrum], features: int, alone: bool = False
    ) -> Iterator[tuple[NDArray[np.intp], Spectrum]]:
        """Groups' places and the ``spectrum`` of their rows: as many as fit in a stack, or each by itself.

        Stacked are those of as many rows, of one rank, and alike in whether least squares leaves anything.
        """
        sizes = np.bincount(self.code)
        for size in np.unique(sizes):
            step = 1 if alone else max(1, min(_TOGETHER, _ROOM // (size * features)))
            places = np.flatnonzero(sizes == size)
            for some in (places[start : start + step] for start in range(0, len(places), step)):
                tables = [spectrum(self.rows[place]) for place in some]
                if alone:
                    yield some, tables[0]
                    continue
                kinds = np.array([(table.rank, bool(table.remainder.sum() > 0)) for table in tables])
                for kind in np.unique(kinds, axis=0):
                    alike = np.flatnonzero((kinds == kind).all(axis=1))
                    yield some[alike], stacked([tables[one] for one in alike])


@dataclass(frozen=True, eq=False, repr=False)
class GroupModels(Mapping[Any, Any]):
    """One fitted model for each of many groups, as ``TransferRidge.fit_many`` makes them.

    A mapping from a group's name to its TransferRidge, which is put together when asked for: it has every attribute of
    one that was fitted to the group's rows but ``surface_``.

    Attributes
    ----------
    model : TransferRidge
        The model as it was asked for, not fitted.
    places : dict
        Each group's place along the first axis of ``fitted``, in the order in which the groups came.
    fitted : dict of ndarray
        The models' attributes, all groups together: ``fitted["coef_"]`` is (groups, p), or (groups, q, p).

    Examples
    --------
    >>> import numpy as np
    >>> from headwater import TransferRidge
    >>> X, y, wells = np.arange(8.0).reshape(8, 1), np.arange(8.0), [7, 7, 7, 7, 9, 9, 9, 9]
    >>> models = TransferRidge(np.ones(1)).fit_many(X, y, wells)
    >>> len(models), 9 in models, models.fitted["coef_"].shape
    (2, True, (2, 1))
    """

    model: Any
    places: dict[Any, int]
    fitted: dict[str, Array]

    def __getitem__(self, group: Any) -> Any:
        place = self.places[group]
        model = clone(self.model).read_as(self.model)
        for name, values in self.fitted.items():
            setattr(model, name, plain(values[place].copy()))
        return model

    def __repr__(self) -> str:
        return f"GroupModels({self.model}, {len(self)} groups)"

    def __iter__(self) -> Iterator[Any]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)

    def predict(self, X: Any, groups: ArrayLike) -> Array:
        """Predict each row's outcome by its own group's model.

        Parameters
        ----------
        X : array, sparse matrix or data frame (n, p)
        groups : array_like (n,)

        Returns
        -------
        ndarray (n,), or (n, q) where y had columns

        Raises
        ------
        ValueError
            Other columns than were fitted, or groups that are missing or have no model.

        Examples
        --------
        >>> import numpy as np
        >>> from headwater import TransferRidge
        >>> X, y, wells = np.arange(8.0).reshape(8, 1), np.arange(8.0), [7, 7, 7, 7, 9, 9, 9, 9]
        >>> models = TransferRidge(np.ones(1)).fit_many(X, y, wells)
        >>> models.predict(X, wells).shape
        (8,)
        """
        X = self.model._features(X)
        asked = Groups.of(groups, X.shape[0])
        unknown = [name for name in asked.names if name not in self.places]
        if unknown:
            more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
            raise ValueError(f"no model was fitted for group {unknown[0]!r}{more}")
        place = np.array([self.places[name] for name in asked.names])[asked.code]
        coef, intercept = self.fitted["coef_"], self.fitted["intercept_"]
        found = intercept[place]
        for rows in row_blocks(X.shape[0], int(np.prod(coef.shape[1:]))):
            block = X[rows].toarray() if hasattr(X, "toarray") else X[rows]
            found[rows] += np.einsum("ip,i...p->i...", block, coef[place[rows]])
        return found


def fitted_to_groups(
    model: Any, X: Any, y: Any, groups: ArrayLike, progress: Callable[[int, int], None] | None
) -> GroupModels:
    """A clone of a TransferRidge fitted to each group's rows, which are read and met with the sources' side once."""
    model = clone(model)
    X, y = model._read(X, y)
    members, loo = Groups.of(groups, X.shape[0]), needs_rows(model.criterion)

    def spectrum(rows: Any) -> Spectrum:
        return Spectrum.from_rows(X[rows], y[rows], fit_intercept=model.fit_intercept, leave_one_out=loo)

    sources = model._sources_for(spectrum(members.rows[0]))
    alone = loo or hasattr(X, "tocsr") or not all(source.stacks for source in sources)
    fitted: dict[str, Array] = {}
    count, done = len(members.names), 0
    for places, target in members.targets(spectrum, X.shape[1], alone):
        found = clone(model).choose(Meeting(target, sources, X.dtype))
        for name in filter(found.__dict__.__contains__, _FITTED):
            values = np.asarray(getattr(found, name))
            values = values[None] if alone else values
            fitted.setdefault(name, np.empty((count, *values.shape[1:]), values.dtype))[places] = values
        done += len(places)
        if progress is not None:
            progress(done, count)
    optimal = np.asarray(found.source_optimal_tau_)
    fitted["source_optimal_tau_"] = np.broadcast_to(optimal, (count, *optimal.shape))
    return GroupModels(model, dict(zip(members.names, range(count), strict=True)), fitted)
