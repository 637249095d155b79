"""Estimators: scikit-learn's contract around spectrum and selection.

In order: given, preprocessors, compatibility, by_reference, by_name, base, interval, ridge, l2sp, group_models,
transfer, from_table, saved_source, publishing, glm_sources, glm_rows, glm_base, glm, logistic,
glm_from_table. The last six are for outcomes that are not Gaussian.
"""
