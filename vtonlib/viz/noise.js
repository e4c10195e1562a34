// Whose garment does a guess show? <vton-noise>. No import and no request, so that it works from a file.
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
button { font: inherit; color: inherit; background: var(--pst-color-background, Canvas); cursor: pointer; padding: .15em .7em;
  border: 1px solid var(--line); border-radius: 4px; min-width: 28px; min-height: 28px; }
button[aria-pressed=true] { border-color: var(--accent); box-shadow: 0 0 0 2px var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; }
.panes { display: grid; grid-template-columns: repeat(4, 1fr); gap: .6rem; }
.panes p { margin: 0 0 .2rem; font-weight: 600; }
.cell { display: block; position: relative; overflow: hidden; border-radius: 3px; background: #fff; width: 100%; }
.cell img { position: absolute; max-width: none; }
.hidden { display: flex; align-items: center; justify-content: center; font-size: 2em;
  background: color-mix(in srgb, currentColor 8%, transparent); }
.asked { margin-top: .7rem; }
.said { margin: .6rem 0 0; min-height: 1.4em; }
figcaption { margin-top: .6rem; }
@media (max-width: 30rem) { .panes { grid-template-columns: repeat(2, 1fr); } }`;
const SHELL = `<style>${STYLE}</style><figure>
<div class="choices"></div>
<div class="panes">
  <div><p>the person</p><span class="cell" role="img" data-pane="person"></span></div>
  <div><p>noised: it sees</p><span class="cell" role="img" data-pane="noisy"></span></div>
  <div><p>it is given</p><span class="cell" role="img" data-pane="given"></span></div>
  <div><p>its guess</p><span class="cell" data-pane="guess"></span></div>
</div>
<fieldset class="asked"><legend>Whose garment will the guess show?</legend><div class="row">
  <button data-answer="0">the one in the noise</button><button data-answer="1">the one it is given</button></div></fieldset>
<p class="said" aria-live="polite"></p><figcaption></figcaption></figure>`;

class NoiseExplorer extends HTMLElement {
  connectedCallback() { if (!this.shadowRoot) this.load(this); }

  // Show what `source` holds: a script of JSON, the sheet of pictures, a caption.
  load(source) {
    this.data = JSON.parse(source.querySelector("script").textContent);
    this.sheet = source.querySelector("img");
    if (!this.shadowRoot) this.attachShadow({ mode: "open" }).innerHTML = SHELL;
    this.at = (query) => this.shadowRoot.querySelector(query);
    this.at("figcaption").textContent = source.querySelector("figcaption")?.textContent ?? "";
    this.answers = new Map();
    this.offer("noise level", "level", this.data.levels);
    this.offer("person", "person", [...Array(this.data.persons).keys()].map((k) => k + 1));
    for (const button of this.shadowRoot.querySelectorAll("[data-answer]"))
      button.onclick = () => this.answer(+button.dataset.answer);
    this.choose(this.state ?? { level: 0, person: 0 });
  }

  offer(title, name, texts) {
    const old = this.at(`fieldset[data-of=${name}]`);
    const set = Object.assign(document.createElement("fieldset"), { innerHTML: `<legend>${title}</legend><div class="row"></div>` });
    set.dataset.of = name;
    texts.forEach((text, k) => {
      const button = Object.assign(document.createElement("button"), { textContent: text });
      button.dataset.name = name;
      button.dataset.number = k;
      button.setAttribute("aria-label", `${title} ${text}`);
      button.addEventListener("click", () => this.choose({ [name]: k }));
      set.lastElementChild.append(button);
    });
    if (old) old.replaceWith(set); else this.at(".choices").append(set);
  }

  // Put one picture of the sheet into an element.
  cut(pane, column, words) {
    const columns = 2 + 2 * this.data.levels.length, rows = this.data.persons, cell = this.at(`[data-pane=${pane}]`);
    cell.style.aspectRatio = `${this.sheet.getAttribute("width") / columns} / ${this.sheet.getAttribute("height") / rows}`;
    cell.classList.remove("hidden");
    const image = Object.assign(new Image(), { alt: "", src: this.sheet.src });
    // Enlarged by 2 %, so that no neighbour shows at the edges.
    const [size, at] = [(n) => `${102 * n}%`, (k) => `${-102 * k - 1}%`];
    image.style.cssText = `width: ${size(columns)}; height: ${size(rows)}; left: ${at(column)}; top: ${at(this.state.person)}`;
    cell.replaceChildren(image);
    cell.setAttribute("role", "img");
    cell.setAttribute("aria-label", words);
  }

  get key() { return `${this.state.level}/${this.state.person}`; }

  choose(change) {
    this.state = { ...this.state, ...change };
    const { level, person } = this.state, who = `person ${person + 1}`, step = `noise level ${this.data.levels[level]}`;
    for (const button of this.shadowRoot.querySelectorAll("[data-name]"))
      button.setAttribute("aria-pressed", this.state[button.dataset.name] === +button.dataset.number);
    this.cut("person", 0, `${who} in its own garment`);
    this.cut("given", 1, `the garment that the model is given for ${who}`);
    this.cut("noisy", 2 + 2 * level, `${who}, noised to ${step}`);
    this.cut("guess", 3 + 2 * level, `the model's guess for ${who} at ${step}`);
    const asked = !this.answers.has(this.key);
    this.at(".asked").hidden = !asked;
    if (asked) {
      const cell = this.at("[data-pane=guess]");
      cell.classList.add("hidden");
      cell.replaceChildren("?");
      cell.setAttribute("aria-label", "the guess is hidden until you have answered");
    }
    this.say();
    this.dispatchEvent(new CustomEvent("vton-change", { detail: { ...this.state } }));
  }

  answer(given) {
    this.answers.set(this.key, given);
    const last = this.at("[data-name=level][aria-pressed=true]");
    this.choose({});
    last?.focus();
  }

  // What was right, and the score.
  say() {
    const said = this.at(".said"), truth = (key) => { const [k, p] = key.split("/"); return this.data.follows[k][p]; };
    if (!this.answers.has(this.key)) { said.textContent = ""; return; }
    const follows = truth(this.key), right = [...this.answers].filter(([key, given]) => truth(key) === given).length;
    said.textContent = `${this.answers.get(this.key) === follows ? "Right" : "No"}: inside the garment the guess is nearer to the one `
      + `${follows ? "it is given" : "in the noise"}. ${right} of ${this.answers.size} right so far.`;
  }
}
if (!customElements.get("vton-noise")) customElements.define("vton-noise", NoiseExplorer);
