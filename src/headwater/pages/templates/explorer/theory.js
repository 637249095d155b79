"use strict";
/* Theory: excess risks and best penalties of two ridge tasks, from population numbers alone.

   Both covariances have the eigenvalues k^-alpha scaled to mean 1; w0 has length 1, its energy spread evenly over the
   directions, and w1 = rho w0. The formulas are headwater.theory's (docs/theory.md), by the same fixed point:
   kappa = tau + kappa tr Sigma (Sigma + kappa)^-1 / n. A tau multiplies |w|^2 against the mean squared residual. */

const TAUS = Array.from({ length: 97 }, (_, i) => 10 ** (-6 + i / 8)); // where slopes are scanned for their zeros

/** Eigenvalues k^-alpha scaled to mean 1, equal ones together, and how many there are of each. */
function spectrum(alpha, features) {
  if (alpha === 0) return { values: [1], counts: [features] };
  const values = Array.from({ length: features }, (_, i) => (i + 1) ** -alpha);
  const mean = values.reduce((total, value) => total + value, 0) / features;
  return { values: values.map((value) => value / mean), counts: values.map(() => 1) };
}

/** Both tasks: gamma = p/n0, rho, noises as standard deviations, alpha, features p and the target's samples n1. */
function population({ gamma, rho, sourceNoise, targetSamples, targetNoise, alpha, features }) {
  const shared = { ...spectrum(alpha, features), features };
  const source = { ...shared, samples: features / gamma };
  const target = { ...shared, samples: targetSamples };
  const energy = shared.values.map(() => 1 / features);
  return { source, target, energy, rho, sourceNoise, targetNoise };
}

function dot(first, second) {
  let total = 0;
  for (let j = 0; j < first.length; j += 1) total += first[j] * second[j];
  return total;
}

/** kappa at tau, by Newton's method from the right of the root: it falls to the root, for the equation is convex. */
function effectivePenalty({ values, counts, features, samples }, tau) {
  if (tau === Infinity) return Infinity;
  const surplus = samples - features;
  const linear = surplus / samples - tau;
  const root = Math.hypot(linear, 2 * Math.sqrt(tau));
  let kappa = linear > 0 ? (2 * tau) / (root + linear) : (root - linear) / 2;
  for (let step = Infinity, i = 0; i < 200 && Math.abs(step) > 1e-14 * kappa; i += 1) {
    let [lost, bent] = [0, 0];
    for (let j = 0; j < values.length; j += 1) {
      const share = kappa / (values[j] + kappa);
      lost += counts[j] * share;
      bent += counts[j] * share * (2 - share);
    }
    const value = (kappa * (surplus + lost)) / samples - tau;
    step = value === 0 ? 0 : value / ((surplus + bent) / samples);
    kappa = Math.max(kappa - step, tau);
  }
  return kappa;
}

/** What a ridge at tau does in each direction: lost = kappa / (lambda + kappa), kept = 1 - lost, decay = kept / (lambda
    + kappa), and, as often as the direction occurs, left = lambda lost^2; df2 = tr (Sigma R)^2 / n, slack = 1 - df2, each
    summed free of cancellation. */
function respond(design, tau) {
  const { values, counts, features, samples } = design;
  const kappa = effectivePenalty(design, tau);
  const size = values.length;
  const [lost, kept, decay, left] = [0, 0, 0, 0].map(() => new Float64Array(size));
  let [both, unkept] = [0, 0];
  for (let j = 0; j < size; j += 1) {
    lost[j] = kappa === Infinity ? 1 : kappa / (values[j] + kappa);
    kept[j] = values[j] / (values[j] + kappa);
    decay[j] = kept[j] / (values[j] + kappa);
    left[j] = counts[j] * values[j] * lost[j] ** 2;
    both += counts[j] * kept[j] ** 2;
    unkept += counts[j] * lost[j] * (1 + kept[j]);
  }
  const slack = (samples - features + unkept) / samples;
  return { design, tau, kappa, lost, kept, decay, left, df2: both / samples, slack };
}

/** Excess risk of a ridge for coefficients of these energies: (bias + sigma^2 df2) / (1 - df2). */
function ownRisk({ left, df2, slack }, energy, noise) {
  return (dot(left, energy) + noise ** 2 * df2) / slack;
}

/** A positive multiple of the slope of ownRisk in kappa, as a function of the energies: precise near its zero. */
function ownSlope({ design, tau, kept, decay, left }, noise) {
  const weights = kept.map((share, j) => design.counts[j] * share * decay[j]);
  const weight = weights.reduce((total, one) => total + one);
  const all = left.reduce((total, one) => total + one);
  return (energy) => {
    const mean = dot(weights, energy) / weight;
    return mean * tau - (noise ** 2 + dot(left, energy) - mean * all) / design.samples;
  };
}

function sourceRisk(pop, tau) {
  return ownRisk(respond(pop.source, tau), pop.energy, pop.sourceNoise);
}

/** What the source's fit brings to each direction: E w0hat^2 (square), E (w0hat - w1)^2 (error), its slope in kappa. */
function arrive(pop, tau) {
  const { source, energy, rho, sourceNoise } = pop;
  const { values, counts, samples, features } = source;
  const { kappa, lost, kept, decay, left, slack } = respond(source, tau);
  const scatter = (dot(left, energy) + sourceNoise ** 2) / (samples * slack);
  let growth = 0;
  for (let j = 0; j < values.length; j += 1) {
    growth += (2 * counts[j] * decay[j] * ((values[j] * lost[j]) / features - scatter * kept[j])) / (samples * slack);
  }
  const [square, error, slope] = [0, 0, 0].map(() => new Float64Array(values.length));
  for (let j = 0; j < values.length; j += 1) {
    const bend = decay[j] / (values[j] + kappa);
    square[j] = kept[j] ** 2 / features + scatter * decay[j];
    error[j] = (kept[j] - rho) ** 2 / features + scatter * decay[j];
    slope[j] = (-2 * (kept[j] - rho) * decay[j]) / features + growth * decay[j] - 2 * scatter * bend;
  }
  return { kept, square, error, slope };
}

