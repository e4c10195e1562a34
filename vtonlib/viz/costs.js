// What a training step holds and computes, by size: <vton-costs>.
const LOOK = `
.settings { display: grid; grid-template-columns: 1fr 1fr; gap: .3rem 1.4rem; margin: .4rem 0 .7rem; }
label, .bar { display: grid; grid-template-columns: 6.5em 1fr 5.5em; align-items: center; gap: .5rem; }
label:has(select) { grid-template-columns: 6.5em 1fr; }
input { accent-color: var(--accent); margin: 0; min-height: 24px; min-width: 0; }
output { font-variant-numeric: tabular-nums; text-align: right; }
.shown > p { margin: .6rem 0 .2rem; font-weight: 600; }
.bar { grid-template-columns: 9.5em 1fr 6.5em; margin: .15rem 0; }
.bar i { display: block; height: 1.1em; background: #4c8fc4; border-radius: 2px; min-width: 1px; }
.bar.most i { background: #d8833b; }
.bar b { font-weight: 600; text-align: right; font-variant-numeric: tabular-nums; }
@media (max-width: 34rem) { .settings { grid-template-columns: 1fr; } .bar { grid-template-columns: 7em 1fr 6em; } }`;
const BODY = `
<fieldset><legend>Begin with</legend><div class="row scenes"></div></fieldset>
<fieldset class="asked"><legend></legend><div class="row guesses"></div></fieldset>
<div class="shown"><div class="settings">
  <label>channels <input data-of="width" type="range"><output></output></label>
  <label>picture <input data-of="rows" type="range" min="256" max="1536" step="64"><output></output></label>
  <label>batch <input data-of="batch" type="range" max="8"><output></output></label>
  <label>kept in <select data-of="bits"><option value="4">32 bits</option><option value="2">16 bits</option></select></label>
  <label>attention <select data-of="maps"><option value="0">fused</option><option value="1">explicit maps</option></select></label>
  <label>blocks <select data-of="again"><option value="0">all kept</option><option value="1">computed again</option></select></label>
</div><p>memory of a training step</p><div class="memory"></div>
<p>operations of a training step</p><div class="flop"></div></div>
<p class="said" aria-live="polite"></p>`;
const PARTS = ["weights", "gradients", "AdamW's states", "kept for the backward pass"], WORK = ["attention", "all else"];
const at = (law, n) => law[0] + law[1] * n + law[2] * n * n;
const amount = (v, units) => { let k = 0; while (v >= 1000 && k < units.length - 1) { v /= 1000; k++; } return `${v < 10 ? v.toFixed(1) : v.toFixed(0)} ${units[k]}`; };
const bytes = (v) => amount(v / 1e6, ["MB", "GB", "TB"]), operations = (v) => amount(v / 1e9, ["GFLOP", "TFLOP", "PFLOP"]);

class Costs extends RowFigure {
  begin() {
    const { scenes, widths } = this.data;
    this.offer(".scenes", scenes.map((scene) => scene.name), (k) => this.choose({ scene: k, ...scenes[k].state }));
    this.offer(".guesses", PARTS, (k) => this.guess(k, "[data-of=rows]"));
    this.at("[data-of=width]").max = widths.length - 1;
    for (const one of this.settings) one.oninput = () => this.choose({ [one.dataset.of]: +one.value });
    this.choose({ scene: 0, ...scenes[0].state });
  }

  get settings() { return this.shadowRoot.querySelectorAll("[data-of]"); }
  get key() { return this.state.scene; }

  // Bytes of the four parts, and operations of the two, of a step of training all weights; as vtonlib/viz/costs.py.
  count() {
    const { width, rows, batch, bits, maps, again } = this.state, laws = this.data.laws[width], n = (rows / 8) * (rows * 3 / 32);
    const samples = 2 ** batch, held = 4 * laws.parameters, share = bits / 4;
    const kept = again ? at(laws.recomputed, n) : maps ? at(laws.maps, n) : at(laws.kept, n);
    const memory = [held, held, 2 * held, samples * share * kept];
    return { memory, flop: [3 * samples * at(laws.attention, n), 3 * samples * at(laws.rest, n)] };
  }

  show() {
    const { scene, width, rows, batch } = this.state, { asked } = this, { scenes, widths } = this.data, { memory, flop } = this.count();
    this.press(".scenes", scene);
    this.at(".asked").hidden = !asked;
    this.at(".asked legend").textContent = `Guess first: ${scenes[scene].asked} What takes most memory?`;
    this.at(".shown").hidden = asked;
    const told = { width: widths[width], rows: `${rows}x${rows * 3 / 4}`, batch: 2 ** batch };
    for (const one of this.settings) {
      const name = one.dataset.of;
      one.value = this.state[name];
      if (name in told) one.nextElementSibling.textContent = one.ariaValueText = told[name];
    }
    this.bars(".memory", PARTS, memory, bytes);
    this.bars(".flop", WORK, flop, operations);
    this.at(".said").textContent = asked ? "" : this.verdict(memory, flop);
  }

  // What became of the guess, while the setting is the one that was asked about; and the numbers.
  verdict(memory, flop) {
    const most = memory.indexOf(Math.max(...memory)), whole = memory.reduce((a, b) => a + b, 0);
    const same = Object.entries(this.data.scenes[this.key].state).every(([name, value]) => this.state[name] === value);
    const judged = same ? (this.guesses.get(this.key) === most ? "Right: " : "No: ") : "";
    return `${judged}${PARTS[most]}, ${bytes(memory[most])} of ${bytes(whole)}; attention is ${(100 * flop[0] / (flop[0] + flop[1])).toFixed(0)} % of the operations.`;
  }

  bars(place, names, values, text) {
    const most = Math.max(...values);
    this.at(place).innerHTML = values.map((v, k) => `<div class="bar${v === most ? " most" : ""}"><span>${names[k]}</span><i style="width:${(100 * v / most).toFixed(1)}%"></i><b>${text(v)}</b></div>`).join("");
  }
}
define("vton-costs", Costs, BODY, ROWS + LOOK);
