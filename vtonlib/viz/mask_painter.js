// A feature map, a mask painted on it, and mask normalization step by step: <vton-mask-painter>.
const LOOK = `
:host { max-width: 48rem; }
figure { font-variant-numeric: tabular-nums; }
.bar { display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; margin-bottom: .6rem; align-items: center; }
.bar label { display: inline-flex; align-items: center; gap: .45rem; min-width: 0; }
select { max-width: 14rem; }
input { width: 6.5rem; accent-color: var(--accent); margin: 0; min-height: 24px; }
output { min-width: 3.4em; }
.panes { display: flex; flex-wrap: wrap; gap: 1rem 1.6rem; align-items: flex-start; }
.pane { min-width: 0; max-width: 100%; overflow-x: auto; padding: 3px; }
table { border-collapse: collapse; }
caption { text-align: left; font-weight: 600; white-space: nowrap; padding-bottom: .2rem; }
th { font-weight: 400; padding: 0 .3rem; text-align: center; line-height: 1.1; font-size: .8em; }
th[scope=row] { text-align: right; }
.map td { padding: 1px; }
.map td > * { display: block; width: 24px; height: 24px; padding: 0; border: 0; border-radius: 2px; color: #111; }
.numbers td > * { width: 3.1rem; height: 2rem; line-height: 2rem; text-align: right; padding-right: .35rem; }
.given button { min-width: 0; min-height: 0; cursor: crosshair; touch-action: none; box-shadow: inset 0 0 0 calc(var(--weight) * 4px) #7a1e00; }
.given button[aria-pressed=mixed] { border-radius: 50%; }
.moments { margin-top: .6rem; }
.moments :is(th, td) { padding: .1rem .7rem .1rem 0; text-align: right; font-size: 1em; }
.moments th[scope=row] { text-align: left; }
.moments thead th { border-bottom: 1px solid var(--line); }
.legend { margin: .4rem 0 0; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }`;
const VIEWS = {
  "mask": "mask normalization", "instance": "instance norm, no mask",
  "filled inside": "1. inside, rest filled", "normalized inside": "2. inside, after instance norm",
  "filled outside": "1. outside, rest filled", "normalized outside": "2. outside, after instance norm",
};
const BODY = `
<div class="bar">
  <label>channel <select name="channel"></select></label>
  <label>show <select name="view">${Object.entries(VIEWS).map(([v, text]) => `<option value="${v}">${text}</option>`).join("")}</select></label>
  <label>brush <select name="brush"><option value="1">1</option><option value="0.5">½</option><option value="0.25">¼</option></select></label>
  <label>eps <input type="range" name="eps" min="-8" max="1" step="0.5"><output></output></label>
  <button data-do="clear">clear</button><button data-do="invert">invert</button><button data-do="reset">first mask</button>
</div>
<div class="panes"><div class="pane"><table class="map given"></table></div>
<div class="pane" tabindex="0" role="group" aria-label="Result"><table class="map result"></table></div></div>
<p class="legend">Click or drag to paint; or go to a cell with the arrow keys and press Space. Frames mark what is painted.</p>
<div class="pane" tabindex="0" role="group" aria-label="Moments"><table class="moments"></table></div>
<p class="legend by"></p><p class="unseen" aria-live="polite"></p>`;

const sum = (values) => values.reduce((a, b) => a + b, 0);
const fixed = (x, digits = 2) => (Math.abs(x) < 0.5 * 10 ** -digits ? 0 : x).toFixed(digits).replace("-", "−");
const short = (x) => String(+x.toPrecision(2)).replace("-", "−");
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const mix = (a, b, t) => `rgb(${a.map((v, i) => Math.round(v + t * (b[i] - v))).join(" ")})`;
// White at 0, orange above, blue below; all light enough for dark figures.
const tint = (v, most) => mix([246, 246, 246], v > 0 ? [245, 160, 80] : [120, 180, 235], most ? Math.min(1, Math.abs(v) / most) : 0);

