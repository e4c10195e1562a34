// Pictures and a question: <vton-guess>. No import and no request, so that it works from a file.
// A page inlines this script; in a live notebook anywidget loads it with live.js behind it.
const STYLE = `
:host { display: block; max-width: 44rem; margin: 1rem auto; color: inherit; font: inherit;
  --line: color-mix(in srgb, currentColor 30%, transparent);
  --accent: var(--pst-color-link, var(--jp-content-link-color, #1f83d6)); }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
figure { margin: 0; font-size: .9em; line-height: 1.4; }
fieldset { border: 0; margin: 0 0 .6rem; padding: 0; min-width: 0; }
legend { padding: 0 0 .2rem; font-weight: 600; }
.row { display: flex; flex-wrap: wrap; gap: .35rem; }
button { font: inherit; color: inherit; background: var(--pst-color-background, Canvas); cursor: pointer; padding: .15em .7em;
  border: 1px solid var(--line); border-radius: 4px; min-width: 28px; min-height: 28px; }
button[aria-pressed=true] { border-color: var(--accent); box-shadow: 0 0 0 2px var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; }
.panes { display: grid; grid-template-columns: repeat(auto-fit, minmax(5rem, 1fr)); gap: .6rem; margin-bottom: .7rem; }
.panes p { margin: 0 0 .2rem; font-weight: 600; }
.cell { display: flex; align-items: center; justify-content: center; position: relative; overflow: hidden; border-radius: 3px;
  background: color-mix(in srgb, currentColor 8%, transparent); width: 100%; }
.cell img { position: absolute; max-width: none; }
.said { margin: .3rem 0 0; min-height: 2.8em; }
figcaption { margin-top: .6rem; }`;
const SHELL = `<style>${STYLE}</style><figure>
<fieldset><legend>The case</legend><div class="row cases"></div></fieldset>
<div class="panes"></div>
<fieldset class="asked"><legend></legend><div class="row choices"></div></fieldset>
<p class="said" aria-live="polite"></p><figcaption></figcaption></figure>`;

class Guess extends HTMLElement {
  connectedCallback() { if (!this.shadowRoot) this.load(this); }

  // Show what `source` holds: a script of JSON, the sheet of pictures, a caption.
  load(source) {
    this.data = JSON.parse(source.querySelector("script").textContent);
    this.sheet = source.querySelector("img");
    if (!this.shadowRoot) this.attachShadow({ mode: "open" }).innerHTML = SHELL;
    this.at = (query) => this.shadowRoot.querySelector(query);
    this.at("figcaption").textContent = source.querySelector("figcaption")?.textContent ?? "";
    this.at(".asked legend").textContent = this.data.question;
    this.guesses = new Map();
    this.offer(".cases", this.data.answers.map((_, k) => `${k + 1}`), (k) => this.choose({ case: k }));
    this.offer(".choices", this.data.choices, (k) => { this.guesses.set(this.state.case, k); this.choose({}); });
    this.choose({ case: Math.min(this.state?.case ?? 0, this.data.answers.length - 1) });
  }

  offer(where, texts, act) {
    this.at(where).replaceChildren(...texts.map((text, k) => {
      const button = Object.assign(document.createElement("button"), { textContent: text });
      if (where === ".cases") button.setAttribute("aria-label", `case ${text}`);
      button.addEventListener("click", () => act(k));
      return button;
    }));
  }

  choose(change) {
    this.state = { ...this.state, ...change };
    const at = this.state.case, guess = this.guesses.get(at), known = guess !== undefined;
    const press = (where, chosen) => [...this.at(where).children].forEach((b, k) => b.setAttribute("aria-pressed", k === chosen));
    press(".cases", at);
    press(".choices", guess);
    this.at(".panes").replaceChildren(...this.data.titles.map((title, column) => this.pane(title, column, known)));
    const right = this.data.answers[at], words = this.data.choices[right];
    this.at(".said").textContent = known ? `${guess === right ? "Right" : "No"}: ${words}. ${this.data.notes[at]}` : "";
    this.dispatchEvent(new CustomEvent("vton-change", { detail: { ...this.state } }));
  }

  // One picture of the case; a question mark until the guess, where it tells the cause.
  pane(title, column, known) {
    const pane = Object.assign(document.createElement("div"), { innerHTML: `<p></p><span class="cell"></span>` });
    const cell = pane.lastElementChild, columns = this.data.titles.length, rows = this.data.answers.length;
    pane.firstElementChild.textContent = title;
    cell.style.aspectRatio = `${this.sheet.getAttribute("width") / columns} / ${this.sheet.getAttribute("height") / rows}`;
    if (column >= this.data.shown && !known) { cell.textContent = "?"; return pane; }
    cell.setAttribute("role", "img");
    cell.setAttribute("aria-label", `${title}, case ${this.state.case + 1}`);
    const image = Object.assign(new Image(), { alt: "", src: this.sheet.src });
    const [size, at] = [(n) => `${102 * n}%`, (k) => `${-102 * k - 1}%`]; // enlarged by 2 %: no neighbour shows
    image.style.cssText = `width: ${size(columns)}; height: ${size(rows)}; left: ${at(column)}; top: ${at(this.state.case)}`;
    cell.append(image);
    return pane;
  }
}
if (!customElements.get("vton-guess")) customElements.define("vton-guess", Guess);
