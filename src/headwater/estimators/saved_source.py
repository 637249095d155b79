"""Saved source: a preparation and a ridge at every penalty, in a file without rows that a target can start from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from sklearn.pipeline import Pipeline

from headwater import archive
from headwater.estimators.ridge import SourceRidge, source_of
from headwater.spectrum.criteria import SCORES
from headwater.spectrum.decomposed import Decomposition
from headwater.spectrum.moments import Moments
from headwater.spectrum.routes import moments_of
from headwater.spectrum.rows import Array
from headwater.spectrum.spectrum import Spectrum
from headwater.tables.clipping import ClippedScaler
from headwater.tables.columns import Column, is_described
from headwater.tables.preparation import TablePreparation, same
from headwater.version import __version__

KIND = archive.Kind("source", 1, "publish it again by headwater publish", (Column, ClippedScaler, TablePreparation))
_SPECTRUM = ("eigenvalues", "vectors", "u", "x_mean", "y_mean", "remainder")
_FACTS = {"outcome", "rows", "rank", "lost", "version"}


class SavedSource(Pipeline):  # type: ignore[misc]
    """A published source: how its table was prepared, and its ridge at every penalty; no row, and no trace of one.

    It is a fitted scikit-learn Pipeline of a ``TablePreparation`` and a ``SourceRidge``, which ``TransferRidge`` and
    ``advise`` take as their source; ``headwater.load`` reads one that ``headwater publish`` wrote.

    Parameters
    ----------
    steps : list of (str, estimator)
        ("preparation", TablePreparation) and ("source", SourceRidge), both fitted.
    facts : dict
        ``outcome``, its name; ``rows``, how many there were; ``rank``, None where nothing was left out, and then
        ``lost`` is 0; the ``version`` that wrote it.
    transform_input, memory, verbose
        As in Pipeline.

    Notes
    -----
    It is as much as the moments of its prepared rows are: X'X, X'y and y'y with their means and Σw. What these give
    away of few rows is in ``docs/publishing.md``.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from headwater import SourceRidge, TablePreparation
    >>> frame = pd.DataFrame({"size": [50.0, 80.0, 65.0, 70.0]})
    >>> preparation, y = TablePreparation().fit(frame), [5.0, 8.1, 6.4, 7.0]
    >>> model = SourceRidge().fit(preparation.transform(frame), y)
    >>> SavedSource.of(preparation, model, outcome="price", rows=4).numbers["rows"]
    4
    """

    def __init__(
        self,
        steps: Any,
        facts: dict[str, Any] | None = None,
        *,
        transform_input: Any = None,
        memory: Any = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(steps, transform_input=transform_input, memory=memory, verbose=verbose)
        self.facts = facts

    @classmethod
    def of(cls, preparation: TablePreparation, model: SourceRidge, outcome: str, rows: int, **more: Any) -> SavedSource:
        """The source that a fitted preparation and ridge are.

        Parameters
        ----------
        preparation : TablePreparation
        model : SourceRidge
            Of one output.
        outcome : str
            Its name.
        rows : int
            How many rows it was fitted to.
        **more
            Other facts.

        Returns
        -------
        SavedSource
        """
        facts = {"outcome": outcome, "rows": rows, "rank": None, "lost": 0.0, "version": __version__, **more}
        return cls([("preparation", preparation), ("source", model)], facts)

    @property
    def outcome(self) -> str:
        """The outcome's name."""
        assert self.facts is not None
        return str(self.facts["outcome"])

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that it reads."""
        return tuple(self[0].columns_)

    @property
    def names(self) -> list[str]:
        """Their names, each once."""
        return list(dict.fromkeys(column.name for column in self.columns))

    @property
    def numbers(self) -> dict[str, Any]:
        """What there is to know of it in numbers.

        ``signal`` is the deviation of its own predictions over its rows and ``noise`` that of what they leave, both at
        τ_S* and in the outcome's unit; ``lost`` how far predictions moved, as a root mean square over its rows, when it
        was cut to its ``rank``.
        """
        model, spectrum = self[-1], self[-1].spectrum_
        assert self.facts is not None
        return {
            "outcome": self.outcome,
            "family": "gaussian",
            "rows": self.facts["rows"],
            "weight": spectrum.n,
            "columns": len(self.names),
            "features": spectrum.n_features,
            "rank": self.facts["rank"],
            "lost": self.facts["lost"],
            "source_optimal_tau": float(model.tau_),
            "criterion": model.criterion,
            "signal": float(np.sqrt(_explained(spectrum, model.tau_).sum())),
            "noise": float(np.sqrt(_noise(spectrum, model.tau_))),
            "version": self.facts["version"],
        }

    def save(self, path: str | Path) -> None:
        """Write it to a file that holds no code; it replaces another only once it is whole.

        Parameters
        ----------
        path : str or Path

        Raises
        ------
        OSError
            The file cannot be written.
        """
        model = self[-1]
        spectrum = model.spectrum_
        content = {
            "preparation": self[0],
            "spectrum": {name: np.asarray(getattr(spectrum, name)) for name in _SPECTRUM} | {"n": float(spectrum.n)},
            "tau": float(model.tau_),
            "criterion": model.criterion,
            "facts": self.facts,
        }
        archive.write(KIND, content, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> SavedSource:
        """Read one that ``save`` wrote.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        SavedSource

        Raises
        ------
        OSError
            There is no such file, or it cannot be read.
        ValueError
            The file is of another kind, damaged, forged, or written by a newer headwater.
        """
        return archive.read(KIND, Path(path), _checked)

    def of_rank(self, rank: int) -> SavedSource:
        """The same cut to its ``rank`` widest axes, smaller and coarser; its penalty stays.

        Parameters
        ----------
        rank : int

        Returns
        -------
        SavedSource
            ``numbers["lost"]`` is the root mean square, over the source's rows, of what its predictions at τ_S* change
            by: √Σλw² over the axes left out, which needs no row.

        Raises
        ------
        ValueError
            rank is below 1.
        """
        if rank < 1:
            raise ValueError(f"--rank: at least one axis has to stay, got {rank}")
        model, spectrum = self[-1], self[-1].spectrum_
        if rank >= spectrum.rank:
            return self
        lost = float(np.sqrt(_explained(spectrum, model.tau_)[rank:].sum()))
        basis = replace(
            spectrum.basis, eigenvalues=spectrum.eigenvalues[:rank], vectors=np.asarray(spectrum.vectors)[:, :rank]
        )
        left = spectrum.remainder + np.square(spectrum.u[rank:]).sum(axis=0)
        cut = replace(spectrum, basis=basis, u=spectrum.u[:rank], remainder=left)
        assert self.facts is not None
        return SavedSource.of(
            self[0], source_of(cut, model.tau_, model.criterion), **{**self.facts, "rank": rank, "lost": lost}
        )

    def __add__(self, other: SavedSource) -> Self | SavedSource:
        """The source that both sources' rows together are, by the preparation that they share."""
        if not isinstance(other, SavedSource):
            return NotImplemented
        assert self.facts is not None and other.facts is not None
        if self.outcome != other.outcome:
            raise ValueError(f"their outcomes are {self.outcome!r} and {other.outcome!r}: they must be the same")
        if not same(self[0], other[0]):
            raise ValueError(
                "they were prepared differently, so that their features are not the same: publish the second with "
                "--like the first"
            )
        if self.facts["rank"] or other.facts["rank"]:
            raise ValueError("a source that was cut by --rank has lost what a sum needs: merge whole ones, then cut")
        if np.array_equal(self[-1].spectrum_.u, other[-1].spectrum_.u):
            raise ValueError("they are of the same rows, which would count twice")
        moments = _moments(self) + _moments(other)
        model = SourceRidge("auto", self[-1].criterion).fit_moments(moments)
        return SavedSource.of(self[0], model, self.outcome, self.facts["rows"] + other.facts["rows"])


