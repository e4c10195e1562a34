// Which of two pictures does a measure prefer: <vton-preferred>.
const LOOK = `
.panes { grid-template-columns: repeat(3, minmax(0, 9rem)); margin-bottom: .6rem; }
.panes p { min-height: 1.4em; }
.cell img { image-rendering: pixelated; }
th, td { text-align: right; padding: .1rem .7rem; border-bottom: 1px solid var(--line); font-weight: inherit; }
th:first-child { text-align: left; }
td.best { font-weight: 700; text-decoration: underline; }
.scroll { overflow-x: auto; }`;
const BODY = `
<fieldset><legend>The measure</legend><div class="row measures"></div></fieldset>
<fieldset><legend>The pair</legend><div class="row pairs"></div></fieldset>
<div class="panes">
  <div><p>the true picture</p><span class="cell" role="img" data-pane="truth" aria-label="The true picture"></span></div>
  <div><p class="name0"></p><span class="cell" role="img" data-pane="0"></span></div>
  <div><p class="name1"></p><span class="cell" role="img" data-pane="1"></span></div>
</div>
<fieldset class="asked"><legend></legend><div class="row guesses"></div></fieldset>
<p class="said" aria-live="polite"></p>
<div class="scroll" tabindex="0" role="region" aria-label="What all measures say"><table></table></div>`;

class Preferred extends SheetFigure {
  begin() {
    const { measures, pairs } = this.data;
    this.offer(".measures", measures.map((m) => m.name), (measure) => this.choose({ measure }));
    this.offer(".pairs", pairs.map((_, k) => k + 1), (pair) => this.choose({ pair }));
    this.offer(".guesses", ["the left one", "the right one"], (side) => this.guess(side, ".pairs [aria-pressed=true]"));
    this.choose({ measure: 0, pair: 0 });
  }

  // A guess is about one measure and one pair.
  get key() { return `${this.state.measure} ${this.state.pair}`; }

  show() {
    const { measure, pair } = this.state, { asked } = this;
    this.press(".measures", measure);
    this.press(".pairs", pair);
    this.pictures(asked);
    this.at(".asked").hidden = !asked;
    this.at(".asked legend").textContent = `Guess first: which does ${this.data.measures[measure].name} prefer?`;
    this.at(".scroll").hidden = asked;
    this.at(".said").textContent = asked ? "" : this.verdict();
    if (!asked) this.table();
  }

  // The true picture and the two of the pair, without their names while the reader is asked.
  pictures(asked) {
    const { names, people, pairs } = this.data, [left, right, person] = pairs[this.state.pair], sizes = [people, names.length];
    this.cut(this.at("[data-pane=truth]"), sizes, [person, 0]);
    [left, right].forEach((picture, side) => {
      const cell = this.at(`[data-pane="${side}"]`), name = asked ? ["one", "another"][side] : names[picture];
      this.cut(cell, sizes, [person, picture]);
      this.at(`.name${side}`).textContent = name;
      cell.ariaLabel = `Beside the true picture: ${name}`;
    });
  }

  get names() { return this.data.pairs[this.state.pair].slice(0, 2).map((k) => this.data.names[k]); }

  // The values of the pair, and which side is better: 0, 1, or -1 for neither.
  judge(measure) {
    const [left, right, person] = this.data.pairs[this.state.pair], { values, higher } = this.data.measures[measure];
    const pair = [left, right].map((picture) => values[picture - 1][person]);
    return [pair, pair[0] === pair[1] ? -1 : (pair[0] > pair[1]) === higher ? 0 : 1];
  }

  // What became of the guess.
  verdict() {
    const { measure } = this.state, [, best] = this.judge(measure);
    const is = best < 0 ? "it does not tell them apart" : `${this.data.measures[measure].name} prefers "${this.names[best]}"`;
    return `${this.guesses.get(this.key) === best ? "Right" : "No"}: ${is}.`;
  }

  // What all measures say.
  table() {
    const rows = this.data.measures.map((m, k) => {
      const [values, better] = this.judge(k);
      const cells = values.map((value, side) => `<td${side === better ? ' class="best"' : ""}>${value.toFixed(m.digits)}</td>`).join("");
      return `<tr><th scope="row">${m.name}, ${m.higher ? "more" : "less"} is better</th>${cells}</tr>`;
    });
    const head = ["measure", ...this.names].map((name) => `<th scope="col">${name}</th>`).join("");
    this.at("table").innerHTML = `<thead><tr>${head}</tr></thead><tbody>${rows.join("")}</tbody>`;
  }
}
define("vton-preferred", Preferred, BODY, SHEET + LOOK);
