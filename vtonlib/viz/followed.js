// Two maps by what they fetch: <vton-followed>. No import and no request, so that it works from a file.
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
.panes p { margin: 0 0 .2rem; font-weight: 600; min-height: 1.4em; }
svg, canvas { display: block; width: 100%; border: 1px solid var(--line); border-radius: 3px; margin-bottom: .4rem; }
canvas { image-rendering: pixelated; }
.said { margin: .5rem 0 0; min-height: 1.4em; }
figcaption { margin-top: .6rem; }
@media (max-width: 30rem) { .panes { grid-template-columns: repeat(2, 1fr); } }`;
const SHELL = `<style>${STYLE}</style><figure>
<fieldset><legend>The person</legend><div class="row people"></div></fieldset>
<div class="panes">
  <div><p>garment</p><canvas class="garment" role="img" aria-label="The garment as it lies"></canvas></div>
  <div><p class="name0">one map</p><canvas class="warp0" role="img"></canvas><svg class="net0" role="img"></svg></div>
  <div><p class="name1">another</p><canvas class="warp1" role="img"></canvas><svg class="net1" role="img"></svg></div>
  <div><p>as it should be</p><canvas class="person" role="img" aria-label="The person in the garment"></canvas><svg class="net2" role="img"></svg></div>
</div>
<fieldset class="asked"><legend>Guess first: whose places are nearer to the true ones?</legend><div class="row">
  <button data-guess="0">the left one's</button><button data-guess="1">the right one's</button>
  <button data-guess="-1">about alike</button></div></fieldset>