def of_file(source: Any) -> SavedSource | None:
    """The published source that this is, or that is in the file at this path; None of anything else.

    ValueError where it is one of several.
    """
    given = source if isinstance(source, list) else [source]
    held = [one for one in given if isinstance(one, SavedSource) or
            (isinstance(one, (str, Path)) and archive.is_archive(Path(one)))]  # fmt: skip
    if not held:
        return None
    settled = held[0]
    if len(given) > 1:
        name = "source" if isinstance(settled, SavedSource) else settled
        raise ValueError(f"{name}: several sources are compared as tables; give this one by itself")
    return settled if isinstance(settled, SavedSource) else SavedSource.load(settled)


def _moments(source: SavedSource) -> Moments:
    assert source.facts is not None
    return replace(moments_of(source[-1].spectrum_), rows=source.facts["rows"])


def _explained(spectrum: Spectrum, tau: float) -> Array:
    """λ w² of each axis at a penalty, (r,): the mean square of the part of the predictions along it."""
    return np.asarray(spectrum.eigenvalues * np.square(spectrum.in_axes(tau)).sum(axis=1))


def _noise(spectrum: Spectrum, tau: float) -> float:
    """The variance of the noise, given the penalty, by restricted likelihood."""
    unfitted = 1.0 - spectrum.shrinkage(tau)
    left = float(unfitted @ np.square(spectrum.u).sum(axis=1) + spectrum.remainder.sum())
    return left / max(spectrum.contrasts, 1.0)


