"""Tables: files become a source and a target that share columns, with everything left out or mended said.

In order: options, numerals, quotes, delimited, workbook, cells, table, frames, columns, coefficients, fingerprints,
features, together, outcome, side, suspicions, numbers, arrays, pair, differences, clipping, preparation, streams,
counted, look, gathered, passes. The last five are of tables that are read in parts.
"""
