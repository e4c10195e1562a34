// Attention, patch by patch: <vton-attention>. No import and no request, so that it works from a file.
// A page inlines this script; in a live notebook anywidget loads it with live.js behind it.
const STYLE = `
:host { display: block; max-width: 36rem; margin: 1rem auto; color: inherit; font: inherit;
  --line: color-mix(in srgb, currentColor 30%, transparent);
  --accent: var(--pst-color-link, var(--jp-content-link-color, #1f83d6)); }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
figure { margin: 0; font-size: .9em; line-height: 1.4; }
.bar { display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; margin-bottom: .6rem; }
.bar label { display: inline-flex; align-items: center; gap: .45rem; min-width: 0; }
select { font: inherit; color: inherit; background: var(--pst-color-background, Canvas); max-width: 12rem;
  border: 1px solid var(--line); border-radius: 4px; padding: .15em .3em; }
input { width: 6.5rem; accent-color: var(--accent); margin: 0; min-height: 24px; }
output { min-width: 2.6em; font-variant-numeric: tabular-nums; }
.panes { display: grid; grid-template-columns: 1fr 1fr; gap: .8rem; }
.title { font-weight: 600; margin: 0 0 .2rem; }
.stage { position: relative; display: block; overflow: hidden; border-radius: 4px; background: #fff; }
.stage > * { position: absolute; inset: 0; width: 100%; height: 100%; }
.stage > img { position: static; display: block; height: auto; image-rendering: var(--scaling); }
.garment img { filter: saturate(.35) contrast(.7) brightness(1.12); }
canvas { image-rendering: pixelated; }
.person .stage { cursor: crosshair; }
.stage:focus-visible, select:focus-visible, input:focus-visible, summary:focus-visible {
  outline: 3px solid var(--accent); outline-offset: 2px; }
.legend { display: flex; flex-wrap: wrap; align-items: center; gap: .1rem .9rem; margin: .35rem 0 0; }
.legend span { display: inline-flex; align-items: center; gap: .35rem; }
.legend svg { width: 18px; height: 18px; overflow: visible; }
.ramp { width: 3.2rem; height: .7rem; border-radius: 2px; border: 1px solid var(--line);
  background: linear-gradient(90deg, #fff, #ffc06a 25%, #e66100 60%, #7a1e00); }
dl { display: flex; flex-wrap: wrap; gap: .5rem 1.4rem; margin: .7rem 0 .4rem;
  border-block: 1px solid var(--line); padding: .5rem 0; }
dt { font-size: .85em; font-weight: 400; } dd { margin: 0; min-width: 4.6rem; white-space: nowrap; font-weight: 600; font-variant-numeric: tabular-nums; }
.said { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
details { margin-top: .4rem; } summary { cursor: pointer; min-height: 24px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin-top: .3rem; }
caption { text-align: left; } th, td { padding: .15rem .7rem .15rem 0; text-align: left; font-weight: 400; white-space: nowrap; }
thead th { border-bottom: 1px solid var(--line); font-weight: 600; }
figcaption { margin-top: .6rem; }`;
const RING = '<circle r="7" fill="none" stroke="#fff" stroke-width="5"/><circle r="7" fill="none" stroke="#0b4f8a" stroke-width="2.5"/>';
const DIAMOND = '<path d="M0-5.5 5.5 0 0 5.5-5.5 0z" fill="#fff" stroke="#111" stroke-width="2"/>';
const icon = (shape) => `<svg viewBox="-10 -10 20 20" aria-hidden="true">${shape}</svg>`;
const SHELL = `<style>${STYLE}</style><figure>
<div class="bar">
  <label>layer <select name="layer"></select></label>
  <label>training step <input type="range" name="step" min="0" step="1"><output></output></label>
  <label>head <select name="head"></select></label>
  <label>temperature <input type="range" name="temperature" min="-3" max="3" step="0.25"><output></output></label>
</div>
<div class="panes">
  <div class="person"><p class="title">person</p>
    <div class="stage" tabindex="0" role="application" aria-label="Person: choose a patch with the arrow keys, Home, End, Page Up, Page Down"><img><svg></svg></div>
    <p class="legend">Click a patch, or use the arrow keys. Positions are row, column.</p></div>
  <div class="garment"><p class="title">garment</p>
    <div class="stage"><img><canvas role="img"></canvas><svg aria-hidden="true"></svg></div>
    <p class="legend"><span>0 <i class="ramp"></i> <b class="top"></b></span><span class="has-truth">${icon(RING)} truth</span><span>${icon(DIAMOND)} centre</span></p></div>
</div>
<dl aria-hidden="true"></dl><p class="said" aria-live="polite"></p>
<details><summary>The same in numbers</summary><div class="scroll" tabindex="0" role="group" aria-label="Table of patches"><table></table></div></details>
<figcaption></figcaption></figure>`;

