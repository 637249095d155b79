"""Selection: a target met with its sources; what they may be good for, weighed; and what leaving rows out says.

In order: source, uncertainty, hypotheses, meeting, stacking, surface, peak, survey, left_out, predictive, posterior,
glm_source, glm_hypotheses, glm_choice, glm_left_out, glm_posterior. The last five are for other outcomes
than Gaussian ones.
"""
