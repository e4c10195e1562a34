// A small matrix, a mask painted on it, and what an operation makes of both: <vton-matrix>.
const LOOK = `
label { display: inline-flex; align-items: center; gap: .45rem; margin-bottom: .6rem; }
input { width: 8rem; accent-color: var(--accent); min-height: 24px; margin: 0; }
figure { font-variant-numeric: tabular-nums; }
.panes { display: flex; flex-wrap: wrap; gap: 1rem 1.6rem; align-items: flex-start; }
.pane { min-width: 0; max-width: 100%; overflow-x: auto; padding: 3px; }
table { border-collapse: collapse; }
caption { text-align: left; font-weight: 600; white-space: nowrap; padding-bottom: .2rem; }
th { font-weight: 400; padding: .1rem .45rem; text-align: center; line-height: 1.15; max-width: 6rem; }
td { padding: 1px; text-align: right; }
td > * { display: block; width: 100%; min-width: 3.1rem; height: 2rem; padding: 0 .35rem; border-radius: 3px; font: inherit;
  line-height: 2rem; text-align: right; color: #111; border: 0; margin: 0; }
td.extra > * { color: inherit; }
th[scope=row] { text-align: right; }
button { background: #e3e6ea; }
button[aria-pressed=true] { background: #ffc06a; box-shadow: inset 0 0 0 2px #7a1e00; font-weight: 600; }
.legend, .said { margin: .4rem 0 0; }
.said.shown-above { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }`;
const BODY = `
<label class="heat">temperature <input type="range" min="-3" max="3" step="0.25"><output></output></label>
<label class="way"><span></span> <select></select></label>
<div class="panes"><div class="pane"><table class="given"></table></div>
<div class="pane" tabindex="0" role="group" aria-label="Result"><table class="result"></table></div></div>
<p class="legend"></p><p class="said" aria-live="polite"></p>`;

const TEXTS = {
  "softmax": ["", "Only painted cells may be looked at."],
  "region-standardize": ["", "Painted and unpainted cells are standardised apart."],
  "standardize": ["sets", "Painting a cell raises it."],
  "modulate": ["modulation", "A painted cell has the other label."],
};
const sum = (values) => values.reduce((a, b) => a + b, 0);
const fixed = (x, digits = 2) => (Math.abs(x) < 0.5 * 10 ** -digits ? 0 : x).toFixed(digits).replace("-", "−");

// The operations, each as { value, extra columns, what is said }; the same formulas as in vtonlib/viz/matrix.py.
const OPERATIONS = {
  "softmax": (x, mask, { temperature, rows }) => {
    const value = x.map((row, i) => {
      const top = Math.max(...row.filter((_, j) => mask[i][j]));
      const e = row.map((v, j) => (mask[i][j] ? Math.exp((v - top) / temperature) : 0)), total = sum(e);
      return e.map((v) => (total ? v / total : 0));
    });
    const centre = value.map((p) => (sum(p) ? fixed(sum(p.map((a, j) => a * j))) : "-"));
    const entropy = value.map((p) => (sum(p) ? fixed(-sum(p.map((a) => (a > 0 ? a * Math.log(a) : 0)))) : "-"));
    const said = rows.map((name, i) => `${name}: centre ${centre[i]}, entropy ${entropy[i]} nats`);
    return { value, extra: { centre, entropy }, said: `${said.join("; ")}.` };
  },
  "region-standardize": (x, mask, { eps }) => {
    const value = x.map((row) => row.map(() => 0)), said = [];
    for (const [region, name] of [[1, "painted"], [0, "not painted"]]) {
      const inside = x.flatMap((row, i) => row.filter((_, j) => mask[i][j] === region)), n = inside.length;
      const mean = n ? sum(inside) / n : 0, variance = n ? sum(inside.map((v) => (v - mean) ** 2)) / n : 0;
      x.forEach((row, i) => row.forEach((v, j) => { if (mask[i][j] === region) value[i][j] = (v - mean) / Math.sqrt(variance + eps); }));
      said.push(n ? `${name}: ${n} cells, mean ${fixed(mean)}, standard deviation ${fixed(Math.sqrt(variance))}` : `${name}: no cell`);
    }
    return { value, extra: {}, said: `${said.join("; ")}.` };
  },
};

const standardized = (values, eps) => {
  const mean = sum(values) / values.length, variance = sum(values.map((v) => (v - mean) ** 2)) / values.length;
  return values.map((v) => (v - mean) / Math.sqrt(variance + eps));
};
const moments = (value) => {
  const all = value.flat(), mean = sum(all) / all.length;
  return `mean of all results ${fixed(mean)}, standard deviation ${fixed(Math.sqrt(sum(all.map((v) => (v - mean) ** 2)) / all.length))}`;
};
Object.assign(OPERATIONS, {
  "standardize": (x, mask, { eps, table, step }) => {
    const flat = x.flatMap((row, i) => row.map((v, j) => v + step * mask[i][j])), set = table.flat(), w = x[0].length;
    const result = flat.map(() => 0), sets = [...new Set(set)];
    for (const name of sets) {
      const members = set.flatMap((s, i) => (s === name ? [i] : []));
      standardized(members.map((i) => flat[i]), eps).forEach((v, k) => { result[members[k]] = v; });
    }
    return { value: x.map((_, i) => result.slice(i * w, i * w + w)), extra: {}, shown: x.map((_, i) => flat.slice(i * w, i * w + w)),
      said: `${sets.length} sets of ${flat.length / sets.length} numbers each.` };
  },
  "modulate": (x, mask, { eps, table: [gamma, beta] }) => {
    const w = x[0].length, y = standardized(x.flat(), eps);
    const value = x.map((row, i) => row.map((_, j) => (1 + gamma[mask[i][j]]) * y[i * w + j] + beta[mask[i][j]]));
    const label = (k, name) => `${name}: gamma ${fixed(gamma[k])}, beta ${fixed(beta[k])}`;
    return { value, extra: {}, said: `${label(1, "painted")}; ${label(0, "not painted")}; ${moments(value)}.` };
  },
});

