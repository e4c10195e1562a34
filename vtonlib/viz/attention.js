// Attention, patch by patch: <vton-attention>.
const LOOK = `
:host { max-width: 36rem; }
.bar { display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; margin-bottom: .6rem; }
.bar label { display: inline-flex; align-items: center; gap: .45rem; min-width: 0; }
select { max-width: 12rem; }
input { width: 6.5rem; accent-color: var(--accent); margin: 0; min-height: 24px; }
[type=checkbox] { width: 1.1rem; }
output { min-width: 2.6em; font-variant-numeric: tabular-nums; }
.panes { display: grid; grid-template-columns: 1fr 1fr; gap: .8rem; }
.title { font-weight: 600; margin: 0 0 .2rem; }
.stage { position: relative; display: block; overflow: hidden; border-radius: 4px; background: #fff; }
.stage > * { position: absolute; inset: 0; width: 100%; height: 100%; }
.stage > img { position: static; display: block; height: auto; image-rendering: var(--scaling); }
canvas { image-rendering: pixelated; }
.person .stage, .asking .garment .stage { cursor: crosshair; }
.telling, .ask { display: flex; flex-wrap: wrap; align-items: center; gap: .35rem .6rem; margin: 0 0 .6rem; }
.ask { border-left: 3px solid var(--accent); padding: .15rem 0 .15rem .6rem; min-height: 2.2rem; }
.ask strong { font-weight: 600; }
.asking dl, .asking details, .asking .garment .legend { visibility: hidden; }
.legend { display: flex; flex-wrap: wrap; align-items: center; gap: .1rem .9rem; margin: .35rem 0 0; }
.legend span { display: inline-flex; align-items: center; gap: .35rem; }
.legend svg { width: 18px; height: 18px; overflow: visible; }
.ramp { width: 3.2rem; height: .8rem; border-radius: 2px; border: 1px solid var(--line);
  background: linear-gradient(90deg, rgb(255 255 255 / .84), transparent), repeating-linear-gradient(90deg, #1f83d6 0 5px, #2a9d5c 5px 10px); }
dl { display: flex; flex-wrap: wrap; gap: .5rem 1.4rem; margin: .7rem 0 .4rem;
  border-block: 1px solid var(--line); padding: .5rem 0; }
dt { font-size: .85em; font-weight: 400; } dd { margin: 0; min-width: 4.6rem; white-space: nowrap; font-weight: 600; font-variant-numeric: tabular-nums; }
.said { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
details { margin-top: .4rem; } summary { cursor: pointer; min-height: 24px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin-top: .3rem; }
caption { text-align: left; } th, td { padding: .15rem .7rem .15rem 0; text-align: left; font-weight: 400; white-space: nowrap; }
thead th { border-bottom: 1px solid var(--line); font-weight: 600; }`;
const RING = '<circle r="7" fill="none" stroke="#fff" stroke-width="5"/><circle r="7" fill="none" stroke="#0b4f8a" stroke-width="2.5"/>';
const DIAMOND = '<path d="M0-5.5 5.5 0 0 5.5-5.5 0z" fill="#fff" stroke="#111" stroke-width="2"/>';
const CROSS = ["#fff\" stroke-width=\"6", "#111\" stroke-width=\"2.5"].map((c) => `<path d="M-6-6 6 6M-6 6 6-6" stroke="${c}"/>`).join("");
// Lines around the smallest sets of tokens that hold half and nine tenths of the weight: [share, stroke, width, dashes].
const LINES = [[0.9, "#fff", 3.2, ""], [0.9, "#111", 1.4, "3 3"], [0.5, "#111", 5, ""], [0.5, "#ffb000", 2.4, ""]];
const sample = (share) => `<svg viewBox="-10 -10 20 20" aria-hidden="true">${LINES.filter((l) => l[0] === share)
  .map(([, stroke, width, dashes]) => `<path d="M-10 0h20" stroke="${stroke}" stroke-width="${width}" stroke-dasharray="${dashes}"/>`).join("")}</svg>`;
