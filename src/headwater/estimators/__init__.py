"""Estimators: scikit-learn's contract around spectrum and selection.

In order: preprocessors, compatibility, base, ridge, transfer, from_table.
"""