// The paper's three steps for one region with weights w: fill, instance norm, factor. As in vtonlib/viz/mask_painter.py.
function region(x, w, eps) {
  const P = x.length, n = sum(w) || 1, mean = sum(x.map((v, i) => w[i] * v)) / n;
  const filled = x.map((v, i) => w[i] * v + (1 - w[i]) * mean);
  const variance = sum(filled.map((v) => (v - mean) ** 2)) / P;
  const normalized = filled.map((v) => (v - mean) / Math.sqrt(variance + eps)), factor = Math.sqrt(n / P);
  return { size: sum(w), mean, deviation: Math.sqrt(variance), factor, eps: eps * P / n, filled, normalized };
}

function views(x, mask, eps) {
  const inside = region(x, mask, eps), outside = region(x, mask.map((w) => 1 - w), eps);
  const result = x.map((_, i) => inside.factor * inside.normalized[i] + outside.factor * outside.normalized[i]);
  return { inside, outside, maps: {
    "mask": result, "instance": region(x, x.map(() => 1), eps).normalized,
    "filled inside": inside.filled, "normalized inside": inside.normalized,
    "filled outside": outside.filled, "normalized outside": outside.normalized,
  } };
}

class MaskPainter extends VtonFigure {
  // What was painted and chosen before stays where it still fits.
  begin() {
    const { mask, eps, channels } = this.data, size = (m) => `${m.length}x${m[0].length}`, { laid, state: before } = this;
    this.laid = `${size(mask)} ${this.data.digits}`;
    if (!before || size(before.mask) !== size(mask)) this.state = { mask, channel: 0, view: "mask", brush: 1, eps };
    this.at("[name=channel]").replaceChildren(...channels.map((name, i) => new Option(name, i)));
    this.at("[name=channel]").parentElement.hidden = channels.length < 2;
    if (laid !== this.laid) this.lay();
    this.choose({ channel: Math.min(this.state.channel, channels.length - 1) });
  }

