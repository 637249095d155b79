"""By reference: a source is data; estimators that start from one keep it as it is."""

from __future__ import annotations

from typing import Any, Self

from sklearn.base import BaseEstimator, clone


class ByReference(BaseEstimator):  # type: ignore[misc]
    """Clones that share the fitted source, and parameters that leave its own alone."""

    def __sklearn_clone__(self) -> Self:
        """A clone that keeps the fitted source by reference: a source is data, not a setting to refit."""
        params = self.get_params(deep=False)
        fresh = type(self)(
            **{name: value if name == "source" else clone(value, safe=False) for name, value in params.items()}
        )
        for kept in ("_metadata_request", "_sklearn_output_config"):
            if hasattr(self, kept):
                setattr(fresh, kept, clone(getattr(self, kept), safe=False))
        return fresh

    def set_params(self, **params: Any) -> Self:
        """Set parameters of this estimator; the source is fitted and may be shared, so its own stay as they are.

        Parameters
        ----------
        **params
            By name.

        Returns
        -------
        ByReference
            Itself.

        Raises
        ------
        ValueError
            There is no such parameter, or it is one of the source's.
        """
        nested = [name for name in params if name.startswith("source__")]
        if nested:
            raise ValueError(f"{nested[0]} would change a fitted source: fit a source with it and pass that as source")
        super().set_params(**params)
        return self

    def read_as(self, other: BaseEstimator) -> Self:
        """Take rows as another estimator was found to: as many columns, of the same names, and the same labels.

        Parameters
        ----------
        other : Ridge

        Returns
        -------
        ByReference
            Itself.
        """
        for name in ("n_features_in_", "feature_names_in_", "classes_"):
            if hasattr(other, name):
                setattr(self, name, getattr(other, name))
        return self
