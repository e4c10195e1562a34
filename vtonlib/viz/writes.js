// What a restart finds when writing ends half way: <vton-writes>. No import and no request, so that it works from a file.
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
const SHELL = `<style>${STYLE}
li { padding: .1rem .3rem; } li.undone { font-style: italic; }
ol { margin: 0 0 .8rem; padding-left: 1.6rem; }</style><figure>
<fieldset class="way"><legend>The file is written</legend><div class="row"></div></fieldset>
<fieldset class="end"><legend>and the program is ended by</legend><div class="row"></div></fieldset>
<fieldset class="moment"><legend>after so many operations</legend><div class="row"></div></fieldset>
<ol></ol>
<fieldset class="guess"><legend>What may a restart find under the file's name? Guess first.</legend><div class="row"></div></fieldset>
<div class="row"><button class="show">show</button></div>
<p class="verdict" aria-live="polite"></p><figcaption></figcaption></figure>`;
const WORDS = { old: "the old file", new: "the new file", torn: "a torn one" };

class Writes extends HTMLElement {
  connectedCallback() { if (!this.shadowRoot) this.load(this); }

  load(source) {
    this.data = JSON.parse(source.querySelector("script").textContent);
    if (!this.shadowRoot) this.attachShadow({ mode: "open" }).innerHTML = SHELL;
    this.at = (query) => this.shadowRoot.querySelector(query);
    this.at("figcaption").textContent = source.querySelector("figcaption")?.textContent ?? "";
    const { order: ways, ends } = this.data;
    const fresh = { guess: [], shown: false };
    this.offer("way", ways.map((way) => [way, way]), (way) => this.choose({ way, moment: 0, ...fresh }));
    this.offer("end", ends.map((end) => [end, end]), (end) => this.choose({ end, ...fresh }));
    this.offer("guess", Object.entries(WORDS), (found) => {
      const { guess } = this.state;
      this.choose({ guess: guess.includes(found) ? guess.filter((one) => one !== found) : [...guess, found], shown: false });
    });
    this.at(".show").onclick = () => this.choose({ shown: true });
    this.choose(this.state ?? { way: ways[0], end: ends[0], moment: 0, ...fresh });
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
    const before = this.state?.way;
    this.state = { ...this.state, ...change };
    const { way, end, moment, guess, shown } = this.state, steps = this.data.ways[way];
    if (way !== before) {
      this.offer("moment", [...steps.keys(), steps.length].map((k) => [k, `${k}`]), (k) => this.choose({ moment: k, guess: [], shown: false }));
    }
    const press = (kind, on) => this.shadowRoot.querySelectorAll(`.${kind} button`).forEach((one) => one.setAttribute("aria-pressed", on(one.dataset.value)));
    press("way", (value) => value === way);
    press("end", (value) => value === end);
    press("moment", (value) => Number(value) === moment);
    press("guess", (value) => guess.includes(value));
    this.at("ol").replaceChildren(...steps.map((text, k) => Object.assign(document.createElement("li"), {
      textContent: k < moment ? `${text} (done)` : text, className: k < moment ? "" : "undone",
    })));
    this.at(".show").hidden = shown;
    const found = this.data.outcomes[way][end][moment];
    const right = found.length === guess.length && found.every((one) => guess.includes(one));
    const list = found.map((one) => WORDS[one]).join(", or ");
    const lost = found.includes("torn") ? " The run can be lost." : "";
    this.at(".verdict").textContent = shown ? `${right ? "Right" : "Not so"}: ${list}.${lost}` : "";
    this.dispatchEvent(new CustomEvent("vton-change", { detail: this.state, bubbles: true }));
  }
}
if (!customElements.get("vton-writes")) customElements.define("vton-writes", Writes);
