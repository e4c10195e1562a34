// Garments on persons: <vton-wardrobe>.
const LOOK = `
.choices { display: flex; flex-wrap: wrap; column-gap: 1.4rem; }
.choices .cell { width: 2.6rem; }
.choices button:has(.cell) { padding: 2px; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }`;
const CHOICES = ["garment", "person", "seed"];
const BODY = `
<div class="choices">${CHOICES.map((name) => `<fieldset><legend>${name}</legend><div class="row ${name}"></div></fieldset>`).join("")}</div>
<div class="panes">
  <div><p>garment</p><span class="cell" role="img" data-pane="garment"></span></div>
  <div><p>it sees</p><span class="cell" role="img" data-pane="person"></span></div>
  <div><p>it paints</p><span class="cell" role="img" data-pane="painted"></span></div>
  <div class="known"><p>truth</p><span class="cell" data-pane="truth"></span></div>
</div>
<p class="unseen" aria-live="polite"></p>`;

class Wardrobe extends SheetFigure {
  // What was chosen stays where it can.
  begin() {
    this.at(".known").hidden = !this.data.truth;
    for (const name of CHOICES) this.row(name);
    this.choose(this.state ?? { garment: 0, person: 0, seed: 0, truth: false });
  }

  get seeds() { return this.data.seeds.length; }
  get many() { return { garment: this.data.garments, person: this.data.persons, seed: this.seeds }; }

  // The buttons of one choice: numbers of seeds, pictures of garments and persons.
  row(name) {
    const texts = Array.from({ length: this.many[name] }, (_, k) => (name === "seed" ? this.data.seeds[k] : k + 1));
    this.offer(`.${name}`, texts, (k) => this.choose({ [name]: k }), name);
    if (name !== "seed") [...this.at(`.${name}`).children].forEach((button, k) => {
      button.replaceChildren(make("span", { className: "cell" }));
      this.fill(button.firstChild, name, { garment: k, person: k, seed: 0 });
    });
  }

  // Put the picture of a pane into a cell.
  fill(cell, pane, { garment, person, seed }) {
    const each = this.seeds + this.data.truth, first = 1 + garment * each;
    const place = { garment: [first, 0], person: [0, 1 + person], truth: [first, 1 + person], painted: [first + this.data.truth + seed, 1 + person] };
    this.cut(cell, [1 + this.data.garments * each, 1 + this.data.persons], place[pane]);
  }

  choose(change) {
    const want = { ...this.state, ...change };
    for (const name of CHOICES) want[name] = Math.min(want[name], this.many[name] - 1);
    // A new person or garment hides the truth again.
    if (!("truth" in change) && ("person" in change || "garment" in change)) want.truth = false;
    super.choose(want);
  }

  show() {
    for (const name of CHOICES) this.press(`.${name}`, this.state[name]);
    for (const pane of ["garment", "person", "painted"]) this.reveal(pane);
    if (this.data.truth) this.reveal("truth");
    if (this.data.truth && !this.state.truth) this.hide(this.at("[data-pane=truth]"));
    this.at(".unseen").textContent = `${this.words("painted")}.`;
  }

  words(pane) {
    const { garment, person, seed } = this.state, who = `person ${person + 1}`, what = `garment ${garment + 1}`;
    return { garment: what, person: `${who} without the clothes to paint`, painted: `${who} in ${what} as painted with seed ${this.data.seeds[seed]}`, truth: `${who} in ${what}, the truth` }[pane];
  }

  reveal(pane) {
    const cell = this.at(`[data-pane=${pane}]`);
    this.fill(cell, pane, this.state);
    Object.assign(cell, { role: "img", ariaLabel: this.words(pane) });
  }

  // The button that shows the truth, in its place.
  hide(cell) {
    Object.assign(cell, { role: null, ariaLabel: null });
    cell.replaceChildren(make("button", { onclick: () => this.choose({ truth: true }), ariaLabel: "show the truth" }, "show"));
  }
}
define("vton-wardrobe", Wardrobe, BODY, SHEET + LOOK);