/** M1, the target's eye for the error that it starts from: lambda lost^2 / (1 - df2), as often as it occurs. */
function metric({ left, slack }) {
  return left.map((one) => one / slack);
}

/** Where f rises through 0, in log tau, by false position; an end that stays is trusted less (the Illinois rule). */
function rising(f, low, high) {
  let [left, right, below, above, last] = [Math.log(low), Math.log(high), f(low), f(high), 0];
  for (let i = 0; i < 100 && right - left > 1e-13 * Math.max(1, Math.abs(left)); i += 1) {
    const middle = i % 4 === 3 ? (left + right) / 2 : (left * above - right * below) / (above - below);
    const value = f(Math.exp(middle));
    if (value === 0) return Math.exp(middle);
    if (value < 0) {
      [left, below, above] = [middle, value, last < 0 ? above / 2 : above];
    } else {
      [right, above, below] = [middle, value, last > 0 ? below / 2 : below];
    }
    last = Math.sign(value);
  }
  return Math.exp((left + right) / 2);
}

/** Of every penalty where a slope turns from falling to rising, and of 0 and infinity, that of least risk. */
function least(slopes, slope, risk) {
  const candidates = [];
  for (let i = 0; i + 1 < TAUS.length; i += 1) {
    if (slopes[i] < 0 && slopes[i + 1] >= 0) candidates.push(rising(slope, TAUS[i], TAUS[i + 1]));
  }
  return [...candidates, 0, Infinity]
    .map((tau) => ({ tau, risk: risk(tau) }))
    .reduce((best, one) => (one.risk < best.risk * (1 - 1e-14) ? one : best));
}

/** The target's best penalty, with its risk, as a function of the energies of the error that it starts from. */
function bestTarget({ target, targetNoise }) {
  const slopes = TAUS.map((tau) => ownSlope(respond(target, tau), targetNoise));
  return (energy) =>
    least(
      slopes.map((slope) => slope(energy)),
      (tau) => ownSlope(respond(target, tau), targetNoise)(energy),
      (tau) => ownRisk(respond(target, tau), energy, targetNoise),
    );
}

/** Excess risk of the target's L2-SP ridge at two penalties. */
function transferRisk(pop, sourceTau, targetTau) {
  return ownRisk(respond(pop.target, targetTau), arrive(pop, sourceTau).error, pop.targetNoise);
}

/** Everything the page says of a population. Penalties may be 0 or Infinity; the target's is at its best for each. */
function answer(pop) {
  const meet = bestTarget(pop);
  const at = (tau) => {
    const arrival = arrive(pop, tau);
    const { tau: targetTau, risk } = meet(arrival.error);
    const seen = metric(respond(pop.target, targetTau));
    return { tau, targetTau, risk, slope: dot(seen, arrival.slope) }; // of the envelope: tau1 is at its best
  };
  const curve = TAUS.map(at);
  const best = least(curve.map((one) => one.slope), (tau) => at(tau).slope, (tau) => at(tau).risk);
  const sourceTau = (pop.source.features / pop.source.samples) * pop.sourceNoise ** 2; // gamma sigma0^2, for any alpha
  const [source, transfer, scratch] = [at(sourceTau), at(best.tau), at(Infinity)];
  return {
    curve: curve.map(({ tau, risk }) => ({ tau, source: sourceRisk(pop, tau), target: risk })),
    sourceTau,
    sourceRisk: sourceRisk(pop, sourceTau),
    transferTau: best.tau,
    ratio: best.tau / sourceTau,
    targetTau: transfer.targetTau,
    risk: transfer.risk,
    riskAtSourceTau: source.risk,
    scratchTau: scratch.targetTau,
    scratchRisk: scratch.risk,
  };
}

/** log10 of tau0* / tau_S* for each gamma (rows) and rho, at one penalty of the target; Infinity: do not transfer.

    The gain is linear in rho: its two parts are found once for each gamma and penalty, and serve every rho. */
function phases(parameters, targetTau, gammas, rhos) {
  const [low, step, count] = [-3, 0.1, 61];
  const seen = metric(respond(population(parameters).target, targetTau));
  return gammas.map((gamma) => {
    const pop = population({ ...parameters, gamma });
    const parts = Array.from({ length: count }, (_, i) => {
      const { kept, square } = arrive(pop, gamma * pop.sourceNoise ** 2 * 10 ** (low + i * step));
      return { perRho: (2 * dot(seen, kept)) / pop.source.features, base: dot(seen, square) };
    });
    return rhos.map((rho) => {
      const gains = parts.map(({ perRho, base }) => rho * perRho - base);
      const i = gains.indexOf(Math.max(...gains));
      return gains[i] > 0 ? low + step * (i + vertex(gains[i - 1], gains[i], gains[i + 1])) : Infinity;
    });
  });
}

/** Where the parabola through three heights at -1, 0 and 1 is highest; 0 at an end, where one is missing. */
function vertex(before, here, after) {
  const bend = before - 2 * here + after;
  return bend < 0 ? (before - after) / (2 * bend) : 0;
}
