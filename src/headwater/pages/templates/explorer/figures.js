/* Figures: both of the page's, as SVG elements made anew for every state. Colours are the style sheet's. */

const RANGE = [1e-3, 1e3]; // of the penalties that are drawn

/** An SVG element with attributes and children, a string being text. */
function svg(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function text(x, y, words, attributes = {}) {
  return svg("text", { x, y, ...attributes }, words);
}

/** A number to three digits, as a person writes it. */
function short(value) {
  if (value === Infinity) return "∞";
  if (value === 0) return "0";
  const digits = Math.abs(value) >= 1e5 || Math.abs(value) < 1e-4 ? value.toExponential(2) : value.toPrecision(3);
  return String(Number(digits)).replace("e", " · 10^").replace("+", "").replaceAll("-", "−");
}

/** Five or so round numbers from low to high. */
function ticks(low, high) {
  const size = 10 ** Math.floor(Math.log10((high - low) / 4));
  const step = size * [1, 2, 5, 10].find((factor) => (high - low) / (size * factor) <= 5);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(6)));
}

/** Source and target risk over the source's penalty, one panel each, with both optima through both of them. */
function drawRisks(place, result) {
  const width = place.clientWidth;
  const [left, right, height, gap] = [48, width - 12, 170, 84];
  const [from, to] = RANGE.map(Math.log10);
  const x = (tau) => left + ((Math.min(Math.max(Math.log10(tau), from), to) - from) / (to - from)) * (right - left);
  const shown = result.curve.filter(({ tau }) => tau > RANGE[0] * 0.99 && tau < RANGE[1] * 1.01);
  const panels = [
    { title: "Source: excess risk on its own task", key: "source", level: null, best: result.sourceRisk, tone: "first" },
    { title: "Target: excess risk from this source", key: "target", level: result.scratchRisk, best: result.risk, tone: "second" },
  ];
  const whole = 2 * height + gap + 90;
  const picture = svg("svg", { width, height: whole, viewBox: `0 0 ${width} ${whole}` });
  panels.forEach(({ title, key, level, best, tone }, i) => {
    const top = 40 + i * (height + gap);
    const values = shown.map((one) => one[key]);
    const last = values[values.length - 1];
    const highest = Math.min(Math.max(...values), best + 1.6 * (Math.max(level ?? last, last) - best) + 0.2 * best);
    const [low, high] = [best - 0.15 * (highest - best), highest + 0.05 * (highest - best)];
    const y = (risk) => top + height - ((risk - low) / (high - low)) * height;
    picture.append(text(left, top - 22, title, { class: "title" }));
    for (const tick of ticks(low, high)) {
      picture.append(svg("line", { x1: left, x2: right, y1: y(tick), y2: y(tick), class: "grid" }));
      picture.append(text(left - 6, y(tick) + 4, short(tick), { "text-anchor": "end" }));
    }
    for (let decade = from; decade <= to; decade += 1) {
      const at = x(10 ** decade);
      picture.append(svg("line", { x1: at, x2: at, y1: top + height, y2: top + height + 5, class: "axis" }));
      picture.append(text(at, top + height + 18, short(10 ** decade), { "text-anchor": decade === to ? "end" : "middle" }));
    }
    picture.append(svg("line", { x1: left, x2: right, y1: top + height, y2: top + height, class: "axis" }));
    if (level !== null && level <= high) {
      picture.append(svg("line", { x1: left, x2: right, y1: y(level), y2: y(level), class: "level" }));
      const near = x(result.transferTau) < (left + right) / 2; // then the words stand at the other end
      const at = near ? { x: right, "text-anchor": "end" } : { x: left + 6 };
      picture.append(svg("text", { ...at, y: y(level) - 5 }, "from scratch"));
    }
    const clip = svg("clipPath", { id: `inside-${key}` }, svg("rect", { x: left, y: top, width: right - left, height }));
    const points = shown.map((one) => `${x(one.tau)},${Math.max(y(one[key]), top - height)}`).join(" ");
    picture.append(clip, svg("polyline", { points, class: `curve ${tone}`, "clip-path": `url(#inside-${key})` }));
    for (const [tau, risk, shape] of [
      [result.sourceTau, key === "source" ? result.sourceRisk : result.riskAtSourceTau, "first"],
      [result.transferTau, key === "source" ? null : result.risk, "second"],
    ]) {
      const at = x(tau);
      picture.append(svg("line", { x1: at, x2: at, y1: top, y2: top + height, class: `optimum ${shape}` }));
      if (risk !== null && risk <= high) {
        const mark = { class: `mark ${shape}` };
        if (shape === "first") picture.append(svg("circle", { cx: at, cy: y(risk), r: 5, ...mark }));
        else picture.append(svg("rect", { x: at - 5, y: y(risk) - 5, width: 10, height: 10, ...mark }));
      }
    }
    const [tau, name] = i === 0 ? [result.sourceTau, "τ_S*"] : [result.transferTau, "τ0*"];
    const [before, after] = [tau < RANGE[0] ? "← " : "", tau > RANGE[1] ? " →" : ""];
    const end = x(tau) > (left + right) / 2;
    const where = { "text-anchor": end ? "end" : "start", class: `name ${tone}` };
    picture.append(text(x(tau) + (end ? 4 : -4), top - 5, `${before}${name} = ${short(tau)}${after}`, where));
  });
  picture.append(text((left + right) / 2, whole - 10, "source penalty τ", { "text-anchor": "middle" }));
  place.replaceChildren(picture);
}

