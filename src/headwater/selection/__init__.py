"""Selection: a target met with its sources; what they may be good for, weighed; and what leaving rows out says.

In order: source, uncertainty, hypotheses, meeting, stacking, surface, survey, left_out, predictive, posterior,
glm_source, glm_hypotheses, glm_choice, glm_left_out. The last four are for outcomes that are not Gaussian.
"""
