"""Advice: whether to transfer and how, what is known of that and how surely, in numbers, words and files.

In order: calibration, rivals, doubts, outlook, ranking, findings, wording, penalties, summary,
displays, pictures, column_pictures, report, outcomes, verdict, saved, from_tables.
"""