const mix = (a, b, t) => `rgb(${a.map((v, i) => Math.round(v + t * (b[i] - v))).join(" ")})`;
// White at 0, orange above, blue below; all light enough for dark figures.
const tint = (v, most) => mix([246, 246, 246], v > 0 ? [245, 160, 80] : [120, 180, 235], most ? Math.min(1, Math.abs(v) / most) : 0);

class Matrix extends VtonFigure {
  // A mask of the same size that was painted before stays.
  begin() {
    const { matrix, mask, operation, ways } = this.data, size = (m) => `${m.length}x${m[0].length}`;
    if (!this.state || size(this.state.mask) !== size(matrix)) this.state = { mask, temperature: this.state?.temperature ?? 1 };
    if (!ways) delete this.state.way; else if (!(this.state.way in ways)) this.state.way = this.data.first;
    this.at(".heat").hidden = operation !== "softmax";
    this.at(".way").hidden = !ways;
    this.at(".way span").textContent = TEXTS[operation][0];
    this.at("select").replaceChildren(...Object.keys(ways ?? {}).map((name) => new Option(name)));
    this.at(".legend").textContent = "Click a cell to paint it, or go there with the arrow keys and press Space. "
      + TEXTS[operation][1];
    this.lay();
    this.choose();
  }

  build() {
    super.build();
    this.at("input").addEventListener("input", (event) => this.choose({ temperature: 2 ** event.target.value }));
    this.at("select").addEventListener("change", (event) => this.choose({ way: event.target.value }));
    const table = this.at(".given"), cell = (event) => event.target.closest("button");
    table.addEventListener("click", (event) => {
      if (!cell(event)) return;
      const { row, column } = cell(event).dataset, mask = this.state.mask.map((r) => [...r]);
      mask[row][column] = 1 - mask[row][column];
      this.focusOn(+row, +column);
      this.choose({ mask });
    });
    table.addEventListener("keydown", (event) => {
      if (!cell(event)) return;
      const row = +cell(event).dataset.row, column = +cell(event).dataset.column, w = this.data.matrix[0].length;
      const to = { ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1], ArrowUp: [row - 1, column],
        ArrowDown: [row + 1, column], Home: [row, 0], End: [row, w - 1] }[event.key];
      if (!to) return;
      event.preventDefault();
      this.focusOn(...to);
    });
  }

  // The one cell that Tab reaches, as in every grid of buttons.
  focusOn(row, column) {
    const next = this.at(`button[data-row="${row}"][data-column="${column}"]`);
    if (!next) return;
    this.at("button[tabindex='0']").tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }

  head(extra = []) {
    const { columns } = this.data;
    return `<thead><tr><td></td>${[...columns, ...extra].map(() => '<th scope="col"></th>').join("")}</tr></thead>`;
  }

  fill(table, title, extra = []) {
    table.querySelector("caption").textContent = title;
    [...this.data.columns, ...extra].forEach((name, j) => { table.querySelectorAll("thead th")[j].textContent = name; });
    this.data.rows.forEach((name, i) => { table.querySelectorAll("tbody th")[i].textContent = name; });
  }

  lay() {
    const { matrix, titles } = this.data, table = this.at(".given");
    const cells = (row, i) => row.map((v, j) => `<td><button data-row="${i}" data-column="${j}" tabindex="${i || j ? -1 : 0}">${fixed(v, this.data.digits)}</button></td>`);
    table.innerHTML = `<caption></caption>${this.head()}<tbody>${matrix.map((row, i) => `<tr><th scope="row"></th>${cells(row, i).join("")}</tr>`).join("")}</tbody>`;
    this.fill(table, titles[0]);
  }

  show() {
    const { mask, temperature, way } = this.state, { matrix, operation, eps, titles, rows, ways, step } = this.data;
    this.result = OPERATIONS[operation](matrix, mask, { temperature, eps, rows, step, table: ways?.[way] });
    if (way) this.at("select").value = way;
    this.at("input").value = Math.log2(temperature);
    this.at("input").setAttribute("aria-valuetext", String(+temperature.toPrecision(2)));
    this.at("output").textContent = String(+temperature.toPrecision(2));
    for (const button of this.shadowRoot.querySelectorAll("button")) {
      const { row, column } = button.dataset;
      if (this.result.shown) button.textContent = fixed(this.result.shown[row][column], this.data.digits);
      button.setAttribute("aria-pressed", mask[row][column] === 1);
      button.setAttribute("aria-label", `${this.data.rows[row]}, ${this.data.columns[column]}: ${button.textContent}`);
    }
    const { value, extra, said } = this.result, names = Object.keys(extra), table = this.at(".result");
    const most = Math.max(...value.flat().map(Math.abs));
    const cells = (row, i) => row.map((v) => `<td><span style="background:${tint(v, most)}">${fixed(v)}</span></td>`)
      .concat(names.map((n) => `<td class="extra"><span>${extra[n][i]}</span></td>`));
    table.innerHTML = `<caption></caption>${this.head(names)}<tbody>${value.map((row, i) => `<tr><th scope="row"></th>${cells(row, i).join("")}</tr>`).join("")}</tbody>`;
    this.fill(table, titles[1], names);
    this.at(".said").textContent = said;
    this.at(".said").classList.toggle("shown-above", names.length > 0);
  }
}
define("vton-matrix", Matrix, BODY, LOOK);
