// Chosen patches: <vton-selection>. No import and no request, so that it works from a file.
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
.panes { display: grid; grid-template-columns: repeat(3, 1fr); gap: .6rem; max-width: 36rem; }
.panes p { margin: 0 0 .2rem; font-weight: 600; }
canvas { display: block; width: 100%; border: 1px solid var(--line); border-radius: 3px; image-rendering: pixelated; }
label { display: flex; align-items: center; gap: .6rem; margin: .7rem 0 0; }
input { flex: 1; accent-color: var(--accent); margin: 0; min-height: 24px; }
output { min-width: 7em; font-variant-numeric: tabular-nums; }
dl { display: flex; flex-wrap: wrap; gap: .4rem 1.4rem; margin: .7rem 0 .4rem; }
dt { font-size: .85em; font-weight: 400; } dd { margin: 0; font-weight: 600; font-variant-numeric: tabular-nums; }
.said { margin: .5rem 0 0; min-height: 1.4em; }
figcaption { margin-top: .6rem; }
@media (max-width: 30rem) { .panes { grid-template-columns: repeat(2, 1fr); } }`;
const SHELL = `<style>${STYLE}</style><figure>
<fieldset data-of="picture"><legend>The picture</legend><div class="row"></div></fieldset>
<fieldset data-of="layer"><legend>features</legend><div class="row"></div></fieldset>
<fieldset data-of="rule"><legend>entropy of attention to</legend><div class="row"></div></fieldset>
<div class="panes">
  <div><p>the picture</p><canvas class="picture" role="img"></canvas></div>
  <div><p>its entropies</p><canvas class="entropy" role="img"></canvas></div>
  <div><p>the chosen</p><canvas class="chosen" role="img"></canvas></div>
</div>
<fieldset class="asked"><legend>Guess first: of the quarter of lowest entropy, how many lie on the garment?</legend><div class="row">
  <button data-guess="more">more than by chance</button><button data-guess="fewer">fewer</button>
  <button data-guess="alike">about as many</button></div></fieldset>
