"""L2-SP ridge on the target task at a given penalty."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from headwater.estimators.base import Ridge, penalty


class L2SPRidge(Ridge):
    """Ridge on the target task, penalised toward the source's coefficients (L2-SP; Li, Grandvalet and Davoine 2018).

    Minimises (1/n1)‖y1 − X1 w − b‖² + τ‖w − scale·w_source‖², b not penalised.

    Parameters
    ----------
    source : SourceRidge, linear estimator, array_like (p,) or (q, p), Pipeline or None
        A fitted model with coefficients, or these themselves; a Pipeline ends in one, and its preprocessor is then
        applied to the target too. None is plain ridge. ``clone`` keeps it by reference.
    tau : float
        The penalty: 0 is the least-squares fit nearest the source, inf the source itself.
    scale : float
        What the source's coefficients are multiplied by.
    fit_intercept : bool

    Attributes
    ----------
    coef_ : ndarray (p,) or (q, p)
    intercept_ : float or ndarray (q,)

    Notes
    -----
    Law: it is plain ridge on y1 − X1·scale·w_source with that start added back.

    Examples
    --------
    >>> import numpy as np
    >>> X, y = np.array([[0.0], [1.0], [2.0]]), np.array([5.0, 6.0, 7.0])
    >>> L2SPRidge(np.array([3.0]), tau=np.inf).fit(X, y).coef_
    array([3.])
    """

    def __init__(self, source: Any = None, tau: float = 1.0, scale: float = 1.0, fit_intercept: bool = True) -> None:
        self.source = source
        self.tau = tau
        self.scale = scale
        self.fit_intercept = fit_intercept

    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Fit to rows.

        Parameters
        ----------
        X : array, sparse matrix or data frame (n1, p)
        y : array_like (n1,) or (n1, q)
        sample_weight : array_like (n1,), optional
            Frequencies.

        Returns
        -------
        L2SPRidge
            Itself.

        Raises
        ------
        ValueError
            Parameters out of range, several sources, or one that does not fit the target's features or outcome.
        """
        tau = penalty(self.tau, "tau")
        if tau is None:
            raise ValueError("tau must be a number; TransferRidge chooses one")
        if not np.isfinite(self.scale):
            raise ValueError(f"scale must be a finite number, got {self.scale!r}")
        meeting = self.meet(X, y, sample_weight, leave_one_out=False)
        if len(meeting.sources) > 1:
            raise ValueError("L2SPRidge starts from one source; TransferRidge chooses among several")
        start = self.scale * meeting.sources[0].coef if meeting.sources else 0.0
        shifted = meeting.target.shift(start) if meeting.sources else meeting.target
        self._hold(start + np.atleast_2d(shifted.coefficients(tau)), meeting.target, meeting.dtype)
        return self