const icon = (shape) => `<svg viewBox="-10 -10 20 20" aria-hidden="true">${shape}</svg>`;
const BODY = `
<div class="bar">
  <label><span></span> <select name="layer"></select></label>
  <label>training step <input type="range" name="step" min="0" step="1"><output></output></label>
  <label>head <select name="head"></select></label>
  <label>temperature <input type="range" name="temperature" min="-3" max="3" step="0.25"><output></output></label>
  <label><input type="checkbox" name="ask"> ask me first</label>
</div>
<div class="telling" role="group" aria-label="Telling patches"><span>Telling patches:</span></div>
<div class="ask"><span class="question"></span><button data-do="reveal">Show me</button><button data-do="next">Another patch</button><span class="score"></span></div>
<div class="panes">
  <div class="person"><p class="title">person</p>
    <div class="stage" tabindex="0" role="application" aria-label="Person: choose a patch with the arrow keys, Home, End, Page Up, Page Down"><img><svg></svg></div>
    <p class="legend why"></p></div>
  <div class="garment"><p class="title">garment</p>
    <div class="stage"><img><canvas role="img"></canvas><svg aria-hidden="true"></svg></div>
    <p class="legend"><span>faded to clear: 0 <i class="ramp"></i> <b class="top"></b></span>
      <span>${sample(0.5)} half of the weight</span><span>${sample(0.9)} nine tenths</span>
      <span class="has-truth">${icon(RING)} truth</span><span>${icon(DIAMOND)} centre</span><span class="has-guess">${icon(CROSS)} your guess</span></p></div>
</div>
<dl aria-hidden="true"></dl><p class="said" aria-live="polite"></p>
<details><summary>The same in numbers</summary><div class="scroll" tabindex="0" role="group" aria-label="Table of patches"><table></table></div></details>`;

