// Pictures and a question: <vton-guess>.
const LOOK = `
.panes { grid-template-columns: repeat(auto-fit, minmax(5rem, 1fr)); margin-bottom: .7rem; }
.said { min-height: 2.8em; }`;
const BODY = `
<fieldset><legend>The case</legend><div class="row cases"></div></fieldset>
<div class="panes"></div>
<fieldset><legend class="question"></legend><div class="row choices"></div></fieldset>
<p class="said" aria-live="polite"></p>`;

class Guess extends SheetFigure {
  begin() {
    const { answers, choices, question } = this.data;
    this.at(".question").textContent = question;
    this.offer(".cases", answers.map((_, k) => k + 1), (k) => this.choose({ case: k }), "case");
    this.offer(".choices", choices, (k) => { this.guesses.set(this.key, k); this.choose(); });
    this.choose({ case: Math.min(this.state?.case ?? 0, answers.length - 1) });
  }

  get key() { return this.state.case; }

  show() {
    const { answers, choices, titles, notes } = this.data, guess = this.guesses.get(this.key), right = answers[this.key];
    this.press(".cases", this.key);
    this.press(".choices", guess);
    this.at(".panes").replaceChildren(...titles.map((title, column) => this.pane(title, column)));
    this.at(".said").textContent = this.asked ? "" : `${guess === right ? "Right" : "No"}: ${choices[right]}. ${notes[this.key]}`;
  }

  // One picture of the case; a question mark until the guess, where it tells the cause.
  pane(title, column) {
    const { answers, titles, shown } = this.data, sizes = [titles.length, answers.length];
    const cell = make("span", { className: "cell" });
    this.cut(cell, sizes, [column, this.key]);
    if (column >= shown && this.asked) cell.replaceChildren("?");
    else Object.assign(cell, { role: "img", ariaLabel: `${title}, case ${this.key + 1}` });
    return make("div", {}, make("p", {}, title), cell);
  }
}
define("vton-guess", Guess, BODY, SHEET + LOOK);
