"""The reversal asked of outcomes that theory does not cover: yes or no, with squared error beside it as a control.

In order: fitting, risk, kinds, minimum, experiment, summary, verdict, figures, words, study.
"""
