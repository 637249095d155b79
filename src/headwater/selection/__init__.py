"""Selection: a target met with its sources; what they may be good for, weighed; and what leaving rows out says.

In order: source, meeting, hypotheses, stacking, surface, survey, left_out, prediction;
of other outcomes than Gaussian ones glm_source, glm_hypotheses, glm_choice.
"""
