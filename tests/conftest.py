"""One setting for the whole suite: the same examples on every machine, so that a failure is a change of ours."""

from hypothesis import settings

settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile("fixed")
