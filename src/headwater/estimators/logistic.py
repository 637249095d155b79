"""Yes or no: a logistic source with its path, and the choice of how to start from it."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from headwater.estimators.glm_base import GLM, SourceModel, TransferModel
from headwater.estimators.glm_rows import checked
from headwater.families.binomial import BINOMIAL
from headwater.families.family import Family
from headwater.spectrum.rows import Array


class _Classifier(ClassifierMixin, GLM):  # type: ignore[misc]
    """Two labels, of which the second in sorted order is the 1."""

    classes_: NDArray[Any]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    @property
    def family_(self) -> Family:
        """Binomial, with the logit link."""
        return BINOMIAL

    def decision_function(self, X: Any) -> Array:
        """Log odds of ``classes_[1]``.

        Parameters
        ----------
        X : array or data frame (n, p)

        Returns
        -------
        ndarray (n,)

        Raises
        ------
        ValueError
            Other columns than were fitted.
        NotFittedError
            Nothing was fitted.
        """
        return self._predictor(X)

    def predict_proba(self, X: Any) -> Array:
        """Probabilities of both labels.

        Parameters
        ----------
        X : array or data frame (n, p)

        Returns
        -------
        ndarray (n, 2)
            In the order of ``classes_``.

        Raises
        ------
        ValueError
            Other columns than were fitted.
        NotFittedError
            Nothing was fitted.
        """
        eta = self._predictor(X)
        return np.column_stack([expit(-eta), expit(eta)])

    def predict(self, X: Any) -> NDArray[Any]:
        """The more probable label.

        Parameters
        ----------
        X : array or data frame (n, p)

        Returns
        -------
        ndarray (n,)

        Raises
        ------
        ValueError
            Other columns than were fitted.
        NotFittedError
            Nothing was fitted.
        """
        likely = (self._predictor(X) > 0).astype(int)
        return np.asarray(self.classes_[likely])

    def _hold(self, coef: Array, intercept: float, dtype: Any) -> None:
        self.coef_ = coef.astype(dtype, copy=False)[None]
        self.intercept_ = np.array([intercept])

    def _encode(self, y: Any, weight: Array, known: NDArray[Any] | None = None) -> Array:
        """Outcomes as 0 and 1; ``known``: the labels of the source."""
        check_classification_targets(y)
        found = np.unique(y)
        if len(found) > 2:
            raise ValueError(
                f"Only binary classification is supported. The type of the target is {type_of_target(y)}: "
                "one label against the rest (OneVsRestClassifier) is what there is until softmax comes"
            )
        seen = np.unique(y[weight > 0])
        if known is None and len(seen) < 2:
            only = str(seen[0])
            raise ValueError(f"y holds one class only, {only!r}: both classes are needed where no source names them")
        if known is not None and not np.isin(found, known).all():
            raise ValueError(
                f"y holds the classes {', '.join(map(str, found))} and the source's are "
                f"{' and '.join(map(str, known))}: use the same labels"
            )
        self.classes_ = seen if known is None else known
        return np.asarray(y == self.classes_[1], dtype=np.float64)


class SourceLogistic(_Classifier, SourceModel):
    """Penalised logistic regression on the source task that keeps its whole regularisation path.

    Minimises (1/n0) Σ d(y_i, b + x_i'w) + τ‖w‖², d = −2 log P(y_i), b not penalised.

    Parameters
    ----------
    tau : float or "auto"
        The penalty; "auto" is τ_S*, best for the source itself by Laplace evidence.
    fit_intercept : bool

    Attributes
    ----------
    classes_ : (2,)
        The labels, sorted; coefficients speak of the second.
    coef_ : (1, p)
    intercept_ : (1,)
    tau_ : float
        τ_S* where ``tau`` is "auto": inf where the table says nothing.
    path_ : Path
        The rows with their fits: ``at`` and transfer need them.

    Notes
    -----
    ``sample_weight`` are frequencies. In scikit-learn's LogisticRegression C = 1/(Σw τ).

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(400, 2))
    >>> y = np.where(rng.random(400) < 1 / (1 + np.exp(-X @ [1.0, -1.0])), "yes", "no")
    >>> source = SourceLogistic().fit(X, y)
    >>> source.at(np.inf).coef_
    array([[0., 0.]])
    """

    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the source, its penalty and its path.

        Parameters
        ----------
        X : array or data frame (n0, p)
        y : array (n0,)
            Labels of two kinds: words, numbers or booleans.
        sample_weight : array (n0,), optional
            Frequencies.

        Returns
        -------
        SourceLogistic
            Itself.

        Raises
        ------
        ValueError
            More or fewer kinds than two, weights that cannot be, or no finite fit at ``tau``.
        """
        X, y = self._read(X, y)
        coded = self._encode(y, checked(sample_weight, len(y), "sample_weight"))
        return self._fit(self._path(X, coded, sample_weight, None), X.dtype)


