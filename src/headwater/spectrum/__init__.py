"""Spectrum: rows become moments, moments become axes, and on these every penalty and criterion is a small product.

In order: rows, moments, partitions, decomposed, criteria, routes, spectrum, penalty.
"""
