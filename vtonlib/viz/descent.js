// A map under gradient steps: <vton-descent>. No import and no request, so that it works from a file.
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
.panes { display: grid; grid-template-columns: repeat(4, 1fr); gap: .6rem; }
.panes p { margin: 0 0 .2rem; font-weight: 600; }
svg, canvas { display: block; width: 100%; border: 1px solid var(--line); border-radius: 3px; }
canvas { image-rendering: pixelated; }
label { display: flex; align-items: center; gap: .6rem; margin: .7rem 0 0; }
input { flex: 1; accent-color: var(--accent); margin: 0; min-height: 24px; }
output { min-width: 6em; font-variant-numeric: tabular-nums; }
dl { display: flex; flex-wrap: wrap; gap: .4rem 1.4rem; margin: .7rem 0 .4rem; }
dt { font-size: .85em; font-weight: 400; } dd { margin: 0; font-weight: 600; font-variant-numeric: tabular-nums; }
.said { margin: .5rem 0 0; min-height: 1.4em; }
figcaption { margin-top: .6rem; }
@media (max-width: 30rem) { .panes { grid-template-columns: repeat(2, 1fr); } }`;
const SHELL = `<style>${STYLE}</style><figure>
<fieldset data-of="start"><legend>The map</legend><div class="row"></div></fieldset>
<fieldset data-of="mixture"><legend>goes down</legend><div class="row"></div></fieldset>
<div class="panes">
  <div><p>its centres</p><svg class="net" role="img"></svg></div>
  <div><p>what it copies</p><canvas class="copied" role="img"></canvas></div>
  <div><p>the person</p><canvas class="person" role="img" aria-label="The garment as the person wears it"></canvas></div>
  <div><p>error by step</p><svg class="curve" role="img" viewBox="0 0 100 133"></svg></div>
</div>
<fieldset class="asked"><legend>Guess first: where will these steps bring its centres?</legend><div class="row">
  <button data-guess="nearer">nearer to the truth</button><button data-guess="farther">farther from it</button>
  <button data-guess="as far">hardly anywhere</button></div></fieldset>