const decode = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const pair = (q, digits = 1) => `${q.row.toFixed(digits)}, ${q.column.toFixed(digits)}`;
const words = (q, digits) => pair(q, digits).replace(/(.*), /, "row $1, column ");
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

const STOPS = [[0, 255, 205, 130, 0], [0.25, 255, 192, 106, 0.8], [0.6, 230, 97, 0, 0.92], [1, 122, 30, 0, 0.96]];
function colour(t) {
  const k = Math.max(1, STOPS.findIndex((s) => t <= s[0])), [a, b] = [STOPS[k - 1], STOPS[k]], f = (t - a[0]) / (b[0] - a[0]);
  return [1, 2, 3].map((i) => a[i] + f * (b[i] - a[i])).concat(255 * (a[4] + f * (b[4] - a[4])));
}

class Attention extends HTMLElement {
  connectedCallback() { if (!this.shadowRoot) this.load(this); }

  // Show what `source` holds: a script of JSON, two images, a caption. What was chosen stays, where it still exists.
  load(source) {
    this.data = JSON.parse(source.querySelector("script").textContent);
    if (!this.shadowRoot) this.build();
    const [person, garment] = source.querySelectorAll("img"), caption = source.querySelector("figcaption");
    this.all("img").forEach((img, k) => {
      const from = [person, garment][k];
      img.alt = from.alt; img.src = from.src;
      img.style.setProperty("--scaling", from.getAttribute("height") < 200 ? "pixelated" : "auto");
      img.width = from.getAttribute("width"); img.height = from.getAttribute("height"); img.style.width = "100%";
    });
    this.at("figcaption").textContent = caption ? caption.textContent : "";
    this.choose(this.state ?? { ...this.data.start });
  }

  build() {
    this.attachShadow({ mode: "open" }).innerHTML = SHELL;
    this.at = (query) => this.shadowRoot.querySelector(query);
    this.all = (query) => [...this.shadowRoot.querySelectorAll(query)];
    const stage = this.at(".person .stage");
    const point = (event) => {
      const box = stage.getBoundingClientRect(), [h, w] = this.frame.query;
      const cell = (x, n) => Math.min(n - 1, Math.max(0, Math.floor(x * n)));
      this.choose({ row: cell((event.clientY - box.top) / box.height, h), column: cell((event.clientX - box.left) / box.width, w) });
    };
    stage.addEventListener("pointerdown", point);
    stage.addEventListener("pointermove", (event) => { if (event.buttons && event.pointerType === "mouse") point(event); });
    stage.addEventListener("keydown", (event) => this.press(event));
    this.at("[name=layer]").addEventListener("change", (event) => this.choose({ layer: event.target.value }));
    this.at("[name=head]").addEventListener("change", (event) => this.choose({ head: event.target.value }));
    this.at("[name=step]").addEventListener("input", (event) => this.choose({ step: this.steps[event.target.value] }));
    this.at("[name=temperature]").addEventListener("input", (event) => this.choose({ temperature: 2 ** event.target.value }));
  }

  press(event) {
    const [h, w] = this.frame.query, { row, column } = this.state;
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    const ends = { Home: [row, 0, 0, 1], End: [row, w - 1, 0, -1], PageUp: [0, column, 1, 0], PageDown: [h - 1, column, -1, 0] }[event.key];
    if (!step && !ends) return;
    event.preventDefault();
    let [r, c, dr, dc] = ends ?? [row + step[0], column + step[1], ...step];
    // Patches that are not stored are passed over.
    while (r >= 0 && c >= 0 && r < h && c < w && this.rowOf(r, c) < 0) { r += dr; c += dc; }
    if (r >= 0 && c >= 0 && r < h && c < w) this.choose({ row: r, column: c });
  }

  get grid() { return this.data.grids[this.frame.query.join("x")]; }