  build() {
    super.build();
    const on = (name, change) => this.at(`[name=${name}]`).addEventListener("input", (e) => this.choose(change(e.target.value)));
    on("channel", (v) => ({ channel: +v }));
    on("view", (v) => ({ view: v }));
    on("brush", (v) => ({ brush: +v }));
    on("eps", (v) => ({ eps: 10 ** v }));
    const fresh = { clear: (m) => m.map((r) => r.map(() => 0)), invert: (m) => m.map((r) => r.map((w) => 1 - w)), reset: () => this.data.first };
    for (const button of this.shadowRoot.querySelectorAll("[data-do]"))
      button.addEventListener("click", () => this.choose({ mask: fresh[button.dataset.do](this.state.mask) }));
    const table = this.at(".given"), cell = (target) => target?.closest(".given button");
    const value = ({ row, column }) => (this.state.mask[row][column] === this.state.brush ? 0 : this.state.brush);
    table.addEventListener("pointerdown", (event) => {
      if (!cell(event.target) || event.button) return;
      this.stroke = value(cell(event.target).dataset);
      this.paint(cell(event.target), this.stroke);
    });
    table.addEventListener("pointermove", (event) => {
      const over = this.shadowRoot.elementFromPoint(event.clientX, event.clientY);
      if (this.stroke !== undefined && event.buttons && cell(over)) this.paint(cell(over), this.stroke);
    });
    for (const end of ["pointerup", "pointercancel"]) window.addEventListener(end, () => { this.stroke = undefined; });
    // a press of Space or Enter, or of an assistive device: a click without a pointer
    table.addEventListener("click", (event) => {
      if (cell(event.target) && !event.detail) this.paint(cell(event.target), value(cell(event.target).dataset));
    });
    table.addEventListener("keydown", (event) => {
      if (!cell(event.target)) return;
      const row = +cell(event.target).dataset.row, column = +cell(event.target).dataset.column, last = this.data.mask[0].length - 1;
      const to = { ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1], ArrowUp: [row - 1, column],
        ArrowDown: [row + 1, column], Home: [row, 0], End: [row, last] }[event.key];
      if (!to) return;
      event.preventDefault();
      this.focusOn(...to);
    });
  }

  paint(button, weight) {
    const { row, column } = button.dataset;
    this.focusOn(row, column);
    if (this.state.mask[row][column] === weight) return;
    const mask = this.state.mask.map((r) => [...r]);
    mask[row][column] = weight;
    this.choose({ mask });
  }

  // The one cell that Tab reaches, as in every grid of buttons.
  focusOn(row, column) {
    const next = this.at(`.given button[data-row="${row}"][data-column="${column}"]`);
    if (!next) return;
    this.at(".given button[tabindex='0']").tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }

  lay() {
    const { mask, digits } = this.data;
    const head = `<caption></caption><thead><tr><td></td>${mask[0].map((_, j) => `<th scope="col">${j}</th>`).join("")}</tr></thead>`;
    const body = (cell) => mask.map((row, i) => `<tr><th scope="row">${i}</th>${row.map((_, j) => `<td>${cell(i, j)}</td>`).join("")}</tr>`).join("");
    const given = (i, j) => `<button data-row="${i}" data-column="${j}" tabindex="${i || j ? -1 : 0}"></button>`;
    this.at(".given").innerHTML = `${head}<tbody>${body(given)}</tbody>`;
    this.at(".result").innerHTML = `${head}<tbody>${body(() => `<span><span${digits === null ? ' class="unseen"' : ""}></span></span>`)}</tbody>`;
    for (const table of this.shadowRoot.querySelectorAll(".map")) table.classList.toggle("numbers", digits !== null);
  }

  show() {
    const { mask, channel, view, brush, eps } = this.state, { data } = this, width = mask[0].length;
    const x = data.maps[channel], weights = mask.flat(), computed = views(x, weights, eps);
    this.by = data.result && same(mask, data.mask) && eps === data.eps ? "python" : "page";
    if (this.by === "python") computed.maps.mask = data.result[channel];
    this.result = computed.maps[view];
    for (const name of ["channel", "view", "brush"]) this.at(`[name=${name}]`).value = this.state[name];
    this.at("[name=eps]").value = Math.log10(eps);
    this.at("[name=eps]").setAttribute("aria-valuetext", short(eps));
    this.at("output").textContent = short(eps);
    this.colour(x, weights, width, view.startsWith("filled"));
    this.tell(computed, view);
  }

  colour(x, weights, width, likeGiven) {
    const digits = this.data.digits ?? 2, middle = sum(x) / x.length, reach = Math.max(...x.map((v) => Math.abs(v - middle)));
    this.shadowRoot.querySelectorAll(".given button").forEach((button, i) => {
      button.style.cssText = `background:${tint(x[i] - middle, reach)};--weight:${weights[i]}`;
      button.textContent = this.data.digits === null ? "" : fixed(x[i], digits);
      button.setAttribute("aria-pressed", weights[i] === 1 ? "true" : weights[i] ? "mixed" : "false");
      button.setAttribute("aria-label", `row ${Math.floor(i / width)}, column ${i % width}: ${fixed(x[i], digits)}`);
    });
    const most = likeGiven ? reach : Math.max(...this.result.map(Math.abs)), zero = likeGiven ? middle : 0;
    this.shadowRoot.querySelectorAll(".result tbody td > span").forEach((cell, i) => {
      cell.style.background = tint(this.result[i] - zero, most);
      cell.firstChild.textContent = fixed(this.result[i]);
    });
  }

  tell({ inside, outside }, view) {
    this.at(".given caption").textContent = "feature map";
    this.at(".result caption").textContent = VIEWS[view];
    const head = ["", "pixels n", "mean", "deviation when filled", "factor √(n/P)", "eps · P/n"], rows = { inside, outside };
    const line = ([name, r]) => `<tr><th scope="row">${name}</th>${[+r.size.toFixed(2), fixed(r.mean), fixed(r.deviation, 3), fixed(r.factor, 3), short(r.eps)].map((v) => `<td>${v}</td>`).join("")}</tr>`;
    this.at(".moments").innerHTML = `<caption class="unseen">Moments of both regions</caption><thead><tr>${head.map((h) => (h ? `<th scope="col">${h}</th>` : "<td></td>")).join("")}</tr></thead><tbody>${Object.entries(rows).map(line).join("")}</tbody>`;
    this.at(".by").textContent = this.by === "python" ? "Mask normalization computed by vtonlib in Python." : "Computed in this page.";
    const least = Math.min(...this.result), most = Math.max(...this.result);
    this.at("[aria-live]").textContent = `${+inside.size.toFixed(2)} pixels inside, mean ${fixed(inside.mean)}; ${VIEWS[view]} from ${fixed(least)} to ${fixed(most)}.`;
  }
}
define("vton-mask-painter", MaskPainter, BODY, LOOK);
