"""Estimators: scikit-learn's contract around spectrum and selection.

In order: preprocessors, compatibility, by_reference, base, ridge, transfer, from_table; of other outcomes than
Gaussian ones glm_sources, glm_base, glm, logistic.
"""
