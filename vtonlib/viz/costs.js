// What a training step holds and computes, by size: <vton-costs>. No import and no request, so that it works from a file.
// A page inlines this script; in a live notebook anywidget loads it with live.js behind it.
const STYLE = `
:host { display: block; max-width: 44rem; margin: 1rem auto; color: inherit; font: inherit;
  --line: color-mix(in srgb, currentColor 30%, transparent);
  --accent: var(--pst-color-link, var(--jp-content-link-color, #1f83d6)); }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
figure { margin: 0; font-size: .9em; line-height: 1.4; }
fieldset { border: 0; margin: 0 0 .6rem; padding: 0; min-width: 0; }
legend { padding: 0 0 .2rem; font-weight: 600; }
.row { display: flex; flex-wrap: wrap; gap: .35rem; }
button, select { font: inherit; color: inherit; background: var(--pst-color-background, Canvas); cursor: pointer;
  padding: .15em .7em; border: 1px solid var(--line); border-radius: 4px; min-width: 28px; min-height: 28px; }
button[aria-pressed=true] { border-color: var(--accent); box-shadow: 0 0 0 2px var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; }
.settings { display: grid; grid-template-columns: 1fr 1fr; gap: .3rem 1.4rem; margin: .4rem 0 .7rem; }
label { display: grid; grid-template-columns: 6.5em 1fr 5.5em; align-items: center; gap: .5rem; }
label.choice { grid-template-columns: 6.5em 1fr; }
input { accent-color: var(--accent); margin: 0; min-height: 24px; min-width: 0; }
output { font-variant-numeric: tabular-nums; text-align: right; }
p.head { margin: .6rem 0 .2rem; font-weight: 600; }
.bar { display: grid; grid-template-columns: 9.5em 1fr 6.5em; align-items: center; gap: .5rem; margin: .15rem 0; }
.bar i { display: block; height: 1.1em; background: #4c8fc4; border-radius: 2px; min-width: 1px; }
.bar.most i { background: #d8833b; }
.bar b { font-weight: 600; text-align: right; font-variant-numeric: tabular-nums; }
.said { margin: .5rem 0 0; min-height: 1.4em; }
figcaption { margin-top: .6rem; }
@media (max-width: 34rem) { .settings { grid-template-columns: 1fr; } .bar { grid-template-columns: 7em 1fr 6em; } }`;
const SHELL = `<style>${STYLE}</style><figure>
<fieldset><legend>Begin with</legend><div class="row scenes"></div></fieldset>
<fieldset class="asked"><legend></legend><div class="row guesses"></div></fieldset>
<div class="shown"><div class="settings">
  <label>channels <input data-of="width" type="range" min="0" step="1"><output></output></label>
  <label>picture <input data-of="rows" type="range" min="256" max="1536" step="64"><output></output></label>
  <label>batch <input data-of="batch" type="range" min="0" max="8" step="1"><output></output></label>
  <label class="choice">kept in <select data-of="bits"><option value="4">32 bits</option><option value="2">16 bits</option></select></label>
  <label class="choice">attention <select data-of="maps"><option value="0">fused</option><option value="1">explicit maps</option></select></label>
  <label class="choice">blocks <select data-of="again"><option value="0">all kept</option><option value="1">computed again</option></select></label>
</div><p class="head">memory of a training step</p><div class="memory"></div>
<p class="head">operations of a training step</p><div class="flop"></div></div>
<p class="said" aria-live="polite"></p><figcaption></figcaption></figure>`;
const PARTS = ["weights", "gradients", "AdamW's states", "kept for the backward pass"], WORK = ["attention", "all else"];
const at = (law, n) => law[0] + law[1] * n + law[2] * n * n;
const amount = (v, units) => { let k = 0; while (v >= 1000 && k < units.length - 1) { v /= 1000; k++; } return `${v < 10 ? v.toFixed(1) : v.toFixed(0)} ${units[k]}`; };
const bytes = (v) => amount(v / 1e6, ["MB", "GB", "TB"]), operations = (v) => amount(v / 1e9, ["GFLOP", "TFLOP", "PFLOP"]);

class Costs extends HTMLElement {
  connectedCallback() { if (!this.shadowRoot) this.load(this); }