<label>patches <input type="range" min="0" step="1"><output></output></label>
<dl></dl><p class="said" aria-live="polite"></p><figcaption></figcaption></figure>`;
const CLEAR = 0.2; // a share of the garment within this part of chance is about chance

const decode = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const percent = (share) => `${Math.round(100 * share)} %`;

class Selection extends HTMLElement {
  connectedCallback() { if (!this.shadowRoot) this.load(this); }

  // Show what `source` holds: a script of JSON and a caption.
  load(source) {
    this.data = JSON.parse(source.querySelector("script").textContent);
    if (!this.shadowRoot) this.attachShadow({ mode: "open" }).innerHTML = SHELL;
    this.at = (query) => this.shadowRoot.querySelector(query);
    this.at("figcaption").textContent = source.querySelector("figcaption")?.textContent ?? "";
    this.guesses = new Map();
    const start = {};
    for (const name of ["picture", "layer", "rule"]) {
      const texts = this.data[`${name}s`];
      this.offer(name, texts);
      start[name] = Math.min(this.state?.[name] ?? 0, texts.length - 1);
    }
    for (const button of this.shadowRoot.querySelectorAll("[data-guess]"))
      button.onclick = () => { this.guesses.set(this.key, button.dataset.guess); this.choose({}); this.at("input").focus(); };
    this.at("input").max = this.data.shares.length - 1;
    this.at("input").oninput = (event) => this.choose({ share: +event.target.value });
    this.choose({ ...start, share: this.data.quarter });
  }

  offer(name, texts) {
    this.at(`[data-of=${name}]`).hidden = texts.length < 2;
    this.at(`[data-of=${name}] .row`).replaceChildren(...texts.map((text, k) => {
      const button = Object.assign(document.createElement("button"), { textContent: text });
      button.dataset.name = name;
      button.dataset.number = k;
      button.addEventListener("click", () => this.choose({ [name]: k, share: this.data.quarter }));
      return button;
    }));
  }

  get key() { return ["picture", "layer", "rule"].map((name) => this.data[`${name}s`][this.state[name]]).join("|"); }

  choose(change) {
    this.state = { ...this.state, ...change };
    const frame = this.data.frames[this.key], asked = !this.guesses.has(this.key);
    const [rows, columns] = this.data.sizes[this.state.layer], total = rows * columns;
    const codes = decode(frame.order), order = Array.from({ length: total }, (_, k) => codes[2 * k] + 256 * codes[2 * k + 1]);
    const count = Math.max(1, Math.round(this.data.shares[this.state.share] * total)), kept = new Set(order.slice(0, count));
    const garment = decode(this.data.garments[this.state.picture][this.state.layer]);
    for (const button of this.shadowRoot.querySelectorAll("[data-name]"))
      button.setAttribute("aria-pressed", this.state[button.dataset.name] === +button.dataset.number);
    this.at(".asked").hidden = !asked;
    const slider = this.at("input"), text = `${count} of ${total}`;
    slider.disabled = asked;
    slider.value = this.state.share;
    slider.setAttribute("aria-valuetext", text);
    this.at("output").textContent = text;
    const all = garment.reduce((sum, one) => sum + one, 0), hits = order.slice(0, count).reduce((sum, id) => sum + garment[id], 0);
    const facts = { "by chance": percent(all / total), "on the garment": percent(hits / count), "of the garment": percent(hits / all), "entropy near 0": percent(frame.zero) };
    this.at("dl").replaceChildren(...Object.entries(facts).map(([name, value]) => {
      const item = document.createElement("div"), shown = asked && name !== "by chance" ? "?" : value;
      item.append(Object.assign(document.createElement("dt"), { textContent: name }), Object.assign(document.createElement("dd"), { textContent: shown }));
      return item;
    }));
    this.picture(this.at(".picture"), () => 1);
    this.at(".picture").setAttribute("aria-label", `${this.data.pictures[this.state.picture]}`);
    this.heat(decode(frame.entropy), rows, columns, asked);
    this.picture(this.at(".chosen"), (row, column) => (!asked && kept.has(Math.floor(row * rows) * columns + Math.floor(column * columns)) ? 1 : 0));
    this.at(".chosen").setAttribute("aria-label", asked ? "Hidden until you guess" : `${count} chosen patches, ${hits} of them on the garment`);
    this.say(hits / count / (all / total), asked);
    this.dispatchEvent(new CustomEvent("vton-change", { detail: { ...this.state } }));
  }

  // The picture, pale where `clear` of a place (shares of height and width) is 0.
  picture(canvas, clear) {
    const [height, width] = this.data.size, pixels = decode(this.data.images[this.state.picture]), image = new ImageData(width, height);
    for (let k = 0; k < height * width; k += 1) {
      const shown = clear((Math.floor(k / width) + 0.5) / height, (k % width + 0.5) / width);
      const grey = 0.25 * (pixels[3 * k] + pixels[3 * k + 1] + pixels[3 * k + 2]) / 3 + 165;
      for (let c = 0; c < 3; c += 1) image.data[4 * k + c] = shown ? pixels[3 * k + c] : grey;
      image.data[4 * k + 3] = 255;
    }
    Object.assign(canvas, { width, height }).getContext("2d").putImageData(image, 0, 0);
  }

  // Entropies from dark (0) to light (the largest).
  heat(codes, rows, columns, asked) {
    const canvas = this.at(".entropy"), image = new ImageData(columns, rows);
    codes.forEach((code, k) => image.data.set(asked ? [165, 165, 165, 255] : [code, 40 + 0.8 * code, 80 + 0.6 * code, 255], 4 * k));
    Object.assign(canvas, { width: columns, height: rows }).getContext("2d").putImageData(image, 0, 0);
    canvas.setAttribute("aria-label", asked ? "Hidden until you guess" : "Entropy of every patch, dark where it is low");
  }

  // What became of the guess, at a quarter of the patches.
  say(ratio, asked) {
    if (asked) { this.at(".said").textContent = ""; return; }
    const is = this.data.frames[this.key].answer;
    const words = { more: "more than by chance", fewer: "fewer than by chance", alike: "about as many as by chance" }[is];
    this.at(".said").textContent = `${this.guesses.get(this.key) === is ? "Right" : "No"}: of the quarter of lowest entropy, ${words}. Now ${ratio.toFixed(1)} times chance.`;
  }
}
if (!customElements.get("vton-selection")) customElements.define("vton-selection", Selection);
