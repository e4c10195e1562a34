// Which weights move at which step: <vton-zero-steps>. No import and no request, so that it works from a file.
const STYLE = `
:host { display: block; max-width: 44rem; margin: 1rem auto; color: inherit; font: inherit;
  --line: color-mix(in srgb, currentColor 30%, transparent);
  --accent: var(--pst-color-link, var(--jp-content-link-color, #1f83d6)); }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
figure { margin: 0; font-size: .9em; line-height: 1.45; }
fieldset { border: 0; margin: 0 0 .8rem; padding: 0; min-width: 0; }
legend { padding: 0 0 .2rem; font-weight: 600; }
.row { display: flex; flex-wrap: wrap; gap: .35rem; }
button { font: inherit; color: inherit; background: var(--pst-color-background, Canvas); cursor: pointer;
  padding: .15em .7em; border: 1px solid var(--line); border-radius: 4px; min-width: 28px; min-height: 28px; }
button[aria-pressed=true] { border-color: var(--accent); box-shadow: 0 0 0 2px var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; }
table { border-collapse: collapse; margin-bottom: .6rem; }
th, td { text-align: left; padding: .25rem .7rem .25rem 0; border-bottom: 1px solid var(--line); font-weight: 400; }
thead th { font-weight: 600; }
.verdict { min-height: 1.5em; margin: .5rem 0; }
figcaption { margin-top: .6rem; }`;
const SHELL = `<style>${STYLE}</style><figure>
<fieldset class="way"><legend>The branch begins with</legend><div class="row"></div></fieldset>
<fieldset class="step"><legend>at step</legend><div class="row"></div></fieldset>
<fieldset class="guess"><legend>Which weights receive a gradient? Guess first.</legend><div class="row"></div></fieldset>
<div class="row"><button class="show">show</button></div>
<p class="verdict" aria-live="polite"></p>
<table hidden><thead><tr><th scope="col">weight</th><th scope="col">your guess</th><th scope="col">gradient</th></tr></thead><tbody></tbody></table>
<figcaption></figcaption></figure>`;

class ZeroSteps extends HTMLElement {
  connectedCallback() { if (!this.shadowRoot) this.load(this); }

  load(source) {
    this.data = JSON.parse(source.querySelector("script").textContent);
    if (!this.shadowRoot) this.attachShadow({ mode: "open" }).innerHTML = SHELL;
    this.at = (query) => this.shadowRoot.querySelector(query);
    this.at("figcaption").textContent = source.querySelector("figcaption")?.textContent ?? "";
    const names = Object.keys(this.data.ways), steps = this.data.ways[names[0]].length;
    this.offer("way", names.map((name) => [name, name]), (way) => this.choose({ way, guess: [], shown: false }));
    this.offer("step", Array.from({ length: steps }, (_, k) => [k, `${k}`]), (step) => this.choose({ step, guess: [], shown: false }));
    this.offer("guess", this.data.weights.map((name, i) => [name, `${name}: ${this.data.meaning[i]}`]), (name) => {
      const guess = this.state.guess.includes(name) ? this.state.guess.filter((one) => one !== name) : [...this.state.guess, name];
      this.choose({ guess, shown: false });
    });
    this.at(".show").onclick = () => this.choose({ shown: true });
    this.choose(this.state ?? { way: names[0], step: 0, guess: [], shown: false });
  }

  offer(kind, items, pick) {
    this.at(`.${kind} .row`).replaceChildren(...items.map(([value, text]) => {
      const button = Object.assign(document.createElement("button"), { textContent: text });
      button.dataset.value = value;
      button.addEventListener("click", () => pick(value));
      return button;
    }));
  }

  choose(change) {
    this.state = { ...this.state, ...change };
    const { way, step, guess, shown } = this.state;
    const press = (kind, on) => this.shadowRoot.querySelectorAll(`.${kind} button`).forEach((one) => one.setAttribute("aria-pressed", on(one.dataset.value)));
    press("way", (value) => value === way);
    press("step", (value) => Number(value) === step);
    press("guess", (value) => guess.includes(value));
    const slopes = this.data.ways[way][step], moves = this.data.weights.filter((_, i) => Math.abs(slopes[i]) > 1e-12);
    this.at("table").hidden = !shown;
    this.at(".show").hidden = shown;
    this.at("tbody").replaceChildren(...this.data.weights.map((name, i) => {
      const row = document.createElement("tr"), head = Object.assign(document.createElement("th"), { scope: "row", textContent: `${name}: ${this.data.meaning[i]}` });
      const said = Object.assign(document.createElement("td"), { textContent: guess.includes(name) ? "moves" : "stays" });
      const is = Object.assign(document.createElement("td"), { textContent: Math.abs(slopes[i]) > 1e-12 ? slopes[i].toFixed(3) : "0, it stays" });
      row.append(head, said, is);
      return row;
    }));
    const right = moves.length === guess.length && moves.every((name) => guess.includes(name));
    const list = moves.length ? moves.join(", ") : "none";
    this.at(".verdict").textContent = shown ? `${right ? "Right" : "Not so"}: at step ${step} a gradient reaches ${list}.` : "";
    this.dispatchEvent(new CustomEvent("vton-change", { detail: this.state, bubbles: true }));
  }
}
if (!customElements.get("vton-zero-steps")) customElements.define("vton-zero-steps", ZeroSteps);
