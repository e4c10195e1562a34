// Signals denoised at many strengths: <vton-denoising>. No import and no request, so that it works from a file.
// A page inlines this script; in a live notebook anywidget loads it with live.js behind it.
const STYLE = `
:host { display: block; max-width: 44rem; margin: 1rem auto; color: inherit; font: inherit;
  --line: color-mix(in srgb, currentColor 30%, transparent);
  --accent: var(--pst-color-link, var(--jp-content-link-color, #1f83d6)); }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
figure { margin: 0; font-size: .9em; line-height: 1.4; }
.choices { display: flex; flex-wrap: wrap; gap: .5rem 1.4rem; }
fieldset { border: 0; margin: 0 0 .6rem; padding: 0; min-width: 0; }
legend { padding: 0 0 .2rem; font-weight: 600; }
.row { display: flex; flex-wrap: wrap; gap: .35rem; }
button { font: inherit; color: inherit; background: var(--pst-color-background, Canvas); cursor: pointer; padding: .15em .7em;
  border: 1px solid var(--line); border-radius: 4px; min-width: 28px; min-height: 28px; }
button[aria-pressed=true] { border-color: var(--accent); box-shadow: 0 0 0 2px var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; }
.panes { display: grid; grid-template-columns: 2fr 1fr; gap: .6rem; }
.panes p { margin: 0 0 .2rem; font-weight: 600; }
svg { display: block; width: 100%; border: 1px solid var(--line); border-radius: 3px; }
label { display: flex; align-items: center; gap: .6rem; margin: .7rem 0 .4rem; }
input { flex: 1; accent-color: var(--accent); margin: 0; min-height: 24px; }
output { min-width: 3em; font-variant-numeric: tabular-nums; }
dl { display: flex; flex-wrap: wrap; gap: .4rem 1.4rem; margin: .7rem 0 .4rem; }
dt { font-size: .85em; font-weight: 400; } dd { margin: 0; font-weight: 600; font-variant-numeric: tabular-nums; }
.said { margin: .5rem 0 0; min-height: 1.4em; }
figcaption { margin-top: .6rem; }
@media (max-width: 30rem) { .panes { grid-template-columns: 1fr; } .panes div + div { max-width: 14rem; } }`;
const SHELL = `<style>${STYLE}</style><figure>
<div class="choices">
  <fieldset data-of="signal"><legend>The signal</legend><div class="row"></div></fieldset>
  <fieldset data-of="penalty"><legend>What costs</legend><div class="row"></div></fieldset></div>
<div class="panes">
  <div><p>samples, and what is left</p><svg class="plot" role="img" viewBox="0 0 240 120"></svg></div>
  <div><p>error by strength</p><svg class="curve" role="img" viewBox="0 0 120 120"></svg></div>
</div>
<label>strength <input type="range" min="0" step="1"><output></output></label>
<fieldset class="asked"><legend>Guess first, by eye: at which strength is the line nearest to the broken one?</legend>
  <button>this one</button></fieldset>
<dl></dl><p class="said" aria-live="polite"></p><figcaption></figcaption></figure>`;
const CLOSE = 1.05; // errors within this factor are as good as the best

class Denoising extends HTMLElement {
  connectedCallback() { if (!this.shadowRoot) this.load(this); }

  // Show what `source` holds: a script of JSON and a caption.
  load(source) {
    this.data = JSON.parse(source.querySelector("script").textContent);
    if (!this.shadowRoot) this.attachShadow({ mode: "open" }).innerHTML = SHELL;
    this.at = (query) => this.shadowRoot.querySelector(query);
    this.at("figcaption").textContent = source.querySelector("figcaption")?.textContent ?? "";
    this.guesses = new Map();
    this.offer("signal", this.data.signals);
    this.offer("penalty", this.data.penalties);
    this.at(".asked button").onclick = () => { this.guesses.set(this.key, this.state.strength); this.choose({}); this.at("input").focus(); };
    this.at("input").max = this.data.strengths.length - 1;
    this.at("input").oninput = (event) => this.choose({ strength: +event.target.value });
    const kept = (name, count) => Math.min(this.state?.[name] ?? 0, count - 1);
    this.choose({ signal: kept("signal", this.data.signals.length), penalty: kept("penalty", this.data.penalties.length), strength: 0 });
  }

  offer(name, texts) {
    this.at(`[data-of=${name}]`).hidden = texts.length < 2;
    this.at(`[data-of=${name}] .row`).replaceChildren(...texts.map((text, k) => {
      const button = Object.assign(document.createElement("button"), { textContent: text });
      button.dataset.name = name;
      button.dataset.number = k;
      button.addEventListener("click", () => this.choose({ [name]: k, strength: 0 }));
      return button;
    }));
  }

