// Which of two pictures does a measure prefer: <vton-preferred>. No import and no request, so that it works from a file.
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
.panes { display: grid; grid-template-columns: repeat(3, minmax(0, 9rem)); gap: .6rem; margin-bottom: .6rem; }
.panes p { margin: 0 0 .2rem; font-weight: 600; min-height: 1.4em; }
.cell { display: block; position: relative; overflow: hidden; border-radius: 3px; background: #fff; width: 100%; }
.cell img { position: absolute; max-width: none; image-rendering: pixelated; }
.said { margin: .5rem 0; min-height: 1.4em; }
table { border-collapse: collapse; }
th, td { text-align: right; padding: .1rem .7rem; border-bottom: 1px solid var(--line); font-weight: inherit; }
th:first-child { text-align: left; }
td.best { font-weight: 700; text-decoration: underline; }
.scroll { overflow-x: auto; }
figcaption { margin-top: .6rem; }`;
const SHELL = `<style>${STYLE}</style><figure>
<fieldset><legend>The measure</legend><div class="row measures"></div></fieldset>
<fieldset><legend>The pair</legend><div class="row pairs"></div></fieldset>
<div class="panes">
  <div><p>the true picture</p><span class="cell" role="img" data-pane="truth" aria-label="The true picture"></span></div>
  <div><p class="name0"></p><span class="cell" role="img" data-pane="0"></span></div>
  <div><p class="name1"></p><span class="cell" role="img" data-pane="1"></span></div>
</div>
<fieldset class="asked"><legend></legend><div class="row">
  <button data-guess="0">the left one</button><button data-guess="1">the right one</button></div></fieldset>
<p class="said" aria-live="polite"></p>
<div class="scroll" tabindex="0" role="region" aria-label="What all measures say"><table></table></div><figcaption></figcaption></figure>`;

class Preferred extends HTMLElement {
  connectedCallback() { if (!this.shadowRoot) this.load(this); }

  // Show what `source` holds: a script of JSON, the sheet of pictures, a caption.
  load(source) {
    this.data = JSON.parse(source.querySelector("script").textContent);
    this.sheet = source.querySelector("img");
    if (!this.shadowRoot) this.attachShadow({ mode: "open" }).innerHTML = SHELL;
    this.at = (query) => this.shadowRoot.querySelector(query);
    this.at("figcaption").textContent = source.querySelector("figcaption")?.textContent ?? "";
    this.guesses = new Map();
    this.offer(".measures", this.data.measures.map((m) => m.name), (measure) => ({ measure }));
    this.offer(".pairs", this.data.pairs.map((_, k) => `${k + 1}`), (pair) => ({ pair }));
    for (const button of this.shadowRoot.querySelectorAll("[data-guess]"))
      button.onclick = () => { this.guesses.set(this.key, +button.dataset.guess); this.choose({}); this.at(".pairs [aria-pressed=true]").focus(); };
    this.choose({ measure: 0, pair: 0 });
  }

  // A guess is about one measure and one pair.
  get key() { return `${this.state.measure} ${this.state.pair}`; }

  offer(place, texts, change) {
    this.at(place).replaceChildren(...texts.map((text, k) => {
      const button = Object.assign(document.createElement("button"), { textContent: text });
      button.addEventListener("click", () => this.choose(change(k)));
      return button;
    }));
  }

  // Put the picture of one row and column of the sheet into an element.
  cut(cell, row, column) {
    const { names, people } = this.data, rows = names.length;
    cell.style.aspectRatio = `${this.sheet.getAttribute("width") / people} / ${this.sheet.getAttribute("height") / rows}`;
    const image = Object.assign(new Image(), { alt: "", src: this.sheet.src });
    // Enlarged by 2 %, so that no neighbour shows at the edges.
    const [size, at] = [(n) => `${102 * n}%`, (k) => `${-102 * k - 1}%`];
    image.style.cssText = `width: ${size(people)}; height: ${size(rows)}; left: ${at(column)}; top: ${at(row)}`;
    cell.replaceChildren(image);
  }

  choose(change) {
    this.state = { ...this.state, ...change };
    const { measure, pair } = this.state, [left, right, person] = this.data.pairs[pair], asked = !this.guesses.has(this.key);
    const press = (place, number) => [...this.at(place).children].forEach((button, k) => button.setAttribute("aria-pressed", k === number));
    press(".measures", measure);
    press(".pairs", pair);
    this.cut(this.at("[data-pane=truth]"), 0, person);
    [left, right].forEach((picture, side) => {
      const cell = this.at(`[data-pane="${side}"]`), name = asked ? ["one", "another"][side] : this.data.names[picture];
      this.cut(cell, picture, person);
      this.at(`.name${side}`).textContent = name;
      cell.setAttribute("aria-label", `Beside the true picture: ${name}`);
    });
    this.at(".asked").hidden = !asked;
    this.at(".asked legend").textContent = `Guess first: which does ${this.data.measures[measure].name} prefer?`;
    this.tell(asked);
    this.dispatchEvent(new CustomEvent("vton-change", { detail: { ...this.state } }));
  }

  // The values of the pair, and which side is better: 0, 1, or -1 for neither.
  judge(measure) {
    const [left, right, person] = this.data.pairs[this.state.pair], { values, higher } = this.data.measures[measure];
    const pair = [left, right].map((picture) => values[picture - 1][person]);
    return [pair, pair[0] === pair[1] ? -1 : (pair[0] > pair[1]) === higher ? 0 : 1];
  }

  // What became of the guess, and all measures.
  tell(asked) {
    this.at(".scroll").hidden = asked;
    if (asked) { this.at(".said").textContent = ""; return; }
    const { measure, pair } = this.state, names = this.data.pairs[pair].slice(0, 2).map((k) => this.data.names[k]), [, best] = this.judge(measure);
    const verdict = best < 0 ? "it does not tell them apart" : `${this.data.measures[measure].name} prefers "${names[best]}"`;
    this.at(".said").textContent = `${this.guesses.get(this.key) === best ? "Right" : "No"}: ${verdict}.`;
    const rows = this.data.measures.map((m, k) => {
      const [values, better] = this.judge(k);
      const cells = values.map((value, side) => `<td${side === better ? ' class="best"' : ""}>${value.toFixed(m.digits)}</td>`).join("");
      return `<tr><th scope="row">${m.name}, ${m.higher ? "more" : "less"} is better</th>${cells}</tr>`;
    });
    this.at("table").innerHTML = `<thead><tr><th scope="col">measure</th><th scope="col">${names[0]}</th><th scope="col">${names[1]}</th></tr></thead><tbody>${rows.join("")}</tbody>`;
  }
}
if (!customElements.get("vton-preferred")) customElements.define("vton-preferred", Preferred);
