"""Spectrum: rows become moments, moments become axes, and on these every penalty and criterion is a small product.

In order: rows, tournament, moments, partitions, decomposed, criteria, routes, spectrum, penalty.
"""
