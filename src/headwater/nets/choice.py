"""Choice: of a source's weight decay for a target, with the curves it was made from and what it is worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headwater.nets.choosing import Chosen
from headwater.nets.models import States


@dataclass(frozen=True, eq=False)
class Choice:
    """The source checkpoint best for a target, the two curves it was chosen from, and what that is worth.

    Attributes
    ----------
    weight_decays
        The path's, in ascending order.
    source_scores, target_scores
        Accuracies, means over the repeats, one for each weight decay.
    checkpoint, fine_tuned
        The source state to fine-tune from, and what it became on the rows not held out.
    chosen
        The candidates with their scores, scratch first, as ``choose`` gives them: what a source is worth over scratch.

    Examples
    --------
    >>> from headwater.nets import Candidate, Chosen
    >>> chosen = Chosen((Candidate(None, 1.0, (0.5, 0.6, 0.5)), Candidate("decay 0.1", 1.0, (0.8, 0.9, 0.8))), {})
    >>> Choice((0.1,), (0.9,), (0.83,), {}, {}, chosen).transfer_optimal
    0.1
    """

    weight_decays: tuple[float, ...]
    source_scores: tuple[float, ...]
    target_scores: tuple[float, ...]
    checkpoint: States
    fine_tuned: States
    chosen: Chosen

    @property
    def source_optimal(self) -> float:
        """The weight decay whose source scores best on the source; the smallest of equals."""
        return self.weight_decays[int(np.argmax(self.source_scores))]

    @property
    def transfer_optimal(self) -> float:
        """The weight decay whose source, fine-tuned, scores best on the target; the smallest of equals."""
        return self.weight_decays[int(np.argmax(self.target_scores))]
