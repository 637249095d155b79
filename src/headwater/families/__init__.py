"""Families: outcomes that are not Gaussian, and the penalised fits that they share.

A family is one file: its deviance, link and derivatives. Nothing else knows one by its name.
In order: family, binomial, poisson, gaussian, named, outcomes, mode, laplace, design, path, posterior.
"""
