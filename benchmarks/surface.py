"""The whole (τ0 × τ1) surface against scikit-learn, and against the decompositions alone.

One process, interleaved, minima of several repetitions; n0 = 5000, n1 = 200, p = 500, 50 source penalties, 30 target
penalties, chosen for each source penalty by leave-one-out. All give the same 50 coefficient vectors:

- expert: ``Ridge(solver="svd")`` on the response repeated 50 times, an alpha each, then
  ``RidgeCV(alpha_per_target=True)`` on the 50 shifted responses;
- loop: one ``Ridge`` a source penalty, then ``RidgeCV`` on the shifted response, at one BLAS thread (as is headwater);
- bare: the Gram matrix and eigh of the source, and the SVD of the target, and nothing else.

    python benchmarks/surface.py
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from sklearn.linear_model import Ridge, RidgeCV
from threadpoolctl import threadpool_limits

from headwater import Spectrum
from headwater.selection.meeting import Meeting
from headwater.selection.source import Source

N0, N1, P = 5000, 200, 500
SOURCE_TAUS, TARGET_TAUS = np.logspace(-3, 2, 50), np.logspace(-3, 2, 30)


def draw(seed: int = 0) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    w0 = rng.normal(size=P) / np.sqrt(P)
    X0, X1 = rng.normal(size=(N0, P)), rng.normal(size=(N1, P))
    return X0, X0 @ w0 + rng.normal(size=N0), X1, 0.6 * X1 @ w0 + 0.3 * rng.normal(size=N1)


def ours(X0: np.ndarray, y0: np.ndarray, X1: np.ndarray, y1: np.ndarray) -> np.ndarray:
    source = Spectrum.from_rows(X0, y0, leave_one_out=False)
    meeting = Meeting(Spectrum.from_rows(X1, y1), (Source(np.zeros((1, P)), source),))
    scale = np.ones(len(SOURCE_TAUS))
    score = meeting.score(SOURCE_TAUS, scale, TARGET_TAUS, "loo")
    return each(meeting, scale, TARGET_TAUS[score.argmax(axis=1)])


def each(meeting: Meeting, scale: np.ndarray, target_tau: np.ndarray) -> np.ndarray:
    """The fits of all starts, each at its own target penalty, in one product: (k, p)."""
    target, source = meeting.target, meeting.source
    filters = np.sqrt(target.eigenvalues / target.n)[:, None] / (target.eigenvalues[:, None] + target_tau)
    moved = target.expand(filters * meeting.shifted(SOURCE_TAUS, scale)[:, 0])
    return (source.expand(source.starts(SOURCE_TAUS, scale)[:, 0]) + moved).T


def expert(X0: np.ndarray, y0: np.ndarray, X1: np.ndarray, y1: np.ndarray) -> np.ndarray:
    count = len(SOURCE_TAUS)
    starts = Ridge(alpha=N0 * SOURCE_TAUS, solver="svd").fit(X0, np.repeat(y0[:, None], count, axis=1)).coef_
    shifted = y1[:, None] - X1 @ starts.T
    return starts + RidgeCV(N1 * TARGET_TAUS, alpha_per_target=True).fit(X1, shifted).coef_


def loop(X0: np.ndarray, y0: np.ndarray, X1: np.ndarray, y1: np.ndarray) -> np.ndarray:
    found = []
    for tau in SOURCE_TAUS:
        start = Ridge(alpha=N0 * tau).fit(X0, y0).coef_
        found.append(start + RidgeCV(N1 * TARGET_TAUS).fit(X1, y1 - X1 @ start).coef_)
    return np.array(found)


def bare(X0: np.ndarray, y0: np.ndarray, X1: np.ndarray, y1: np.ndarray) -> None:
    centred = X0 - X0.mean(axis=0)
    np.linalg.eigh(centred.T @ centred)
    np.linalg.svd(X1 - X1.mean(axis=0), full_matrices=False)


def main() -> None:
    data = draw()
    for threads, ways, repetitions in ((None, (ours, expert, bare), 9), (1, (ours, expert, bare, loop), 5)):
        best: dict[Callable[..., object], float] = {}
        with threadpool_limits(threads, "blas"):
            answers = {way: way(*data) for way in ways}
            for _ in range(repetitions):
                for way in ways:
                    started = time.perf_counter()
                    way(*data)
                    best[way] = min(best.get(way, np.inf), time.perf_counter() - started)
        print(f"BLAS threads: {threads or 'all'}")
        for way in ways:
            line = f"  {way.__name__:8}{1e3 * best[way]:9.1f} ms {best[way] / best[ours]:8.2f} times headwater"
            if way not in (ours, bare):
                line += f"   largest difference in a coefficient {np.abs(answers[way] - answers[ours]).max():.1e}"
            print(line)
        print(f"  headwater over bare work: {best[ours] / best[bare]:.2f}")


if __name__ == "__main__":
    main()
