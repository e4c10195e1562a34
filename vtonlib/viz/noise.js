// Whose garment does a guess show? <vton-noise>.
const LOOK = `
.choices { display: flex; flex-wrap: wrap; column-gap: 1.4rem; }
.cell { font-size: 2em; }
.asked { margin-top: .7rem; }`;
const BODY = `
<div class="choices">
  <fieldset><legend>noise level</legend><div class="row levels"></div></fieldset>
  <fieldset><legend>person</legend><div class="row persons"></div></fieldset>
</div>
<div class="panes">
  <div><p>the person</p><span class="cell" role="img" data-pane="person"></span></div>
  <div><p>noised: it sees</p><span class="cell" role="img" data-pane="noisy"></span></div>
  <div><p>it is given</p><span class="cell" role="img" data-pane="given"></span></div>
  <div><p>its guess</p><span class="cell" role="img" data-pane="guess"></span></div>
</div>
<fieldset class="asked"><legend>Whose garment will the guess show?</legend><div class="row answers"></div></fieldset>
<p class="said" aria-live="polite"></p>`;

class NoiseExplorer extends SheetFigure {
  begin() {
    const { levels, persons } = this.data;
    this.offer(".levels", levels, (level) => this.choose({ level }), "noise level");
    this.offer(".persons", Array.from({ length: persons }, (_, k) => k + 1), (person) => this.choose({ person }), "person");
    this.offer(".answers", ["the one in the noise", "the one it is given"], (k) => this.guess(k, ".levels [aria-pressed=true]"));
    this.choose(this.state ?? { level: 0, person: 0 });
  }

  get key() { return `${this.state.level}/${this.state.person}`; }

  show() {
    const { level, person } = this.state, who = `person ${person + 1}`, step = `noise level ${this.data.levels[level]}`;
    this.press(".levels", level);
    this.press(".persons", person);
    this.fill("person", 0, `${who} in its own garment`);
    this.fill("given", 1, `the garment that the model is given for ${who}`);
    this.fill("noisy", 2 + 2 * level, `${who}, noised to ${step}`);
    this.fill("guess", 3 + 2 * level, `the model's guess for ${who} at ${step}`);
    this.at(".asked").hidden = !this.asked;
    if (this.asked) this.hide(this.at("[data-pane=guess]"));
    this.at(".said").textContent = this.asked ? "" : this.verdict();
  }

  fill(pane, column, words) {
    const cell = this.at(`[data-pane=${pane}]`), { levels, persons } = this.data;
    this.cut(cell, [2 + 2 * levels.length, persons], [column, this.state.person]);
    cell.ariaLabel = words;
  }

  hide(cell) {
    cell.replaceChildren("?");
    cell.ariaLabel = "the guess is hidden until you have answered";
  }

  // What was right, and the score.
  verdict() {
    const truth = (key) => { const [level, person] = key.split("/"); return this.data.follows[level][person]; };
    const follows = truth(this.key), right = [...this.guesses].filter(([key, given]) => truth(key) === given).length;
    return `${this.guesses.get(this.key) === follows ? "Right" : "No"}: inside the garment the guess is nearer to the one `
      + `${follows ? "it is given" : "in the noise"}. ${right} of ${this.guesses.size} right so far.`;
  }
}
define("vton-noise", NoiseExplorer, BODY, SHEET + LOOK);
