"""Options shared by commands offer what the library offers."""

from headwater.cli.options import Criterion
from headwater.spectrum.criteria import SCORES


def test_every_criterion_can_be_asked_for():
    assert {str(name) for name in Criterion} == SCORES.keys()
