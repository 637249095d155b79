"""Monte Carlo of the two ridge fits: what the deterministic equivalents are held against."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import svd

from headwater.theory.checks import Array, penalties, whole
from headwater.theory.population import Population


@dataclass(frozen=True, eq=False, repr=False)
class Simulation:
    """Realised excess risks of every draw; means and standard errors are properties.

    Attributes
    ----------
    source_tau, target_tau : ndarray
        The penalties, in the shapes they were given.
    source_risks, scratch_risks : ndarray (draws, *source_tau.shape), (draws, *target_tau.shape)
    transfer_risks : ndarray (draws, *source_tau.shape, *target_tau.shape)
        Every source penalty with every target penalty.

    Notes
    -----
    Within a draw all risks share their data, so `gain` is a paired difference.

    Examples
    --------
    >>> pop = Population.isotropic(60, 30, 0.5, 1.0, target_samples=20, target_noise=0.5)
    >>> simulate(pop, [1.0, 2.0, 4.0], 0.5, draws=20, seed=1).gains.shape
    (20, 3)
    """

    source_tau: Array
    target_tau: Array
    source_risks: Array
    transfer_risks: Array
    scratch_risks: Array

    @property
    def draws(self) -> int:
        """Number of draws."""
        return len(self.source_risks)

    @property
    def gains(self) -> Array:
        """Scratch risk minus transfer risk, draw by draw."""
        axes = tuple(range(1, 1 + self.source_tau.ndim))
        return np.asarray(np.expand_dims(self.scratch_risks, axes) - self.transfer_risks)

    @property
    def source_risk(self) -> Array:
        """Mean source risk."""
        return _mean(self.source_risks)

    @property
    def source_risk_error(self) -> Array:
        """Standard error of `source_risk`; nan for a single draw."""
        return _standard_error(self.source_risks)

    @property
    def transfer_risk(self) -> Array:
        """Mean transfer risk."""
        return _mean(self.transfer_risks)

    @property
    def transfer_risk_error(self) -> Array:
        """Standard error of `transfer_risk`; nan for a single draw."""
        return _standard_error(self.transfer_risks)

    @property
    def scratch_risk(self) -> Array:
        """Mean scratch risk."""
        return _mean(self.scratch_risks)

    @property
    def scratch_risk_error(self) -> Array:
        """Standard error of `scratch_risk`; nan for a single draw."""
        return _standard_error(self.scratch_risks)

    @property
    def gain(self) -> Array:
        """Mean gain."""
        return _mean(self.gains)

    @property
    def gain_error(self) -> Array:
        """Standard error of `gain`; nan for a single draw."""
        return _standard_error(self.gains)

    def __repr__(self) -> str:
        source, best = self.source_risk.ravel(), self.transfer_risk.min()
        taus = self.source_tau.ravel()
        at = np.unravel_index(self.transfer_risk.argmin(), self.transfer_risk.shape)[: self.source_tau.ndim]
        return (
            f"Simulation({self.draws} draws; least source risk {source.min():.4g} at tau {taus[source.argmin()]:.4g}, "
            f"least transfer risk {best:.4g} at source tau {self.source_tau[at]:.4g})"
        )


def simulate(
    pop: Population,
    source_tau: ArrayLike,
    target_tau: ArrayLike,
    *,
    draws: int = 100,
    seed: int = 0,
    workers: int = 1,
) -> Simulation:
    """Draw both tasks `draws` times, fit source, transfer and scratch at every penalty, and measure the excess risks.

    Parameters
    ----------
    pop : Population
        Vectors of coefficients are kept fixed; a population of energies gets new coefficients of exactly those
        energies in each draw, with independent signs. Sample sizes must be whole.
    source_tau, target_tau : array_like, any shapes
        Each of the one is combined with each of the other; 0 (least norm) and inf included.
    draws, seed : int
    workers : int
        Threads that share the draws. One is the default because the linear algebra library already uses every
        processor: more pay once it is held to one thread (OMP_NUM_THREADS=1). The result depends on the seed alone.

    Returns
    -------
    Simulation

    Raises
    ------
    ValueError
        A penalty is negative or NaN; draws, seed, workers or a sample size is not whole or too small.

    Notes
    -----
    Gaussian designs and noise, no intercept. One decomposition of each design serves all penalties of a draw.

    Examples
    --------
    >>> pop = Population.isotropic(60, 30, 0.5, 1.0, target_samples=20, target_noise=0.5)
    >>> result = simulate(pop, [1.0, 2.0, 4.0], 0.5, draws=20, seed=1)
    >>> result.source_risk.shape, result.transfer_risk.shape, result.scratch_risk.shape
    ((3,), (3,), ())
    """
    source_tau, target_tau = penalties("source_tau", source_tau), penalties("target_tau", target_tau)
    draws, seed = whole("draws", draws), whole("seed", seed, 0)
    workers = whole("workers", workers)
    for name in ("source_samples", "target_samples"):
        if getattr(pop, name) != round(getattr(pop, name)):
            raise ValueError(f"{name} must be whole to be simulated, not {getattr(pop, name):g}")
    seeds = np.random.SeedSequence(seed).spawn(draws)
    with ThreadPoolExecutor(min(workers, draws)) as pool:
        results = list(pool.map(lambda child: _draw(pop, source_tau.ravel(), target_tau.ravel(), child), seeds))
    source, transfer, scratch = (np.stack(risks) for risks in zip(*results, strict=True))
    return Simulation(
        source_tau,
        target_tau,
        source.reshape(draws, *source_tau.shape),
        transfer.reshape(draws, *source_tau.shape, *target_tau.shape),
        scratch.reshape(draws, *target_tau.shape),
    )


def _draw(
    pop: Population, source_tau: Array, target_tau: Array, seed: np.random.SeedSequence
) -> tuple[Array, Array, Array]:
    """Source (S,), transfer (S, T) and scratch (T,) risks of one draw, in eigen-coordinates."""
    axes, generator = pop.axes, np.random.default_rng(seed)
    assert axes is not None
    true, other = _coefficients(pop, generator)
    values, basis, response = _task(axes.source_eigenvalues, pop.source_samples, true, pop.source_noise, generator)
    projected = basis @ (response[:, None] * _inverse(values, source_tau))  # (p, S)
    source = axes.source_eigenvalues @ (projected - true[:, None]) ** 2

    start = np.column_stack([axes.rotate(projected.T).T, np.zeros(len(other))]) - other[:, None]  # (p, S + 1)
    spectrum = axes.target_eigenvalues
    values, basis, noise = _task(spectrum, pop.target_samples, np.zeros_like(other), pop.target_noise, generator)
    seen = basis.T @ start  # (r, S + 1)
    weighted = spectrum[:, None] * start
    inner, gram = basis.T @ weighted, basis.T @ (spectrum[:, None] * basis)
    constant = np.vecdot(start.T, weighted.T)
    risks = np.empty((start.shape[1], len(target_tau)))
    for column, tau in enumerate(target_tau):
        shrink = _inverse(values, np.array([tau]))
        step = shrink * (values[:, None] * seen - noise[:, None])  # what the target's rows correct of the start
        risks[:, column] = constant + np.vecdot(step.T, (gram @ step - 2 * inner).T)
    return source, np.maximum(risks[:-1], 0.0), np.maximum(risks[-1], 0.0)


def _task(
    spectrum: Array, samples: float, true: Array, noise: float, generator: np.random.Generator
) -> tuple[Array, Array, Array]:
    """One decomposed data set: eigenvalues of X'X/n (r,), eigenvectors (p, r), and V'X'y/n (r,)."""
    rows = round(samples)
    design = generator.standard_normal((rows, len(spectrum))) * np.sqrt(spectrum)
    response = design @ true + noise * generator.standard_normal(rows)
    left, singular, right = svd(design, full_matrices=False, overwrite_a=True, check_finite=False)
    kept = singular > max(design.shape) * np.finfo(np.float64).eps * singular[0]
    return singular[kept] ** 2 / rows, right[kept].T, singular[kept] * (left[:, kept].T @ response) / rows


