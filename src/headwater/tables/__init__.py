"""Tables: files become a source and a target that share columns, with everything left out or mended said.

In order: options, numerals, quotes, delimited, workbook, cells, table, frames, columns, outcome, coefficients,
fingerprints, features, together, side, suspicions, artefacts, numbers, arrays, pair, differences, clipping,
preparation, streams, counted, look, gathered, passes. The last five are of tables that are read in parts.
"""
