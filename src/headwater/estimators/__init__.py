"""Estimators: scikit-learn's contract around spectrum and selection.

In order: given, preprocessors, compatibility, by_reference, by_name, base, ridge, transfer, from_table, saved_source,
publishing, glm_sources, glm_base, glm, logistic. The last four are for outcomes that are not Gaussian.
"""
