"""Selection: a target met with its sources; what they may be good for, weighed; and what leaving rows out says.

In order: source, uncertainty, hypotheses, meeting, stacking, surface, survey, left_out, predictive.
"""