  get signal() { return this.data.signals[this.state.signal]; }
  get key() { return `${this.signal}|${this.data.penalties[this.state.penalty]}`; }

  choose(change) {
    this.state = { ...this.state, ...change };
    const frame = this.data.frames[this.key], asked = !this.guesses.has(this.key), { strength } = this.state;
    for (const button of this.shadowRoot.querySelectorAll("[data-name]"))
      button.setAttribute("aria-pressed", this.state[button.dataset.name] === +button.dataset.number);
    this.at(".asked").hidden = !asked;
    const slider = this.at("input"), text = `${this.data.strengths[strength]}`;
    slider.value = strength;
    slider.setAttribute("aria-valuetext", text);
    this.at("output").textContent = text;
    this.plot(frame);
    this.curve(frame.errors, asked);
    const numbers = asked ? {} : { error: frame.errors[strength], "sum of |differences|": frame.variations[strength] };
    this.at("dl").replaceChildren(...Object.entries(numbers).map(([name, value]) => {
      const item = document.createElement("div");
      item.append(Object.assign(document.createElement("dt"), { textContent: name }), Object.assign(document.createElement("dd"), { textContent: value.toFixed(2) }));
      return item;
    }));
    this.say(frame.errors, asked);
    this.dispatchEvent(new CustomEvent("vton-change", { detail: { ...this.state } }));
  }

  // Samples as dots, the clean signal as a broken line, and what is left at the strength of the slider.
  plot(frame) {
    const noisy = this.data.noisy[this.signal], clean = this.data.clean[this.signal];
    const all = [...noisy, ...clean], low = Math.min(...all), high = Math.max(...all), n = noisy.length;
    const place = (y, i) => `${(6 + 228 * i / (n - 1)).toFixed(1)},${(112 - 104 * (y - low) / (high - low || 1)).toFixed(1)}`;
    const path = (line, rest) => `<polyline points="${line.map(place).join(" ")}" fill="none" ${rest}/>`;
    const dots = noisy.map((y, i) => { const [cx, cy] = place(y, i).split(","); return `<circle cx="${cx}" cy="${cy}" r="1.6" fill="currentColor" fill-opacity=".6"/>`; });
    const left = path(frame.lines[this.state.strength], `class="left" stroke="var(--accent)" stroke-width="2"`);
    this.at(".plot").innerHTML = dots.join("") + path(clean, `stroke="currentColor" stroke-opacity=".6" stroke-width="1" stroke-dasharray="4 3"`) + left;
    const known = `${this.signal}: ${n} noisy samples as dots, what they were as a broken line`;
    this.at(".plot").setAttribute("aria-label", `${known}, and what is left at strength ${this.data.strengths[this.state.strength]}`);
  }

  curve(errors, asked) {
    const top = Math.max(...errors) * 1.05, last = errors.length - 1, best = errors.indexOf(Math.min(...errors));
    const point = (k) => [8 + 104 * k / last, 112 - 102 * errors[k] / top];
    const [x, y] = point(this.state.strength);
    this.at(".curve").innerHTML = `<path d="M8 6V112H116" fill="none" stroke="currentColor" stroke-opacity=".5"/>` + (asked ? "" :
      `<polyline points="${errors.map((_, k) => point(k).join(",")).join(" ")}" fill="none" stroke="var(--accent)" stroke-width="1.6"/>`
      + `<circle cx="${x}" cy="${y}" r="3.4" fill="var(--accent)"/>`);
    this.at(".curve").setAttribute("aria-label", asked ? "The error by strength, hidden until you have guessed"
      : `The error by strength: ${errors[0].toFixed(2)} at 0, least ${errors[best].toFixed(2)} at ${this.data.strengths[best]}, ${errors[last].toFixed(2)} at ${this.data.strengths[last]}`);
  }

  // What became of the guess.
  say(errors, asked) {
    if (asked) { this.at(".said").textContent = ""; return; }
    const guess = this.guesses.get(this.key), least = Math.min(...errors), best = errors.indexOf(least), at = (k) => this.data.strengths[k];
    this.at(".said").textContent = `${errors[guess] <= CLOSE * least ? "Right" : "No"}: the error is least at strength ${at(best)}, ${least.toFixed(2)}; at ${at(guess)} it is ${errors[guess].toFixed(2)}.`;
  }
}
if (!customElements.get("vton-denoising")) customElements.define("vton-denoising", Denoising);
