"""Calibration: from two tables to the population they were drawn from, with the alignment's interval.

In order: covariance, side, likelihood, maximum, profile, fitting.
"""
