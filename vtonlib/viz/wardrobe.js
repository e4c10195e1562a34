// Garments on persons: <vton-wardrobe>. No import and no request, so that it works from a file.
// A page inlines this script; in a live notebook anywidget loads it with live.js behind it.
const STYLE = `
:host { display: block; max-width: 44rem; margin: 1rem auto; color: inherit; font: inherit;
  --line: color-mix(in srgb, currentColor 30%, transparent);
  --accent: var(--pst-color-link, var(--jp-content-link-color, #1f83d6)); }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
figure { margin: 0; font-size: .9em; line-height: 1.4; }
.choices { display: flex; flex-wrap: wrap; gap: .5rem 1.4rem; margin-bottom: .8rem; }
fieldset { border: 0; margin: 0; padding: 0; min-width: 0; }
legend { padding: 0 0 .2rem; font-weight: 600; }
.row { display: flex; flex-wrap: wrap; gap: .35rem; }
button { font: inherit; color: inherit; background: var(--pst-color-background, Canvas); cursor: pointer; padding: 2px;
  border: 1px solid var(--line); border-radius: 4px; min-width: 28px; min-height: 28px; }
button[aria-pressed=true] { border-color: var(--accent); box-shadow: 0 0 0 2px var(--accent); }
button .cell { width: 2.6rem; }
.text { padding: .15em .7em; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; }
.panes { display: grid; grid-template-columns: repeat(4, 1fr); gap: .6rem; }
.panes p { margin: 0 0 .2rem; font-weight: 600; }
.cell { display: block; position: relative; overflow: hidden; border-radius: 3px; background: #fff; width: 100%; }
.cell img { position: absolute; max-width: none; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.truth { display: flex; align-items: center; justify-content: center; background: color-mix(in srgb, currentColor 8%, transparent); }
figcaption { margin-top: .6rem; }
@media (max-width: 30rem) { .panes { grid-template-columns: repeat(2, 1fr); } }`;
const SHELL = `<style>${STYLE}</style><figure>
<div class="choices"></div>
<div class="panes">
  <div><p>garment</p><span class="cell" role="img" data-pane="garment"></span></div>
  <div><p>it sees</p><span class="cell" role="img" data-pane="person"></span></div>
  <div><p>it paints</p><span class="cell" role="img" data-pane="painted"></span></div>
  <div class="known"><p>truth</p><span class="cell truth" data-pane="truth"></span></div>
</div>
<p class="unseen" aria-live="polite"></p><figcaption></figcaption></figure>`;
const CHOICES = ["garment", "person", "seed"];

class Wardrobe extends HTMLElement {
  connectedCallback() { if (!this.shadowRoot) this.load(this); }

  // Show what `source` holds: a script of JSON, the sheet of pictures, a caption. What was chosen stays where it can.
  load(source) {
    this.data = JSON.parse(source.querySelector("script").textContent);
    this.sheet = source.querySelector("img");
    if (!this.shadowRoot) this.attachShadow({ mode: "open" }).innerHTML = SHELL;
    this.at = (query) => this.shadowRoot.querySelector(query);
    this.at("figcaption").textContent = source.querySelector("figcaption")?.textContent ?? "";
    this.at(".known").hidden = !this.data.truth;
    this.offer();
    this.choose(this.state ?? { garment: 0, person: 0, seed: 0, truth: false });
  }

  get seeds() { return this.data.seeds.length; }
  get many() { return { garment: this.data.garments, person: this.data.persons, seed: this.seeds }; }

  // Column and row of a picture in the sheet.
  place(pane, { garment, person, seed }) {
    const first = 1 + garment * (this.seeds + this.data.truth);
    return { garment: [first, 0], person: [0, 1 + person], truth: [first, 1 + person], painted: [first + this.data.truth + seed, 1 + person] }[pane];
  }

  // Put one picture of the sheet into an element.
  cut(cell, [column, row]) {
    const columns = 1 + this.data.garments * (this.seeds + this.data.truth), rows = 1 + this.data.persons;
    cell.style.aspectRatio = `${this.sheet.getAttribute("width") / columns} / ${this.sheet.getAttribute("height") / rows}`;
    const image = Object.assign(new Image(), { alt: "", src: this.sheet.src });
    // Enlarged by 2 %, so that no neighbour shows at the edges.
    const [size, at] = [(n) => `${102 * n}%`, (k) => `${-102 * k - 1}%`];
    image.style.cssText = `width: ${size(columns)}; height: ${size(rows)}; left: ${at(column)}; top: ${at(row)}`;
    cell.replaceChildren(image);
  }

  offer() {
    this.at(".choices").replaceChildren(...CHOICES.filter((name) => this.many[name] > 1).map((name) => {
      const set = Object.assign(document.createElement("fieldset"), { innerHTML: `<legend>${name}</legend><div class="row"></div>` });
      for (let k = 0; k < this.many[name]; k++) {
        const button = document.createElement("button"), cell = document.createElement("span");
        button.dataset.name = name;
        button.dataset.number = k;
        button.setAttribute("aria-label", `${name} ${name === "seed" ? this.data.seeds[k] : k + 1}`);
        if (name === "seed") { button.className = "text"; button.textContent = this.data.seeds[k]; }
        else { cell.className = "cell"; this.cut(cell, this.place(name, { garment: k, person: k, seed: 0 })); button.append(cell); }
        button.addEventListener("click", () => this.choose({ [name]: k }));
        set.lastElementChild.append(button);
      }
      return set;
    }));
  }

  choose(change) {
    const want = { ...this.state, ...change };
    for (const name of CHOICES) want[name] = Math.min(want[name], this.many[name] - 1);
    // A new person or garment hides the truth again.
    if (!("truth" in change) && ("person" in change || "garment" in change)) want.truth = false;
    this.state = want;
    for (const button of this.shadowRoot.querySelectorAll("[data-name]"))
      button.setAttribute("aria-pressed", want[button.dataset.name] === +button.dataset.number);
    for (const pane of ["garment", "person", "painted"]) {
      const cell = this.at(`[data-pane=${pane}]`);
      this.cut(cell, this.place(pane, want));
      cell.setAttribute("aria-label", this.words(pane));
    }
    this.reveal();
    this.at(".unseen").textContent = `${this.words("painted")}.`;
    this.dispatchEvent(new CustomEvent("vton-change", { detail: { ...want } }));
  }

  words(pane) {
    const { garment, person, seed } = this.state, who = `person ${person + 1}`, what = `garment ${garment + 1}`;
    return { garment: what, person: `${who} without the clothes to paint`, painted: `${who} in ${what} as painted with seed ${this.data.seeds[seed]}`, truth: `${who} in ${what}, the truth` }[pane];
  }

  // The truth, or the button that shows it.
  reveal() {
    const cell = this.at("[data-pane=truth]");
    if (!this.data.truth) return;
    this.cut(cell, this.place("truth", this.state));
    if (this.state.truth) { cell.setAttribute("role", "img"); cell.setAttribute("aria-label", this.words("truth")); return; }
    cell.removeAttribute("role");
    cell.removeAttribute("aria-label");
    const button = Object.assign(document.createElement("button"), { className: "text", textContent: "show" });
    button.setAttribute("aria-label", "show the truth");
    button.addEventListener("click", () => this.choose({ truth: true }));
    cell.replaceChildren(button);
  }
}
if (!customElements.get("vton-wardrobe")) customElements.define("vton-wardrobe", Wardrobe);