  // Number of the stored row of a patch, -1 where it is not stored.
  rowOf(row, column) {
    const index = row * this.frame.query[1] + column, { truth } = this.grid;
    if (!this.data.masked) return index;
    return truth[index] ? truth.slice(0, index).filter(Boolean).length : -1;
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
    this.state = { layer, step: this.frame.step, head, temperature: want.temperature ?? 1, row, column };
    this.controls(layers, names);
    this.show();
    this.dispatchEvent(new CustomEvent("vton-change", { detail: { ...this.state } }));
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

  // What is known of one patch; the truth comes in [-1, 1], from the centre of the first token to that of the last.
  reading(row, column) {
    const [h, w] = this.frame.key, p = this.weights(row, column), m = measure(p, [h, w]);
    const xy = this.grid.truth?.[row * this.frame.query[1] + column];
    const truth = xy && { row: (xy[1] + 1) / 2 * (h - 1), column: (xy[0] + 1) / 2 * (w - 1) };
    return { ...m, p, truth, error: truth && Math.hypot(truth.row - m.row, truth.column - m.column) };
  }

  show() {
    const { row, column } = this.state, now = this.reading(row, column), most = Math.log(now.p.length).toFixed(2);
    this.at(".has-truth").hidden = !now.truth;
    this.at(".top").textContent = percent(now.top);
    this.paint(now);
    const facts = [["patch", pair(this.state, 0)], ["centre", pair(now)], ["truth", now.truth ? pair(now.truth) : "not known"],
      ["error", now.truth ? `${now.error.toFixed(1)} tokens` : "-"], ["entropy", `${now.entropy.toFixed(2)} nats, ${percent(now.share)}`]];
    if (!this.grid.truth) facts.splice(2, 2);
    this.at("dl").innerHTML = facts.map(([name, text]) => `<div><dt>${name}</dt><dd>${text}</dd></div>`).join("");
    const truth = now.truth ? `The truth is ${words(now.truth)}: an error of ${now.error.toFixed(1)} tokens. ` : "";
    const said = `The patch at ${words(this.state, 0)} looks at ${words(now)}. ${truth}`
      + `Entropy ${now.entropy.toFixed(2)} nats, ${percent(now.share)} of the maximum ${most}. Largest weight ${percent(now.top)}.`;
    this.at(".said").textContent = said;
    this.at("canvas").setAttribute("aria-label", `Attention over the garment. ${said}`);
    this.tabulate();
  }

  paint(now) {
    const { query: [h, w], key: [kh, kw] } = this.frame, { row, column } = this.state, canvas = this.at("canvas");
    const known = this.grid.truth, at = (r, c) => r >= 0 && c >= 0 && r < h && c < w && known[r * w + c] !== null;
    let edge = "";
    for (let r = 0; known && r <= h; r++) for (let c = 0; c <= w; c++) {
      if (at(r, c) !== at(r - 1, c)) edge += `M${c} ${r}h1`;
      if (at(r, c) !== at(r, c - 1)) edge += `M${c} ${r}v1`;
    }
    const line = (stroke, width) => `<path d="${edge}" fill="none" stroke="${stroke}" stroke-width="${width}" vector-effect="non-scaling-stroke"/>`;
    const box = (stroke, width) => `<rect x="${column / w * 100}%" y="${row / h * 100}%" width="${100 / w}%" height="${100 / h}%" fill="none" stroke="${stroke}" stroke-width="${width}"/>`;
    this.at(".person svg").innerHTML = `<svg viewBox="0 0 ${w} ${h}" width="100%" height="100%" preserveAspectRatio="none">${line("#111", 2.5)}${line("#fff", 1)}</svg>`
      + box("#111", 6) + box("#fff", 3.5) + box("#e66100", 2);
    if (canvas.width !== kw || canvas.height !== kh) { canvas.width = kw; canvas.height = kh; }
    canvas.getContext("2d").putImageData(new ImageData(Uint8ClampedArray.from([...now.p].flatMap((a) => colour(a / now.top))), kw, kh), 0, 0);
    const spot = (q, shape) => `<svg x="${(q.column + 0.5) / kw * 100}%" y="${(q.row + 0.5) / kh * 100}%" overflow="visible">${shape}</svg>`;
    const ends = now.truth && ["column", "row"].flatMap((k, i) => [now, now.truth].map((q, j) => `${"xy"[i]}${j + 1}="${(q[k] + 0.5) / (i ? kh : kw) * 100}%"`)).join(" ");
    const link = (stroke, width) => `<line ${ends} stroke="${stroke}" stroke-width="${width}"/>`;
    this.at(".garment .stage > svg").innerHTML = (now.truth ? link("#fff", 4) + link("#111", 1.5) + spot(now.truth, RING) : "") + spot(now, DIAMOND);
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
if (!customElements.get("vton-attention")) customElements.define("vton-attention", Attention);