<label>step <input type="range" min="0" step="1"><output></output></label>
<dl></dl><p class="said" aria-live="polite"></p><figcaption></figcaption></figure>`;
const CLEAR = 0.1; // an error that changes by less than this share has hardly changed

const decode = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

class Descent extends HTMLElement {
  connectedCallback() { if (!this.shadowRoot) this.load(this); }

  // Show what `source` holds: a script of JSON and a caption.
  load(source) {
    this.data = JSON.parse(source.querySelector("script").textContent);
    if (!this.shadowRoot) this.attachShadow({ mode: "open" }).innerHTML = SHELL;
    this.at = (query) => this.shadowRoot.querySelector(query);
    this.at("figcaption").textContent = source.querySelector("figcaption")?.textContent ?? "";
    this.guesses = new Map();
    this.hues = decode(this.data.hues);
    this.offer("start", this.data.starts);
    this.offer("mixture", this.data.mixtures);
    for (const button of this.shadowRoot.querySelectorAll("[data-guess]"))
      button.onclick = () => { this.guesses.set(this.key, button.dataset.guess); this.choose({ step: this.data.steps.length - 1 }); this.at("input").focus(); };
    this.at("input").max = this.data.steps.length - 1;
    this.at("input").oninput = (event) => this.choose({ step: +event.target.value });
    this.paint(this.at(".person"), decode(this.data.person), 0);
    const { start, mixture } = this.state ?? {};
    this.choose({ start: Math.min(start ?? 0, this.data.starts.length - 1), mixture: Math.min(mixture ?? 0, this.data.mixtures.length - 1), step: 0 });
  }

  offer(name, texts) {
    this.at(`[data-of=${name}]`).hidden = texts.length < 2;
    this.at(`[data-of=${name}] .row`).replaceChildren(...texts.map((text, k) => {
      const button = Object.assign(document.createElement("button"), { textContent: text });
      button.dataset.name = name;
      button.dataset.number = k;
      button.addEventListener("click", () => this.choose({ [name]: k, step: 0 }));
      return button;
    }));
  }

  get key() { return `${this.data.starts[this.state.start]}|${this.data.mixtures[this.state.mixture]}`; }

  choose(change) {
    this.state = { ...this.state, ...change };
    const frame = this.data.frames[this.key], asked = !this.guesses.has(this.key), { step } = this.state;
    for (const button of this.shadowRoot.querySelectorAll("[data-name]"))
      button.setAttribute("aria-pressed", this.state[button.dataset.name] === +button.dataset.number);
    this.at(".asked").hidden = !asked;
    const slider = this.at("input"), text = `${this.data.steps[step]} of ${this.data.steps.at(-1)}`;
    slider.disabled = asked;
    slider.value = step;
    slider.setAttribute("aria-valuetext", text);
    this.at("output").textContent = text;
    this.net(decode(frame.centres), step);
    this.paint(this.at(".copied"), decode(frame.colours), step);
    this.curve(frame.values.error, asked ? 0 : step, asked);
    this.at("dl").replaceChildren(...this.data.names.map((name) => {
      const item = document.createElement("div");
      item.append(Object.assign(document.createElement("dt"), { textContent: name }), Object.assign(document.createElement("dd"), { textContent: frame.values[name][step].toFixed(2) }));
      return item;
    }));
    this.say(frame.values.error, asked);
    this.dispatchEvent(new CustomEvent("vton-change", { detail: { ...this.state } }));
  }

  // The centres as a net in the garment's frame; knots have the colours of their true places.
  net(codes, step) {
    const { patches, reach, size: [h, w] } = this.data, n = patches.length;
    const at = patches.map((_, i) => [0, 1].map((axis) => (codes[2 * (step * n + i) + axis] / 127.5 - 1) * reach));
    const number = new Map(patches.map(([r, c], i) => [r * w + c, i])), tall = 100 * (h - 1) / (w - 1);
    const place = ([x, y]) => [((x + 1.06) / 2.12 * 100).toFixed(1), ((y + 1.06) / 2.12 * tall).toFixed(1)];
    let threads = "";
    patches.forEach(([r, c], i) => {
      for (const other of [c + 1 < w ? number.get(r * w + c + 1) : undefined, number.get((r + 1) * w + c)])
        if (other !== undefined) threads += `M${place(at[i]).join(" ")}L${place(at[other]).join(" ")}`;
    });
    const knots = at.map((xy, i) => {
      const [x, y] = place(xy);
      return `<circle cx="${x}" cy="${y}" r="1.7" fill="rgb(${[...this.hues.slice(3 * i, 3 * i + 3)].join(" ")})"/>`;
    });
    const svg = this.at(".net");
    svg.setAttribute("viewBox", `0 0 100 ${tall.toFixed(1)}`);
    svg.setAttribute("aria-label", `The centres of ${n} patches as a net, at step ${this.data.steps[step]}`);
    svg.innerHTML = `<path d="${threads}" fill="none" stroke="currentColor" stroke-opacity=".5" stroke-width=".5"/>${knots.join("")}`;
  }

  paint(canvas, colours, step) {
    const { patches, size: [h, w] } = this.data, image = new ImageData(w, h), from = 3 * step * patches.length;
    patches.forEach(([r, c], i) => image.data.set([...colours.slice(from + 3 * i, from + 3 * i + 3), 255], 4 * (r * w + c)));
    Object.assign(canvas, { width: w, height: h }).getContext("2d").putImageData(image, 0, 0);
    if (canvas.className === "copied") canvas.setAttribute("aria-label", `The garment as the map copies it at step ${this.data.steps[step]}`);
  }

  curve(errors, step, asked) {
    const top = Math.max(...Object.values(this.data.frames).flatMap((frame) => frame.values.error)) * 1.05, last = this.data.steps.at(-1) || 1;
    const point = (k) => [8 + 84 * this.data.steps[k] / last, 125 - 115 * errors[k] / top];
    const shown = asked ? [0] : errors.map((_, k) => k);
    this.at(".curve").innerHTML = `<path d="M8 6V125H96" fill="none" stroke="currentColor" stroke-opacity=".5"/>`
      + `<polyline points="${shown.map((k) => point(k).join(",")).join(" ")}" fill="none" stroke="var(--accent)" stroke-width="1.6"/>`
      + `<circle cx="${point(step)[0]}" cy="${point(step)[1]}" r="3.4" fill="var(--accent)"/>`;
    this.at(".curve").setAttribute("aria-label", asked ? "The error at the start" : `The error from ${errors[0].toFixed(2)} to ${errors.at(-1).toFixed(2)} tokens`);
  }

  // What became of the guess.
  say(errors, asked) {
    if (asked) { this.at(".said").textContent = ""; return; }
    const change = errors.at(-1) / errors[0] - 1, is = change < -CLEAR ? "nearer" : change > CLEAR ? "farther" : "as far";
    const words = { nearer: "nearer to the truth", farther: "farther from it", "as far": "hardly anywhere" }[is];
    this.at(".said").textContent = `${this.guesses.get(this.key) === is ? "Right" : "No"}: ${words}, from an error of ${errors[0].toFixed(2)} to ${errors.at(-1).toFixed(2)} tokens.`;
  }
}
if (!customElements.get("vton-descent")) customElements.define("vton-descent", Descent);
