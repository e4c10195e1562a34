// All methods on one person: <vton-painters>.
const LOOK = `
.panes, .all { display: grid; grid-template-columns: repeat(auto-fill, minmax(6.2rem, 1fr)); gap: .6rem; }
.panes { max-width: 30rem; margin-bottom: .6rem; grid-template-columns: repeat(3, 1fr); }
.panes p, .all p { margin: 0 0 .2rem; font-weight: 600; min-height: 1.4em; overflow-wrap: anywhere; }
.all small { display: block; font-variant-numeric: tabular-nums; }
[role=img] { border: 1px solid var(--line); border-radius: 3px; image-rendering: pixelated; }
@media (max-width: 30rem) { .panes { grid-template-columns: repeat(2, 1fr); } }`;
const BODY = `
<fieldset><legend>The person</legend><div class="row people"></div></fieldset>
<div class="panes">
  <div><p>garment</p><div class="garment" role="img" aria-label="The garment as it lies"></div></div>
  <div><p class="who"></p><div class="painted" role="img"></div></div>
  <div><p>as it should be</p><div class="person" role="img" aria-label="The person in the garment"></div></div>
</div>
<fieldset class="asked"><legend>Guess first: who painted the picture in the middle?</legend><div class="row offered"></div></fieldset>
<p class="said" aria-live="polite"></p><div class="all"></div>`;

class Painters extends RowFigure {
  begin() {
    this.offer(".people", this.data.people, (person) => this.choose({ person }));
    this.choose({ person: 0 });
  }

  get key() { return this.state.person; }

  choose(change) {
    const { person } = { ...this.state, ...change };
    super.choose({ person, open: !this.guesses.has(person) });
  }

  show() {
    const { person, open } = this.state, { names, asked, offered } = this.data, answer = asked[person];
    this.press(".people", person);
    this.crop(this.at(".garment"), 0);
    this.crop(this.at(".person"), 1);
    this.crop(this.at(".painted"), answer + 2);
    this.at(".painted").ariaLabel = open ? "A painted picture" : `What ${names[answer]} painted`;
    this.at(".who").textContent = open ? "painted by?" : names[answer];
    this.offer(".offered", offered[person].map((k) => names[k]), (k) => this.guess(offered[person][k], ".people [aria-pressed=true]"));
    this.at(".asked").hidden = !open;
    this.at(".all").replaceChildren(...(open ? [] : names.map((name, k) => this.card(name, k))));
    this.at(".said").textContent = open ? "" : this.verdict();
  }

  // Picture number `place` of this person's sheet.
  crop(box, place) {
    const [height, width] = this.data.size, count = this.data.names.length + 2;
    box.style = `aspect-ratio: ${width} / ${height}; background: `
      + `url(${this.data.sheets[this.key]}) ${100 * place / (count - 1)}% 0 / ${100 * count}% 100% no-repeat`;
  }

  card(name, k) {
    const box = make("div", { role: "img", ariaLabel: `What ${name} painted` });
    const numbers = Object.entries(this.data.readings).map(([what, found]) => `${what} ${found[k][this.key].toFixed(2)}`);
    this.crop(box, k + 2);
    return make("div", {}, make("p", {}, name), box, make("small", {}, numbers.join(", ")));
  }

  // What became of the guess, and of all so far.
  verdict() {
    const { asked, names } = this.data, right = this.guesses.get(this.key) === asked[this.key];
    const hits = [...this.guesses].filter(([person, guess]) => guess === asked[person]).length;
    return `${right ? "Right" : "No"}: ${names[asked[this.key]]}. ${hits} of ${this.guesses.size} so far.`;
  }
}
define("vton-painters", Painters, BODY, ROWS + LOOK);
