"""Displays: an advice's pictures in scikit-learn's convention. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from headwater.advice.findings import Findings
from headwater.advice.penalties import Penalties, penalties
from headwater.advice.rivals import CHOSEN, Rival
from headwater.advice.wording import WAYS, table
from headwater.pages.drawing import INK, RULE, SIMULATED, THEORY, axes_or_new

_BEYOND = 6.0  # how many times the median a number is no longer drawn at its place


class RivalsDisplay:
    """What each way to predict the target is expected to err by on new rows, with its 90 % interval.

    Parameters
    ----------
    rivals : sequence of Rival
        The advice's table.
    measure : str
        What the errors are.

    Attributes
    ----------
    ax_, figure_
        Where it was drawn.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from headwater import RivalsDisplay, advise
    >>> rng = np.random.default_rng(0)
    >>> X0, X1 = rng.normal(size=(60, 2)), rng.normal(size=(20, 2))
    >>> advice = advise((X0, X0 @ [1.0, 2.0] + rng.normal(size=60)), (X1, X1 @ [1.0, 2.0] + rng.normal(size=20)))
    >>> display = RivalsDisplay.from_advice(advice, ax=Figure().subplots())
    >>> display.ax_.get_xlabel()
    'expected squared error on new target rows'
    """

    def __init__(self, rivals: Sequence[Rival], measure: str = "squared error") -> None:
        self.rivals = tuple(rivals)
        self.measure = measure

    @classmethod
    def from_advice(cls, advice: Findings, *, ax: Any = None) -> Self:
        """Draw an advice's table.

        Parameters
        ----------
        advice : Advice
        ax : matplotlib Axes, optional
            A new figure by default.

        Returns
        -------
        RivalsDisplay
        """
        return cls(advice.rivals, table(advice)[0][1]).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw it.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            A new figure by default.

        Returns
        -------
        self
        """
        self.ax_, self.figure_ = axes_or_new(ax)
        places = range(len(self.rivals))[::-1]
        reach = np.median([one.error.high for one in self.rivals if np.isfinite(one.error.high)] or [1.0])
        limit = _BEYOND * reach
        for place, one in zip(places, self.rivals, strict=True):
            first = one.name == CHOSEN
            colour = SIMULATED if first else INK
            low, high = one.error.low, min(one.error.high, limit)
            self.ax_.plot([low, high], [place] * 2, color=colour, lw=2.2 if first else 1.4, solid_capstyle="butt")
            if np.isfinite(one.error.estimate):
                self.ax_.plot(min(one.error.estimate, limit), place, "D" if first else "o", color=colour, ms=6)
        chosen = self.rivals[0].error.estimate
        if np.isfinite(chosen):
            self.ax_.axvline(chosen, color=RULE, lw=0.9, ls=(0, (4, 3)), zorder=0)
        self.ax_.set_yticks(list(places), [WAYS[one.name].replace(", ", ",\n", 1) for one in self.rivals])
        self.ax_.tick_params(axis="y", length=0)
        self.ax_.set_ylim(-0.6, len(self.rivals) - 0.4)
        self.ax_.set_xlim(left=0)
        self.ax_.set_xlabel(f"expected {self.measure} on new target rows")
        return self