const pair = (q, digits = 1) => `${q.row.toFixed(digits)}, ${q.column.toFixed(digits)}`;
const words = (q, digits) => pair(q, digits).replace(/(.*), /, "row $1, column ");
const far = (a, b) => Math.hypot(a.row - b.row, a.column - b.column);
const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
const percent = (share) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`;

// One stored row as weights. A row is a byte r and a byte c for each key; its logits are -(r / 4) (c / 255)^2.
function softmax(codes, at, n, temperature) {
  const reach = codes[at] / 4 / temperature, p = new Float64Array(n);
  let sum = 0;
  for (let j = 0; j < n; j++) sum += p[j] = Math.exp(-reach * (codes[at + 1 + j] / 255) ** 2);
  return p.map((x) => x / sum);
}

// Expected key (in tokens), entropy (nats) and largest of the weights p over the lattice [h, w].
function measure(p, [, w]) {
  let row = 0, column = 0, entropy = 0, top = 0;
  p.forEach((a, j) => {
    row += a * Math.floor(j / w); column += a * (j % w);
    if (a > 0) entropy -= a * Math.log(a);
    if (a > top) top = a;
  });
  return { row, column, entropy, share: entropy / Math.log(p.length), top };
}

// How much the garment fades at a token, as opacity of white: not at all where the weight is largest.
const veil = (share) => 255 * 0.84 * (1 - Math.sqrt(share));

// The smallest set of tokens that holds `share` of the weights p; tokens of equal weight are in it together.
function heaviest(p, share) {
  const sorted = [...p].sort((a, b) => b - a);
  let sum = 0, k = 0;
  while (k < sorted.length - 1 && (sum += sorted[k]) < share) k++;
  return [...p].map((a) => a >= sorted[k] * (1 - 1e-9));
}

// The outline, as a path in units of cells, of the cells of a lattice [h, w] that are inside.
function outline(inside, [h, w]) {
  const at = (r, c) => r >= 0 && c >= 0 && r < h && c < w && Boolean(inside[r * w + c]);
  let path = "";
  for (let r = 0; r <= h; r++) for (let c = 0; c <= w; c++) {
    if (at(r, c) !== at(r - 1, c)) path += `M${c} ${r}h1`;
    if (at(r, c) !== at(r, c - 1)) path += `M${c} ${r}v1`;
  }
  return path;
}
const stretched = ([h, w], body) => `<svg viewBox="0 0 ${w} ${h}" width="100%" height="100%" preserveAspectRatio="none">${body}</svg>`;
const stroked = (path, stroke, width, dashes = "") => `<path d="${path}" fill="none" stroke="${stroke}" stroke-width="${width}" stroke-dasharray="${dashes}" vector-effect="non-scaling-stroke"/>`;

class Attention extends VtonFigure {
  // What was chosen stays, where it still exists.
  begin(source) {
    const images = source.querySelectorAll("img");
    this.all("img").forEach((img, k) => {
      const from = images[k];
      img.alt = from.alt; img.src = from.src;
      img.style.setProperty("--scaling", from.getAttribute("height") < 200 ? "pixelated" : "auto");
      img.width = from.getAttribute("width"); img.height = from.getAttribute("height"); img.style.width = "100%";
    });
    this.asks ??= this.data.ask;
    this.aim = null;
    this.at("label span").textContent = this.data.choice;
    this.at("[name=ask]").parentNode.hidden = !this.data.ask;
    this.tellings();
    this.choose(this.state ?? { ...this.data.start });
  }

  all(query) { return [...this.shadowRoot.querySelectorAll(query)]; }

  build() {
    super.build();
    const cell = (event, [h, w]) => {
      const box = event.currentTarget.getBoundingClientRect(), bound = (x, n) => Math.min(n - 1, Math.max(0, Math.floor(x * n)));
      return { row: bound((event.clientY - box.top) / box.height, h), column: bound((event.clientX - box.left) / box.width, w) };
    };
    const [person, garment] = this.all(".stage"), point = (event) => this.take(cell(event, this.frame.query));
    person.addEventListener("pointerdown", point);
    person.addEventListener("pointermove", (event) => { if (event.buttons && event.pointerType === "mouse" && !this.asks) point(event); });
    person.addEventListener("keydown", (event) => this.move(event));
    garment.addEventListener("pointerdown", (event) => { if (this.asking) this.answer(cell(event, this.frame.key)); });
    garment.addEventListener("keydown", (event) => this.target(event));
    this.at("[name=ask]").addEventListener("change", (event) => { this.asks = event.target.checked; this.show(); });
    this.at("[data-do=reveal]").addEventListener("click", () => this.answer(null));
    this.at("[data-do=next]").addEventListener("click", () => this.take(this.another()));
    this.at("[name=layer]").addEventListener("change", (event) => this.choose({ layer: event.target.value }));
    this.at("[name=head]").addEventListener("change", (event) => this.choose({ head: event.target.value }));
    this.at("[name=step]").addEventListener("input", (event) => this.choose({ step: this.steps[event.target.value] }));
    this.at("[name=temperature]").addEventListener("input", (event) => this.choose({ temperature: 2 ** event.target.value }));
  }

  move(event) {
    const [h, w] = this.frame.query, { row, column } = this.state;
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    const ends = { Home: [row, 0, 0, 1], End: [row, w - 1, 0, -1], PageUp: [0, column, 1, 0], PageDown: [h - 1, column, -1, 0] }[event.key];
    if (!step && !ends) return;
    event.preventDefault();
    let [r, c, dr, dc] = ends ?? [row + step[0], column + step[1], ...step];
    const inside = () => r >= 0 && c >= 0 && r < h && c < w, first = inside() && { row: r, column: c };
    // Patches that are not stored are passed over; where none follows, the first one says why.
    while (inside() && this.rowOf(r, c) < 0) { r += dr; c += dc; }
    if (inside()) this.choose({ row: r, column: c });
    else if (first) this.take(first);
  }

  // Choose a patch, or say why it cannot be chosen.
  take(patch) {
    const free = this.rowOf(patch.row, patch.column) >= 0;
    this.refused = free ? null : patch;
    if (free) this.choose(patch); else this.mark();
  }

  // Buttons for the telling patches.
  tellings() {
    const box = this.at(".telling"), { telling } = this.data;
    box.hidden = !telling.length;
    box.replaceChildren(box.firstElementChild, ...telling.map((t) => {
      const onclick = () => {
        this.refused = null;
        this.choose({ ...(t.layer && { layer: t.layer }) });
        const [h, w] = this.frame.query, [h0, w0] = this.data.frames[0].query;
        this.choose({ row: Math.floor((t.row + 0.5) / h0 * h), column: Math.floor((t.column + 0.5) / w0 * w) });
      };
      return make("button", { onclick }, t.label);
    }));
  }

  // The guess at a patch, by its place on the person, so that it stays when layer or lattice change.
  get key() { return [(this.state.row + 0.5) / this.frame.query[0], (this.state.column + 0.5) / this.frame.query[1]].join(); }
  get asking() { return Boolean(this.asks && this.truthAt(this.state.row, this.state.column) && !this.guesses.has(this.key)); }

  // Take a guess, or null for none, and show the answer.
  answer(place) {
    const { truth, error } = this.reading(this.state.row, this.state.column);
    this.guesses.set(this.key, place && { ...place, lattice: this.frame.key, own: far(place, truth), theirs: error });
    this.aim = null;
    this.show();
  }

  // The next patch to ask about: patches of known truth in an order that jumps about.
  another() {
    const [h, w] = this.frame.query, n = h * w, from = this.state.row * w + this.state.column;
    const stride = [97, 89, 83, 79].find((k) => n % k) ?? 1;
    let index = from;
    for (let k = 0; k < n; k++) {
      index = (index + stride) % n;
      if (this.truthAt(Math.floor(index / w), index % w)) break;
    }
    return { row: Math.floor(index / w), column: index % w };
  }

  // Arrow keys move the aim over the garment, Enter or Space guesses.
  target(event) {
    if (!this.asking) return;
    const [h, w] = this.frame.key, at = this.aim ?? { row: Math.floor(h / 2), column: Math.floor(w / 2) };
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!step && event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    if (!step) { this.answer(at); return; }
    this.aim = { row: Math.min(h - 1, Math.max(0, at.row + step[0])), column: Math.min(w - 1, Math.max(0, at.column + step[1])) };
    this.show();
    this.at(".said").textContent = `Row ${this.aim.row}, column ${this.aim.column} of the garment. Enter guesses.`;
  }

  get grid() { return this.data.grids[this.frame.query.join("x")]; }

  // Number of the stored row of a patch, -1 where it is not stored.
  rowOf(row, column) {
    const index = row * this.frame.query[1] + column, { truth } = this.grid;
    if (!this.data.masked) return index;
    return truth[index] ? truth.slice(0, index).filter(Boolean).length : -1;
  }

  // The true place of a patch in tokens of the garment; it comes in [-1, 1], from the centre of the first token to that of the last.
  truthAt(row, column) {
    const [h, w] = this.frame.key, xy = this.grid.truth?.[row * this.frame.query[1] + column];
    return xy && { row: (xy[1] + 1) / 2 * (h - 1), column: (xy[0] + 1) / 2 * (w - 1) };
  }

  // Why nobody knows the true place of a patch.
  whyNot(row, column) {
    const { why, reasons } = this.grid, code = why?.[row * this.frame.query[1] + column] ?? -1;
    return code < 0 ? "" : reasons[code];
  }

  choose(change) {
    const { frames } = this.data, want = { ...this.state, ...change }, old = this.frame?.query;
    const layers = [...new Set(frames.map((f) => f.layer))];
    const layer = layers.includes(want.layer) ? want.layer : layers[0];
    const ofLayer = frames.filter((f) => f.layer === layer);
    this.steps = ofLayer.map((f) => f.step);
    this.frame = ofLayer.find((f) => f.step === want.step) ?? ofLayer[ofLayer.length - 1];
    const names = [...(this.frame.mean ? ["mean"] : []), ...this.frame.heads.map((h) => h.name)];
    const head = names.includes(want.head) ? want.head : names[0];
    const [h, w] = this.frame.query, scaled = old && old.join() !== [h, w].join() && !("row" in change);
    let row = Math.min(h - 1, scaled ? Math.floor((want.row + 0.5) / old[0] * h) : want.row);
    let column = Math.min(w - 1, scaled ? Math.floor((want.column + 0.5) / old[1] * w) : want.column);
    if (this.rowOf(row, column) < 0) {
      [row, column] = this.state && !scaled && this.rowOf(this.state.row, this.state.column) >= 0
        ? [this.state.row, this.state.column] : this.grid.patches[0];
    }
    if ("row" in change || scaled) { this.aim = null; this.refused = null; }
    this.state = { layer, step: this.frame.step, head, temperature: want.temperature ?? 1, row, column };
    this.controls(layers, names);
    super.choose();
  }

  controls(layers, names) {
    const fill = (name, values) => {
      const list = this.at(`[name=${name}]`);
      if ([...list.options].map((o) => o.value).join("\n") !== values.join("\n")) list.replaceChildren(...values.map((v) => new Option(v, v)));
      list.value = this.state[name];
      list.parentNode.hidden = values.length < 2;
    };
    fill("layer", layers);
    fill("head", names);
    const slide = (name, value, text) => {
      const input = this.at(`[name=${name}]`);
      input.value = value;
      input.nextElementSibling.textContent = text;
      input.setAttribute("aria-valuetext", text);
    };
    const step = this.at("[name=step]");
    step.max = this.steps.length - 1;
    step.parentNode.hidden = this.steps.length < 2;
    slide("step", this.steps.indexOf(this.state.step), String(this.state.step));
    slide("temperature", Math.log2(this.state.temperature), String(+this.state.temperature.toPrecision(2)));
  }

  weights(row, column) {
    const { heads, key } = this.frame, n = key[0] * key[1], at = this.rowOf(row, column) * (n + 1);
    const used = this.state.head === "mean" ? heads : heads.filter((h) => h.name === this.state.head);
    const rows = used.map((h) => softmax((h.codes ??= decode(h.map)), at, n, this.state.temperature));
    return rows[0].map((_, j) => rows.reduce((sum, p) => sum + p[j], 0) / rows.length);
  }

  // What the chosen attention says of one patch, beside what is true.
  reading(row, column) {
    const p = this.weights(row, column), m = measure(p, this.frame.key), truth = this.truthAt(row, column);
    return { ...m, p, truth, error: truth && far(truth, m) };
  }

  show() {
    const { row, column } = this.state, now = this.reading(row, column), asking = this.asking;
    this.at("figure").classList.toggle("asking", asking);
    this.at(".has-truth").hidden = !now.truth;
    this.at(".top").textContent = percent(now.top);
    this.mark();
    this.cover(now);
    const unknown = this.whyNot(row, column) || "not known";
    const facts = [["patch", pair(this.state, 0)], ["centre", pair(now)], ["truth", now.truth ? pair(now.truth) : unknown],
      ["error", now.truth ? `${now.error.toFixed(1)} tokens` : "-"], ["entropy", `${now.entropy.toFixed(2)} nats, ${percent(now.share)}`]];
    if (!this.grid.truth) facts.splice(2, 2);
    this.at("dl").innerHTML = facts.map(([name, text]) => `<div><dt>${name}</dt><dd>${text}</dd></div>`).join("");
    const truth = now.truth ? `The truth is ${words(now.truth)}: an error of ${now.error.toFixed(1)} tokens. ` : "";
    const said = `The patch at ${words(this.state, 0)} looks at ${words(now)}. ${truth}`
      + `Entropy ${now.entropy.toFixed(2)} nats, ${percent(now.share)} of the maximum ${Math.log(now.p.length).toFixed(2)}. Largest weight ${percent(now.top)}.`;
    const answer = this.question(now);
    this.at(".said").textContent = asking ? answer : [answer, said].filter(Boolean).join(" ");
    this.at("canvas").setAttribute("aria-label", asking ? "The garment, without an answer yet." : `Attention over the garment. ${said}`);
    this.tabulate();
  }

  // What is asked, or answered to a guess, and the score; returns the words.
  question(now) {
    const ask = this.at(".ask"), garment = this.all(".stage")[1], made = this.guesses.get(this.key);
    const told = [...this.guesses.values()].filter(Boolean), asking = this.asking;
    ask.hidden = !this.asks || !this.data.ask;
    this.at("[name=ask]").checked = this.asks;
    this.at("[data-do=reveal]").hidden = !asking;
    this.at("[data-do=next]").hidden = asking;
    const text = asking ? `Where on the garment does the patch at ${words(this.state, 0)} come from? Click there.`
      : made ? `Your guess is ${made.own.toFixed(1)} tokens from the truth; this attention, ${now.error.toFixed(1)}.` : "";
    this.at(".question").textContent = text;
    this.at(".score").textContent = told.length
      ? `Score: you ${mean(told.map((g) => g.own)).toFixed(1)}, attention ${mean(told.map((g) => g.theirs)).toFixed(1)} (${told.length} patch${told.length > 1 ? "es" : ""})` : "";
    const access = { tabindex: "0", role: "application", "aria-label": "Garment: move with the arrow keys, guess with Enter" };
    for (const [name, value] of Object.entries(access)) if (asking) garment.setAttribute(name, value); else garment.removeAttribute(name);
    this.at(".has-guess").hidden = !made;
    return ask.hidden ? "" : text;
  }

  // The person: where the truth is known, the chosen patch, and one that was refused, with the reason.
  mark() {
    const [h, w] = this.frame.query, { row, column } = this.state, edge = this.grid.truth ? outline(this.grid.truth, [h, w]) : "";
    const box = (q, stroke, width, dashes = "") => `<rect x="${q.column / w * 100}%" y="${q.row / h * 100}%" width="${100 / w}%" height="${100 / h}%" fill="none" stroke="${stroke}" stroke-width="${width}" stroke-dasharray="${dashes}"/>`;
    const no = this.refused, here = { row, column };
    this.at(".person svg").innerHTML = stretched([h, w], stroked(edge, "#111", 2.5) + stroked(edge, "#fff", 1))
      + box(here, "#111", 6) + box(here, "#fff", 3.5) + box(here, "#e66100", 2) + (no ? box(no, "#fff", 3) + box(no, "#111", 1.5, "3 3") : "");
    const text = no ? `The patch at ${words(no, 0)} cannot be chosen: ${this.whyNot(no.row, no.column)}.`
      : "Click a patch, or use the arrow keys. Positions are row, column.";
    this.at(".why").textContent = text;
    if (no) this.at(".said").textContent = text;
  }

  // The garment: faded where no weight is, with lines, centre, truth and guess; or the aim, while the reader is asked.
  cover(now) {
    const { key } = this.frame, [kh, kw] = key, asking = this.asking, over = this.at(".garment .stage > svg");
    paint(this.at("canvas"), key, (k) => [255, 255, 255, asking ? 0 : veil(now.p[k] / now.top)]);
    const spot = (q, shape, [h, w] = key) => `<svg x="${(q.column + 0.5) / w * 100}%" y="${(q.row + 0.5) / h * 100}%" overflow="visible">${shape}</svg>`;
    if (asking) { over.innerHTML = this.aim ? spot(this.aim, CROSS) : ""; return; }
    const ends = now.truth && ["column", "row"].flatMap((k, i) => [now, now.truth].map((q, j) => `${"xy"[i]}${j + 1}="${(q[k] + 0.5) / (i ? kh : kw) * 100}%"`)).join(" ");
    const link = (stroke, width) => `<line ${ends} stroke="${stroke}" stroke-width="${width}"/>`, made = this.guesses.get(this.key);
    const lines = LINES.map(([share, ...look]) => stroked(outline(heaviest(now.p, share), key), ...look)).join("");
    over.innerHTML = stretched(key, lines) + (made ? spot(made, CROSS, made.lattice) : "")
      + (now.truth ? link("#fff", 4) + link("#111", 1.5) + spot(now.truth, RING) : "") + spot(now, DIAMOND);
  }

  tabulate() {
    const { layer, step, head, temperature } = this.state, truth = Boolean(this.grid.truth);
    const title = [this.data.frames.length > 1 && layer, step !== null && `step ${step}`, `head: ${head}`, `temperature ${+temperature.toPrecision(2)}`];
    const rows = this.grid.patches.map(([r, c]) => {
      const q = this.reading(r, c), known = q.truth ? [pair(q.truth), q.error.toFixed(1)] : ["not known", "-"];
      return [`${r}, ${c}`, pair(q), ...(truth ? known : []), q.entropy.toFixed(2), percent(q.share)];
    });
    const names = ["patch", "centre", ...(truth ? ["truth", "error (tokens)"] : []), "entropy (nats)", "of its maximum"];
    this.at("table").innerHTML = `<caption></caption><thead><tr>${names.map((n) => `<th scope="col">${n}</th>`).join("")}</tr></thead><tbody>`
      + rows.map(([first, ...rest]) => `<tr><th scope="row">${first}</th>${rest.map((v) => `<td>${v}</td>`).join("")}</tr>`).join("") + "</tbody>";
    this.at("caption").textContent = `${title.filter(Boolean).join(", ")}. Positions are (row, column), counted from 0.`;
  }
}
define("vton-attention", Attention, BODY, LOOK);

