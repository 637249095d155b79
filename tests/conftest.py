"""One setting for the whole suite: no deadlines, for the machine may be busy. Examples are drawn anew in every run."""

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
