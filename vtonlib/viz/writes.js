// What a restart finds when writing ends half way: <vton-writes>.
const LOOK = `
li { padding: .1rem .3rem; } li.undone { font-style: italic; }
ol { margin: 0 0 .8rem; padding-left: 1.6rem; }`;
const BODY = `
<fieldset><legend>The file is written</legend><div class="row ways"></div></fieldset>
<fieldset><legend>and the program is ended by</legend><div class="row ends"></div></fieldset>
<fieldset><legend>after so many operations</legend><div class="row moments"></div></fieldset>
<ol></ol>
<fieldset><legend>What may a restart find under the file's name? Guess first.</legend><div class="row guess"></div></fieldset>
<div class="row"><button class="show">show</button></div>
<p class="said" aria-live="polite"></p>`;
const WORDS = { old: "the old file", new: "the new file", torn: "a torn one" }, KINDS = Object.keys(WORDS);
const toggled = (list, one) => (list.includes(one) ? list.filter((other) => other !== one) : [...list, one]);

class Writes extends RowFigure {
  begin() {
    const { order: ways, ends } = this.data, fresh = { guess: [], shown: false };
    this.offer(".ways", ways, (k) => this.choose({ way: ways[k], moment: 0, ...fresh }));
    this.offer(".ends", ends, (k) => this.choose({ end: ends[k], ...fresh }));
    this.offer(".guess", Object.values(WORDS), (k) => this.choose({ guess: toggled(this.state.guess, KINDS[k]), shown: false }));
    this.at(".show").onclick = () => this.choose({ shown: true });
    this.choose(this.state ?? { way: ways[0], end: ends[0], moment: 0, ...fresh });
  }

  show() {
    const { way, end, moment, guess, shown } = this.state, steps = this.data.ways[way], { order, ends, outcomes } = this.data;
    if (this.at(".moments").children.length !== steps.length + 1)
      this.offer(".moments", [...steps.keys(), steps.length], (k) => this.choose({ moment: k, guess: [], shown: false }));
    this.press(".ways", order.indexOf(way));
    this.press(".ends", ends.indexOf(end));
    this.press(".moments", moment);
    this.press(".guess", guess.map((one) => KINDS.indexOf(one)));
    this.at("ol").replaceChildren(...steps.map((text, k) =>
      make("li", { className: k < moment ? "" : "undone" }, k < moment ? `${text} (done)` : text)));
    this.at(".show").hidden = shown;
    const found = outcomes[way][end][moment], right = `${[...found].sort()}` === `${[...guess].sort()}`;
    const list = found.map((one) => WORDS[one]).join(", or ");
    const lost = found.includes("torn") ? " The run can be lost." : "";
    this.at(".said").textContent = shown ? `${right ? "Right" : "Not so"}: ${list}.${lost}` : "";
  }
}
define("vton-writes", Writes, BODY, ROWS + LOOK);