def _checked(content: Any) -> SavedSource:
    """The source, once its columns, shapes and numbers are what they must be."""
    if set(content) != {"preparation", "spectrum", "tau", "criterion", "facts"}:
        raise ValueError("not all of it is there")
    preparation, facts, tau = content["preparation"], content["facts"], float(content["tau"])
    if type(preparation) is not TablePreparation or not all(
        type(column) is Column and is_described(column) for column in preparation.columns_
    ):
        raise ValueError("a column is not described as it should be")
    if set(facts) != _FACTS or not isinstance(facts["outcome"], str) or not isinstance(facts["rows"], int):
        raise ValueError("its facts are not all there")
    if content["criterion"] not in SCORES or not tau >= 0:
        raise ValueError("its penalty is none")
    parts = {name: np.asarray(content["spectrum"][name]) for name in _SPECTRUM}
    n, r, p = float(content["spectrum"]["n"]), len(parts["eigenvalues"]), len(parts["x_mean"])
    shapes = {"eigenvalues": (r,), "vectors": (p, r), "u": (r, 1), "x_mean": (p,), "y_mean": (1,), "remainder": (1,)}
    if any(parts[name].shape != shape or parts[name].dtype != np.float64 for name, shape in shapes.items()):
        raise ValueError("its axes, eigenvalues and outcome do not fit each other")
    if not all(np.isfinite(part).all() for part in parts.values()) or not (np.isfinite(n) and n > 0):
        raise ValueError("its numbers are not finite")
    if (parts["eigenvalues"] <= 0).any() or (np.diff(parts["eigenvalues"]) > 0).any() or (parts["remainder"] < 0).any():
        raise ValueError("its eigenvalues are not above 0 and descending")
    if not np.allclose(parts["vectors"].T @ parts["vectors"], np.eye(r), atol=1e-8):
        raise ValueError("its axes are not orthonormal")
    row = pa.table({column.name: pa.nulls(1) for column in preparation.columns_})
    if preparation.transform(row).shape != (1, p):  # one row must go through
        raise ValueError("its columns do not make its features")
    basis = Decomposition(parts["eigenvalues"], parts["vectors"], n, True)
    spectrum = Spectrum(basis, parts["u"], parts["x_mean"], parts["y_mean"], parts["remainder"])
    return SavedSource.of(preparation, source_of(spectrum, tau, content["criterion"]), **facts)
