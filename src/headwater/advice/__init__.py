"""Advice: whether to transfer and how, what is known of that and how surely, in numbers, words and files.

In order: calibration, rivals, doubts, outlook, ranking, comparison, wording, answer, findings, findings_wording,
outcome_ways, outcome_rivals, outcomes, verdict, scores, fitted, saved, from_tables, door.
"""
