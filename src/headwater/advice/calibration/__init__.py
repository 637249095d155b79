"""Calibration: from two tables to the population they were drawn from, with the alignment's interval.

In order: covariance, likelihood, maximum, posterior, fitting.
"""
