"""Estimators: scikit-learn's contract around spectrum and selection.

In order: given, preprocessors, compatibility, base, ridge, transfer, from_table.
"""