def _inverse(values: Array, tau: Array) -> Array:
    """1/(λ + τ) as (r, taus); zero at τ = ∞."""
    return np.asarray(1 / (values[:, None] + tau))


def _coefficients(pop: Population, generator: np.random.Generator) -> tuple[Array, Array]:
    """w0 in the source's eigenbasis and w1 in the target's."""
    axes = pop.axes
    assert axes is not None
    if pop.source_energy is None:
        source, target = np.asarray(pop.source_weights), np.asarray(pop.target_weights)
        return (
            source if axes.source_vectors is None else axes.source_vectors.T @ source,
            target if axes.target_vectors is None else axes.target_vectors.T @ target,
        )
    energy, cross = np.asarray(pop.source_energy), np.asarray(pop.cross_energy)
    signs = generator.choice([-1.0, 1.0], size=(2, len(energy)))
    source = signs[0] * np.sqrt(energy)
    aligned = np.divide(cross, energy, out=np.zeros_like(cross), where=energy > 0)
    private = np.maximum(np.asarray(pop.target_energy) - axes.spread(aligned * cross), 0.0)
    return source, axes.rotate(aligned * source) + signs[1] * np.sqrt(private)


def _mean(risks: Array) -> Array:
    return np.asarray(risks.mean(axis=0))


def _standard_error(risks: Array) -> Array:
    if len(risks) == 1:
        return np.full(risks.shape[1:], np.nan)
    return np.asarray(risks.std(axis=0, ddof=1) / np.sqrt(len(risks)))