<fieldset class="choice"><legend>Left</legend><div class="row arms0"></div></fieldset>
<fieldset class="choice"><legend>Right</legend><div class="row arms1"></div></fieldset>
<p class="said" aria-live="polite"></p><figcaption></figcaption></figure>`;
const CLEAR = 0.1; // errors that differ by less than this share are about alike

const decode = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const real = (codes) => Float32Array.from(codes, (c) => c / 127.5 - 1);

// A field [h w e] between its knots: at row y and column x, counted from 0.
function between(field, [h, w], e, y, x) {
  y = Math.min(Math.max(y, 0), h - 1); x = Math.min(Math.max(x, 0), w - 1);
  const r = Math.min(Math.floor(y), Math.max(h - 2, 0)), c = Math.min(Math.floor(x), Math.max(w - 2, 0)), v = y - r, u = x - c;
  const at = (i, j, k) => field[(Math.min(i, h - 1) * w + Math.min(j, w - 1)) * e + k];
  return Array.from({ length: e }, (_, k) => (1 - v) * ((1 - u) * at(r, c, k) + u * at(r, c + 1, k)) + v * ((1 - u) * at(r + 1, c, k) + u * at(r + 1, c + 1, k)));
}

class Followed extends HTMLElement {
  connectedCallback() { if (!this.shadowRoot) this.load(this); }

  // Show what `source` holds: a script of JSON and a caption.
  load(source) {
    this.data = JSON.parse(source.querySelector("script").textContent);
    if (!this.shadowRoot) this.attachShadow({ mode: "open" }).innerHTML = SHELL;
    this.at = (query) => this.shadowRoot.querySelector(query);
    this.at("figcaption").textContent = source.querySelector("figcaption")?.textContent ?? "";
    this.guesses = new Map();
    this.offer(".people", Array.from({ length: this.data.people }, (_, k) => `${k + 1}`), (k) => ({ person: k, arms: this.pair(k) }));
    for (const side of [0, 1])
      this.offer(`.arms${side}`, this.data.names, (k) => ({ arms: this.state.arms.map((old, s) => (s === side ? k : old)) }));
    for (const button of this.shadowRoot.querySelectorAll("[data-guess]"))
      button.onclick = () => { this.guesses.set(this.state.person, +button.dataset.guess); this.choose({}); this.at(".arms0 button").focus(); };
    this.state = undefined;
    this.choose({ person: 0, arms: this.pair(0) });
  }

  // Which of the first two stands left: not always the same one.
  pair(person) { return person % 2 ? [0, 1] : [1, 0]; }

  offer(place, texts, change) {
    this.at(place).replaceChildren(...texts.map((text, k) => {
      const button = Object.assign(document.createElement("button"), { textContent: text });
      button.addEventListener("click", () => this.choose(change(k)));
      return button;
    }));
  }

  choose(change) {
    this.state = { ...this.state, ...change };
    const { person, arms } = this.state, asked = !this.guesses.has(person), { names, errors } = this.data;
    const press = (place, number) => [...this.at(place).children].forEach((button, k) => button.setAttribute("aria-pressed", k === number));
    press(".people", person);
    for (const side of [0, 1]) {
      press(`.arms${side}`, arms[side]);
      this.at(`.name${side}`).textContent = asked ? ["one map", "another"][side] : `${names[arms[side]]}: ${errors[arms[side]][person].toFixed(2)}`;
      const flow = real(decode(this.data.flows[arms[side]][person]));
      this.warp(this.at(`.warp${side}`), flow);
      this.net(this.at(`.net${side}`), flow, asked, asked ? "" : names[arms[side]]);
    }
    this.net(this.at(".net2"), real(decode(this.data.truth[person])), asked, "the truth");
    this.paint(this.at(".garment"), decode(this.data.garments[person]), false);
    this.paint(this.at(".person"), decode(this.data.persons[person]), true);
    this.at(".asked").hidden = !asked;
    for (const one of this.shadowRoot.querySelectorAll(".choice")) one.hidden = asked;
    this.say(asked);
    this.dispatchEvent(new CustomEvent("vton-change", { detail: { ...this.state } }));
  }

  // The garment read at the enlarged flow, inside the region.
  warp(canvas, flow) {
    const { size: [H, W], lattice: [h, w] } = this.data, garment = decode(this.data.garments[this.state.person]), colours = new Uint8Array(3 * H * W);
    for (let i = 0; i < H; i++) for (let j = 0; j < W; j++) {
      const [x, y] = between(flow, [h, w], 2, i / (H - 1) * (h - 1), j / (W - 1) * (w - 1));
      colours.set(between(garment, [H, W], 3, (y + 1) / 2 * (H - 1), (x + 1) / 2 * (W - 1)), 3 * (i * W + j));
    }
    this.paint(canvas, colours, true);
    canvas.setAttribute("aria-label", `The garment as this map warps it, on person ${this.state.person + 1}`);
  }

  paint(canvas, colours, masked) {
    const { size: [H, W] } = this.data, image = new ImageData(W, H), region = decode(this.data.regions[this.state.person]);
    for (let k = 0; k < H * W; k++) image.data.set([...colours.slice(3 * k, 3 * k + 3), masked && region[k] < 200 ? 0 : 255], 4 * k);
    Object.assign(canvas, { width: W, height: H }).getContext("2d").putImageData(image, 0, 0);
  }

  // The places of the scored tokens as a net in the garment's frame.
  net(svg, flow, hidden, name) {
    svg.toggleAttribute("hidden", hidden);
    const { lattice: [h, w] } = this.data, patches = this.data.patches[this.state.person], own = new Set(patches.map(([r, c]) => r * w + c));
    const tall = 100 * (h - 1) / (w - 1), place = (k) => [(flow[2 * k] + 1.06) / 2.12 * 100, (flow[2 * k + 1] + 1.06) / 2.12 * tall].map((v) => v.toFixed(1));
    let threads = "", knots = "";
    for (const [r, c] of patches) {
      const k = r * w + c;
      for (const other of [c + 1 < w ? k + 1 : -1, k + w]) if (own.has(other)) threads += `M${place(k).join(" ")}L${place(other).join(" ")}`;
      knots += `<circle cx="${place(k)[0]}" cy="${place(k)[1]}" r="1.5" fill="var(--accent)"/>`;
    }
    svg.setAttribute("viewBox", `0 0 100 ${tall.toFixed(1)}`);
    svg.setAttribute("aria-label", `Where the tokens look in the garment: ${name}`);
    svg.innerHTML = `<path d="${threads}" fill="none" stroke="currentColor" stroke-opacity=".55" stroke-width=".5"/>${knots}`;
  }

  // What became of the guess, or how the two that are chosen compare.
  say(asked) {
    if (asked) { this.at(".said").textContent = ""; return; }
    const { person, arms } = this.state, [left, right] = arms.map((k) => this.data.errors[k][person]), first = this.pair(person);
    const texts = arms.map((k, side) => `${this.data.names[k]} errs by ${[left, right][side].toFixed(2)}`).join(", ");
    const alike = Math.abs(left - right) < CLEAR * Math.max(left, right), is = alike ? -1 : left < right ? 0 : 1;
    const guessed = arms.every((k, side) => k === first[side]) ? `${this.guesses.get(person) === is ? "Right" : "No"}: ` : "";
    this.at(".said").textContent = `${guessed}${texts} tokens${alike ? ", about alike" : ""}.`;
  }
}
if (!customElements.get("vton-followed")) customElements.define("vton-followed", Followed);