class PenaltyCurveDisplay:
    """Errors on new rows against the source's penalty: the target's, as the source is used unscaled, or the source's.

    A line is what is expected (of the target, by the method of the advice's table), points are rows left out, a dashed
    line is theory's of tables drawn like these: of the target what it has more or less than from scratch. Upright
    lines mark the penalty best for the source itself, τ_S*, and the one best for the target, τ0*; what ``fit`` writes
    averages over penalties, and is a level, "recommended".

    Parameters
    ----------
    penalties : Penalties
        The errors.
    chosen : float
        What fit writes is expected to err by.

    Attributes
    ----------
    ax_, figure_
        Where it was drawn.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from headwater import PenaltyCurveDisplay, advise
    >>> rng = np.random.default_rng(0)
    >>> X0, X1 = rng.normal(size=(60, 2)), rng.normal(size=(20, 2))
    >>> advice = advise((X0, X0 @ [1.0, 2.0] + rng.normal(size=60)), (X1, X1 @ [1.0, 2.0] + rng.normal(size=20)))
    >>> display = PenaltyCurveDisplay.from_advice(advice, ax=Figure().subplots())
    >>> display.ax_.get_xlabel()
    "the source's penalty τ0"
    """

    def __init__(self, penalties: Penalties, chosen: float = np.nan) -> None:
        self.penalties = penalties
        self.chosen = chosen

    @classmethod
    def from_advice(cls, advice: Findings, *, ax: Any = None, side: str = "target") -> Self:
        """Draw an advice's errors.

        Parameters
        ----------
        advice : Advice
        ax : matplotlib Axes, optional
            A new figure by default.
        side : "target" or "source"
            Whose errors.

        Returns
        -------
        PenaltyCurveDisplay

        Raises
        ------
        ValueError
            The advice has no such curve: the source is one coefficient vector or says nothing, or the target one row.
        """
        found = penalties(advice)
        if found is None:
            raise ValueError("there is one source penalty only, or one target row: no curve can be drawn")
        return cls(found, advice.rival[CHOSEN].error.estimate).plot(ax, side=side)

    def plot(self, ax: Any = None, *, side: str = "target") -> Self:
        """Draw one side.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            A new figure by default.
        side : "target" or "source"
            Whose errors.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            Another side.
        """
        if side not in ("target", "source"):
            raise ValueError(f"side must be 'target' or 'source', got {side!r}")
        self.ax_, self.figure_ = axes_or_new(ax)
        ax, of, at = self.ax_, self.penalties, self._places()
        last = len(at) - 1 if np.isinf(of.source_tau[-1]) else len(at)
        if side == "target":
            ax.plot(at[:last], of.target_expected[:last], color=SIMULATED, lw=1.8, label="expected")
            ax.plot(at[last:], of.target_expected[last:], "s", color=SIMULATED, ms=6)
            ax.axhline(self.chosen, color=SIMULATED, lw=1.2, ls=":", label="recommended")
        left_out = of.target_left_out if side == "target" else of.source_left_out
        theory = of.target_theory if side == "target" else of.source_theory
        here = slice(None) if side == "target" else slice(last)  # the source's error at ∞ would flatten all else
        ax.plot(at[here], left_out[here], "o", color=INK, ms=4.5, mfc="none", label="rows left out")
        if np.isfinite(theory).any():
            ax.plot(at[:last], theory[:last], color=THEORY, lw=1.4, ls=(0, (5, 2)), label="theory")
            if side == "target":
                ax.plot(at[last:], theory[last:], "_", color=THEORY, ms=9, mew=1.6)
        best = dict(zip(of.source_tau, at, strict=True))
        for tau, name, up in ((of.source_optimal_tau, "τ$_S$*", 1.01), (of.transfer_optimal_tau, "τ$_0$*", 1.08)):
            if tau in best:
                ax.axvline(best[tau], color=RULE, lw=0.9, ls=(0, (4, 3)), zorder=0)
                if side == "target":
                    ax.annotate(name, (best[tau], up), xycoords=("data", "axes fraction"), ha="center", va="bottom")
        self._name_penalties(at)
        ax.set_ylabel(f"the {side}'s squared error")
        return self

    def _places(self) -> np.ndarray:
        """Where penalties stand: by their logarithm, ∞ a step beyond the largest."""
        taus = np.array(self.penalties.source_tau)
        finite = np.log10(taus[np.isfinite(taus)])
        return np.append(finite, finite[-1] + 0.8)[: len(taus)]

    def _name_penalties(self, at: np.ndarray) -> None:
        infinite = np.isinf(self.penalties.source_tau[-1])
        finite = at[:-1] if infinite else at
        ticks = np.arange(np.ceil(finite[0]), np.floor(finite[-1]) + 1)
        ticks = ticks[:: max(1, len(ticks) // 5)]
        names = [f"10$^{{{tick:.0f}}}$" for tick in ticks]
        if infinite:
            ticks, names = np.append(ticks, at[-1]), [*names, "∞"]
        self.ax_.set_xticks(ticks, names)
        self.ax_.set_xlabel("the source's penalty τ0")
