"""Families: outcomes that are not Gaussian, and the penalised fits that they share.

A family is one file: its deviance, link and derivatives. Fits and the choice know none by its name; how outcomes are
read, scored and spoken of does.
In order: family, binomial, poisson, gaussian, named, outcomes, mode, laplace, design, path, posterior.
"""