class TransferLogistic(_Classifier, TransferModel):
    """Logistic regression on the target task that chooses whether and how to start from a source.

    Minimises (1/n1) Σ d(y_i, b + x_i'w) + τ1‖w − α ŵ0‖², d = −2 log P(y_i), and averages, by Laplace evidence, over
    what the source may be good for: nothing (scratch), the same task with the source's level or its own, a related
    task.

    Parameters
    ----------
    source : fitted model, coefficients or None
        A SourceLogistic, scikit-learn's, glum's or statsmodels' logistic model, a search that fitted one, a
        Pipeline ending in one, whose preprocessor is then applied to the target too, coefficients (p,), or coefficients
        by name (a dict or Series, its level under "const" or "Intercept"). None: scratch.
    source_tau : float or "auto"
        "auto" is the source's own best; a number is the user's word that one starts there, inf being scratch.
    tau : float or "auto"
    scale : bool or "auto"
        "auto" compares all hypotheses; False keeps α = 1, as L2-SP does; True sets a related task against scratch.
    fit_intercept : bool

    Attributes
    ----------
    classes_ : (2,)
        The labels, those of the source where it names them: one absent from the target still has a probability.
    coef_ : (1, p)
    intercept_ : (1,)
    mass_ : dict
        The posterior weight of each hypothesis.
    tau_, scale_, source_tau_ : float
        Those of the heaviest single model; ``tau_`` is inf where the task is the same.
    transferred_ : bool
        Whether hypotheses that use the source hold more than half of the weight.

    Notes
    -----
    With ``source_tau`` and ``tau`` numbers and ``scale=False`` nothing is chosen: L2-SP, its level free. Otherwise a
    level of the target's own has a prior N(base rate, 2.5²) on the logit scale, so that separable tables stay finite.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X0, X1 = rng.normal(size=(400, 2)), rng.normal(size=(12, 2))
    >>> y0, y1 = (np.where(rng.random(len(X)) < 1 / (1 + np.exp(-X @ [2.0, -2.0])), "yes", "no") for X in (X0, X1))
    >>> TransferLogistic(SourceLogistic().fit(X0, y0)).fit(X1, y1).transferred_
    True
    """

    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Fit to the target, weighing what the source may be good for; one row is enough.

        Parameters
        ----------
        X : array or data frame (n1, p)
        y : array (n1,)
            Labels, those of the source where it names them.
        sample_weight : array (n1,), optional
            Frequencies.

        Returns
        -------
        TransferLogistic
            Itself.

        Raises
        ------
        ValueError
            Labels that the source has not, or a source that does not fit the target's columns.
        """
        X, y = self._read(X, y)
        known = getattr(self.given[1], "classes_", None)
        coded = self._encode(y, checked(sample_weight, len(y), "sample_weight"), known)
        return self.choose(self._path(X, coded, sample_weight, None), X.dtype)
