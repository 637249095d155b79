/* Page: sliders to parameters, parameters to answers, answers to words, figures and tables. */

const FEATURES = @FEATURES@;
const GAMMAS = Array.from({ length: 33 }, (_, i) => 2 ** (-3 + i * 0.1875));
const RHOS = Array.from({ length: 51 }, (_, i) => Number((-0.5 + i * 0.05).toFixed(2)));
const SCALES = { linear: (value) => value, log2: (value) => 2 ** value, rows: (value) => Math.round(10 ** value) };
const byId = (id) => document.getElementById(id);
const sliders = [...document.querySelectorAll("input[type=range]")];

/** What the sliders say. */
function parameters() {
  const told = sliders.map((slider) => [slider.id, SCALES[slider.dataset.scale](slider.valueAsNumber)]);
  return { features: FEATURES, ...Object.fromEntries(told) };
}

/** The verdict: first what to do, then what it is worth. */
function verdict({ ratio, transferTau, risk, riskAtSourceTau, scratchRisk }) {
  if (transferTau === Infinity) {
    return [
      "Do not transfer: at no source penalty is the source worth starting from.",
      `The target's excess risk from scratch is ${short(scratchRisk)}; a source tuned for itself would make it ${short(riskAtSourceTau)}.`,
    ];
  }
  const hurts = riskAtSourceTau > scratchRisk * (1 + 1e-9) ? ": that one would hurt" : ""; // beyond rounding
  const worth =
    `The target's excess risk is then ${short(risk)}, against ${short(riskAtSourceTau)} with the source tuned for ` +
    `itself${hurts}, and ${short(scratchRisk)} from scratch.`;
  if (Math.abs(Math.log(ratio)) < 1e-6) {
    const same = `The target's excess risk is then ${short(risk)}, against ${short(scratchRisk)} from scratch.`;
    return ["Train the source as is best for itself: that is best for its downstream too.", same];
  }
  if (transferTau === 0) return ["Train the source without any penalty, though one would be best for itself.", worth];
  const how = ratio > 1 ? "stronger" : "weaker";
  return [`Train the source with a ${how} penalty than is best for itself: ${short(ratio)} times as strong.`, worth];
}

function fillTable(id, head, body) {
  const row = (cells, name) =>
    cells.reduce((made, cell, i) => {
      const one = document.createElement(i === 0 || name === "head" ? "th" : "td");
      if (one.tagName === "TH") one.scope = name === "head" ? "col" : "row";
      one.textContent = cell;
      made.append(one);
      return made;
    }, document.createElement("tr"));
  const table = byId(id);
  table.tHead.replaceChildren(...(head ? [row(head, "head")] : []));
  table.tBodies[0].replaceChildren(...body.map((cells) => row(cells, "body")));
}

function update() {
  const told = parameters();
  for (const slider of sliders) {
    const value = short(told[slider.id]);
    slider.setAttribute("aria-valuetext", value);
    byId(`${slider.id}-value`).textContent = value;
  }
  const result = answer(population(told));
  const [what, worth] = verdict(result);
  byId("verdict").textContent = what;
  byId("worth").textContent = worth;
  fillTable("numbers", null, [
    ["Best penalty for the source itself, τ_S*", short(result.sourceTau)],
    ["Best penalty for its downstream, τ0*", short(result.transferTau)],
    ["Their ratio", short(result.ratio)],
    ["The target's own penalty beside τ0*", short(result.targetTau)],
    ["The target's excess risk with τ0*", short(result.risk)],
    ["The same with τ_S*", short(result.riskAtSourceTau)],
    ["The same from scratch", short(result.scratchRisk)],
  ]);
  drawRisks(byId("risks"), result);
  byId("risks").setAttribute(
    "aria-label",
    `Excess risks over the source's penalty. The source's is least at ${short(result.sourceTau)}, ` +
      `the target's at ${short(result.transferTau)}.`,
  );
  const decades = result.curve.filter(({ tau }, i) => i % 8 === 0 && tau > RANGE[0] * 0.99 && tau < RANGE[1] * 1.01);
  fillTable(
    "risk-numbers",
    ["τ", "source", "target"],
    decades.map(({ tau, source, target }) => [tau, source, target].map(short)),
  );
  drawPhases(byId("phases"), { grid: phases(told, result.targetTau, GAMMAS, RHOS), gammas: GAMMAS, rhos: RHOS }, told.gamma, told.rho);
  byId("phases").setAttribute(
    "aria-label",
    `The ratio of both optima over alignment and features per source row. Here, at ρ = ${short(told.rho)} and ` +
      `γ = ${short(told.gamma)}, it is ${short(result.ratio)}.`,
  );
  const [few, some] = [[0.25, 0.5, 1, 2, 4], [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5]];
  const ratios = phases(told, result.targetTau, few, some);
  fillTable(
    "phase-numbers",
    ["γ", ...some.map((rho) => `ρ = ${rho}`)],
    few.map((gamma, i) => [short(gamma), ...ratios[i].map((log) => (log === Infinity ? "scratch" : short(10 ** log)))]),
  );
}

let waiting = false;
function updateSoon() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    update();
  });
}

sliders.forEach((slider) => slider.addEventListener("input", updateSoon));
new ResizeObserver(updateSoon).observe(byId("risks"));
update();
