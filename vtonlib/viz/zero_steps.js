// Which weights move at which step: <vton-zero-steps>.
const LOOK = `
table { margin-bottom: .6rem; }
th, td { text-align: left; padding: .25rem .7rem .25rem 0; border-bottom: 1px solid var(--line); font-weight: 400; }
thead th { font-weight: 600; }`;
const BODY = `
<fieldset><legend>The branch begins with</legend><div class="row ways"></div></fieldset>
<fieldset><legend>at step</legend><div class="row steps"></div></fieldset>
<fieldset><legend>Which weights receive a gradient? Guess first.</legend><div class="row guess"></div></fieldset>
<div class="row"><button class="show">show</button></div>
<p class="said" aria-live="polite"></p>
<table hidden><thead><tr><th scope="col">weight</th><th scope="col">your guess</th><th scope="col">gradient</th></tr></thead><tbody></tbody></table>`;
const moves = (slope) => Math.abs(slope) > 1e-12;
const toggled = (list, one) => (list.includes(one) ? list.filter((other) => other !== one) : [...list, one]);

class ZeroSteps extends RowFigure {
  begin() {
    const { ways, weights } = this.data, names = Object.keys(ways), fresh = { guess: [], shown: false };
    this.offer(".ways", names, (k) => this.choose({ way: names[k], ...fresh }));
    this.offer(".steps", [...ways[names[0]].keys()], (step) => this.choose({ step, ...fresh }));
    this.offer(".guess", this.meanings, (k) => this.choose({ guess: toggled(this.state.guess, weights[k]), shown: false }));
    this.at(".show").onclick = () => this.choose({ shown: true });
    this.choose(this.state ?? { way: names[0], step: 0, ...fresh });
  }

  get meanings() { return this.data.weights.map((name, i) => `${name}: ${this.data.meaning[i]}`); }

  show() {
    const { way, step, guess, shown } = this.state, { ways, weights } = this.data, slopes = ways[way][step];
    this.press(".ways", Object.keys(ways).indexOf(way));
    this.press(".steps", step);
    this.press(".guess", guess.map((name) => weights.indexOf(name)));
    this.at("table").hidden = !shown;
    this.at(".show").hidden = shown;
    this.at("tbody").replaceChildren(...this.meanings.map((text, i) => make("tr", {}, make("th", { scope: "row" }, text),
      make("td", {}, guess.includes(weights[i]) ? "moves" : "stays"),
      make("td", {}, moves(slopes[i]) ? slopes[i].toFixed(3) : "0, it stays"))));
    const moved = weights.filter((_, i) => moves(slopes[i])), right = `${moved}` === `${weights.filter((name) => guess.includes(name))}`;
    this.at(".said").textContent = shown
      ? `${right ? "Right" : "Not so"}: at step ${step} a gradient reaches ${moved.join(", ") || "none"}.` : "";
  }
}
define("vton-zero-steps", ZeroSteps, BODY, ROWS + LOOK);
