"""Advice: whether to transfer and how, what is known of that and how surely, in numbers, words and files.

In order: calibration, rivals, doubts, outlook, ranking, comparison, wording, findings,
findings_wording, penalties, summary, answer, displays, pictures, column_pictures, report,
uncertain, outcome_ways, outcome_rivals, scores, outcome_summary, outcomes, verdict, fitted, saved,
from_tables, kept, door.
"""
