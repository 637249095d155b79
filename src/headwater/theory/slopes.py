"""Where risks rise or fall with the penalty: derivatives in κ, written so that their roots keep full precision."""

from __future__ import annotations

import numpy as np

from headwater.theory.checks import Array
from headwater.theory.design import Design, Response
from headwater.theory.equivalents import Arrival, retained_bias
from headwater.theory.population import Population


def own_slope(design: Design, response: Response, energy: Array, noise: float) -> Array:
    """A positive multiple of d own_risk/dκ, (...); `energy` (..., k) broadcasts against the response.

    With ē the mean energy under weights λ²/(λ+κ)³, the derivative has the sign of
    ē τ − σ²/n − (1/n) Σ (energy − ē) λ lost²: at constant energy its only root is τ = σ²/(n ē), to the last digit.
    """
    reference = energy[..., :1]
    deviation = energy - reference
    weight = design.count * response.kept * response.decay
    shift = np.vecdot(weight, deviation) / weight.sum(axis=-1)
    lost = design.count * design.eigenvalues * response.lost**2
    excess = np.vecdot(lost, deviation) - shift * lost.sum(axis=-1)
    return np.asarray((reference[..., 0] + shift) * response.tau - (noise**2 + excess) / design.samples)


def transfer_slope(pop: Population, arrival: Arrival, seen: Array) -> Array:
    """d/dκ0 of E (ŵ0 − w1)'M(ŵ0 − w1) at fixed M, (...); `seen` (..., k) is M on the target's directions.

    With w1 = w0 and energies constant the derivative is (ā τ − σ²/n) times a positive sum: the part of it that the
    reference energy ā explains is written so, which keeps the root exact down to τ → 0. At τ above the spectrum the
    same terms cancel, and the plain derivative is the accurate one.
    """
    directions, response = pop.directions, arrival.response
    reference = float(directions.source_energy[0])
    deviation = directions.source_energy - reference
    gap = np.vecdot(seen, directions.with_gap(response.decay))
    excess = np.vecdot(seen, directions.product(response.lost, response.decay, reference))
    bend = np.vecdot(seen, directions.spread(response.bend))
    spread = np.vecdot(seen, arrival.spread)
    rise = 2 * _third(directions.source, response) / (pop.source_samples * response.slack)
    explained = reference * response.tau - pop.source_noise**2 / pop.source_samples
    near = 2 * (excess - gap) + explained * (2 * bend + rise * spread) / response.slack
    near = near + _scatter_slope(pop, response, deviation, 0.0, spread, bend, rise)
    return np.where(
        response.tau < directions.source.largest,
        near,
        square_slope(pop, arrival, seen) - 2 * cross_slope(pop, arrival, seen),
    )


def square_slope(pop: Population, arrival: Arrival, seen: Array) -> Array:
    """d/dκ0 of E ŵ0'Mŵ0, (...)."""
    directions, response = pop.directions, arrival.response
    spread = np.vecdot(seen, arrival.spread)
    bend = np.vecdot(seen, directions.spread(response.bend))
    rise = 2 * _third(directions.source, response) / (pop.source_samples * response.slack)
    mean = -2 * np.vecdot(seen, directions.product(response.kept, response.decay))
    return np.asarray(
        mean + _scatter_slope(pop, response, directions.source_energy, pop.source_noise, spread, bend, rise)
    )


def cross_slope(pop: Population, arrival: Arrival, seen: Array) -> Array:
    """d/dκ0 of E[ŵ0]'Mw1, (...)."""
    return np.asarray(-np.vecdot(seen, pop.directions.with_target(arrival.response.decay)))


def _scatter_slope(
    pop: Population, response: Response, energy: Array, noise: float, spread: Array, bend: Array, rise: Array
) -> Array:
    """d/dκ of (Σ λ lost² energy + noise²) · spread / (n D), with spread' = −2 bend and D'/D = rise."""
    design = pop.directions.source
    scatter = retained_bias(design, response, energy) + noise**2
    growth = 2 * (response.lost * response.kept**2 * energy) @ design.count
    total = growth * spread - scatter * (2 * bend + spread * rise)
    return np.asarray(total / (pop.source_samples * response.slack))


def _third(design: Design, response: Response) -> Array:
    return np.asarray((response.kept * response.decay) @ design.count)