  // Show what `source` holds: a script of JSON and a caption.
  load(source) {
    this.data = JSON.parse(source.querySelector("script").textContent);
    if (!this.shadowRoot) this.attachShadow({ mode: "open" }).innerHTML = SHELL;
    this.at = (query) => this.shadowRoot.querySelector(query);
    this.at("figcaption").textContent = source.querySelector("figcaption")?.textContent ?? "";
    this.guesses = new Map();
    this.offer(".scenes", this.data.scenes.map((scene) => scene.name), (k) => this.choose({ scene: k, ...this.data.scenes[k].state }));
    this.offer(".guesses", PARTS, (k) => { this.guesses.set(this.state.scene, k); this.choose({}); this.at("[data-of=rows]").focus(); });
    this.at("[data-of=width]").max = this.data.widths.length - 1;
    for (const one of this.shadowRoot.querySelectorAll("[data-of]"))
      one.oninput = () => this.choose({ [one.dataset.of]: +one.value });
    this.choose({ scene: 0, ...this.data.scenes[0].state });
  }

  offer(place, texts, act) {
    this.at(place).replaceChildren(...texts.map((text, k) => {
      const button = Object.assign(document.createElement("button"), { textContent: text });
      button.addEventListener("click", () => act(k));
      return button;
    }));
  }

  // Bytes of the four parts, and operations of the two, of a step of training all weights; as vtonlib/viz/costs.py.
  count() {
    const { width, rows, batch, bits, maps, again } = this.state, laws = this.data.laws[width], n = (rows / 8) * (rows * 3 / 32);
    const samples = 2 ** batch, held = 4 * laws.parameters, share = bits / 4;
    const kept = again ? at(laws.recomputed, n) : maps ? at(laws.maps, n) : at(laws.kept, n);
    const memory = [held, held, 2 * held, samples * share * kept];
    return { memory, flop: [3 * samples * at(laws.attention, n), 3 * samples * at(laws.rest, n)] };
  }

  choose(change) {
    this.state = { ...this.state, ...change };
    const { scene, width, rows, batch } = this.state, asked = !this.guesses.has(scene), { memory, flop } = this.count();
    [...this.at(".scenes").children].forEach((button, k) => button.setAttribute("aria-pressed", k === scene));
    this.at(".asked").hidden = !asked;
    this.at(".asked legend").textContent = `Guess first: ${this.data.scenes[scene].asked} What takes most memory?`;
    this.at(".shown").hidden = asked;
    for (const one of this.shadowRoot.querySelectorAll("[data-of]")) one.value = this.state[one.dataset.of];
    const told = { width: `${this.data.widths[width]}`, rows: `${rows}x${rows * 3 / 4}`, batch: `${2 ** batch}` };
    for (const [name, text] of Object.entries(told)) {
      this.at(`[data-of=${name}]`).nextElementSibling.textContent = text;
      this.at(`[data-of=${name}]`).setAttribute("aria-valuetext", text);
    }
    this.bars(".memory", PARTS, memory, bytes);
    this.bars(".flop", WORK, flop, operations);
    const most = memory.indexOf(Math.max(...memory)), guess = this.guesses.get(scene), whole = memory.reduce((a, b) => a + b, 0);
    const same = Object.entries(this.data.scenes[scene].state).every(([name, value]) => this.state[name] === value);
    const verdict = same && !asked ? (guess === most ? "Right: " : "No: ") : "";
    this.at(".said").textContent = asked ? "" : `${verdict}${PARTS[most]}, ${bytes(memory[most])} of ${bytes(whole)}; attention is ${(100 * flop[0] / (flop[0] + flop[1])).toFixed(0)} % of the operations.`;
    this.dispatchEvent(new CustomEvent("vton-change", { detail: { ...this.state } }));
  }

  bars(place, names, values, text) {
    const most = Math.max(...values);
    this.at(place).innerHTML = values.map((v, k) => `<div class="bar${v === most ? " most" : ""}"><span>${names[k]}</span><i style="width:${(100 * v / most).toFixed(1)}%"></i><b>${text(v)}</b></div>`).join("");
  }
}
if (!customElements.get("vton-costs")) customElements.define("vton-costs", Costs);