/** The ratio of both optima over alignment and features per source sample, the present population marked in it. */
function drawPhases(place, { grid, gammas, rhos }, gamma, rho) {
  const width = place.clientWidth;
  const [left, right, top, height] = [48, width - 12, 8, 260];
  const edge = (values, i) => (i === 0 ? values[0] : (values[i - 1] + values[Math.min(i, values.length - 1)]) / 2);
  const scale = (from, to, low, high) => (value) => low + ((value - from) / (to - from)) * (high - low);
  const x = scale(rhos[0], rhos[rhos.length - 1], left, right);
  const logs = gammas.map(Math.log2);
  const y = scale(logs[0], logs[logs.length - 1], top + height, top);
  const picture = svg("svg", { width, height: height + 104, viewBox: `0 0 ${width} ${height + 104}` });
  grid.forEach((row, i) => {
    const [low, high] = [y(edge(logs, i)), y(i + 1 < logs.length ? edge(logs, i + 1) : logs[i])];
    for (let j = 0, start = 0; j < row.length; j += 1) {
      if (j + 1 < row.length && colour(row[j + 1]) === colour(row[start])) continue;
      const [from, to] = [x(edge(rhos, start)), x(j + 1 < rhos.length ? edge(rhos, j + 1) : rhos[j])];
      const box = { x: from, y: high, width: to - from + 0.5, height: low - high + 0.5 };
      picture.append(svg("rect", { ...box, style: `fill: ${colour(row[start])}` }));
      start = j + 1;
    }
  });
  picture.append(svg("line", { x1: x(1), x2: x(1), y1: top, y2: top + height, class: "level" }));
  picture.append(svg("rect", { x: left, y: top, width: right - left, height, class: "frame" }));
  for (const [at, words] of [[-0.25, "scratch"], [0.5, "harder"], [1.5, "softer"]]) {
    picture.append(text(x(at), top + height - 10, words, { "text-anchor": "middle", class: "over" }));
  }
  for (const tick of [0, 0.5, 1, 1.5, 2]) {
    picture.append(text(x(tick), top + height + 18, short(tick), { "text-anchor": tick === 2 ? "end" : "middle" }));
  }
  for (const tick of [0.125, 0.25, 0.5, 1, 2, 4, 8]) {
    picture.append(text(left - 6, y(Math.log2(tick)) + 4, short(tick), { "text-anchor": "end" }));
  }
  picture.append(text((left + right) / 2, top + height + 38, "alignment ρ", { "text-anchor": "middle" }));
  const middle = top + height / 2;
  picture.append(text(12, middle, "γ = p/n0", { "text-anchor": "middle", transform: `rotate(-90 12 ${middle})` }));
  picture.append(svg("circle", { cx: x(rho), cy: y(Math.log2(gamma)), r: 7, class: "here" }));
  const strip = ["≤ 1/16", "1/8", "1/4", "1/2", "1", "2", "4", "8", "≥ 16"];
  const size = (right - left) / strip.length;
  strip.forEach((words, i) => {
    const [at, under] = [left + i * size, top + height + 54];
    const style = `fill: ${colour((i - 4) * Math.log10(2))}`;
    picture.append(svg("rect", { x: at, y: under, width: size, height: 12, style }));
    picture.append(text(at + size / 2, under + 28, words, { "text-anchor": "middle" }));
  });
  picture.append(svg("rect", { x: left, y: top + height + 54, width: right - left, height: 12, class: "frame" }));
  place.replaceChildren(picture);
}

/** Orange where the downstream wants a harder source, blue where a softer, paler the less; grey without transfer. */
function colour(value) {
  if (value === Infinity) return "var(--line)";
  const share = Math.round(Math.min(Math.abs(value) / Math.log10(16), 1) * 20) * 5;
  return `color-mix(in srgb, var(--${value > 0 ? "second" : "first"}) ${share}%, var(--paper))`;
}
