// Two maps by what they fetch: <vton-followed>.
const LOOK = `
.panes { display: grid; grid-template-columns: repeat(4, 1fr); gap: .6rem; }
.panes p { margin: 0 0 .2rem; font-weight: 600; min-height: 1.4em; }
svg, canvas { display: block; width: 100%; border: 1px solid var(--line); border-radius: 3px; margin-bottom: .4rem; }
canvas { image-rendering: pixelated; }
@media (max-width: 30rem) { .panes { grid-template-columns: repeat(2, 1fr); } }`;
const BODY = `
<fieldset><legend>The person</legend><div class="row people"></div></fieldset>
<div class="panes">
  <div><p>garment</p><canvas class="garment" role="img" aria-label="The garment as it lies"></canvas></div>
  <div><p class="name0"></p><canvas class="warp0" role="img"></canvas><svg class="net0" role="img"></svg></div>
  <div><p class="name1"></p><canvas class="warp1" role="img"></canvas><svg class="net1" role="img"></svg></div>
  <div><p>as it should be</p><canvas class="person" role="img" aria-label="The person in the garment"></canvas><svg class="net2" role="img"></svg></div>
</div>
<fieldset class="asked"><legend>Guess first: whose places are nearer to the true ones?</legend><div class="row guesses"></div></fieldset>
<div class="choice">
  <fieldset><legend>Left</legend><div class="row arms0"></div></fieldset>
  <fieldset><legend>Right</legend><div class="row arms1"></div></fieldset></div>
<p class="said" aria-live="polite"></p>`;
const CLEAR = 0.1; // errors that differ by less than this share are about alike

const real = (text) => Float32Array.from(decode(text), (c) => c / 127.5 - 1);

// A field [h w e] between its knots: at row y and column x, counted from 0.
function between(field, [h, w], e, y, x) {
  y = Math.min(Math.max(y, 0), h - 1); x = Math.min(Math.max(x, 0), w - 1);
  const r = Math.min(Math.floor(y), Math.max(h - 2, 0)), c = Math.min(Math.floor(x), Math.max(w - 2, 0)), v = y - r, u = x - c;
  const at = (i, j, k) => field[(Math.min(i, h - 1) * w + Math.min(j, w - 1)) * e + k];
  return Array.from({ length: e }, (_, k) => (1 - v) * ((1 - u) * at(r, c, k) + u * at(r, c + 1, k)) + v * ((1 - u) * at(r + 1, c, k) + u * at(r + 1, c + 1, k)));
}

class Followed extends RowFigure {
  begin() {
    const { people, names } = this.data, guesses = ["the left one's", "the right one's", "about alike"];
    this.offer(".people", Array.from({ length: people }, (_, k) => k + 1), (k) => this.choose({ person: k, arms: this.pair(k) }));
    for (const side of [0, 1])
      this.offer(`.arms${side}`, names, (k) => this.choose({ arms: side ? [this.state.arms[0], k] : [k, this.state.arms[1]] }));
    this.offer(".guesses", guesses, (k) => this.guess(k, ".arms0 button"));
    this.choose({ person: 0, arms: this.pair(0) });
  }

  // Which of the first two stands left: not always the same one.
  pair(person) { return person % 2 ? [0, 1] : [1, 0]; }

  get key() { return this.state.person; }

  show() {
    const { person } = this.state, { asked } = this, { garments, persons, truth } = this.data;
    this.press(".people", person);
    this.arm(0, asked);
    this.arm(1, asked);
    this.net(".net2", real(truth[person]), asked, "the truth");
    this.fill(".garment", decode(garments[person]), false);
    this.fill(".person", decode(persons[person]), true);
    this.at(".asked").hidden = !asked;
    this.at(".choice").hidden = asked;
    this.at(".said").textContent = asked ? "" : this.verdict();
  }

  // One of the two maps: its name once it is told, what it fetches, and where its tokens look.
  arm(side, asked) {
    const { person, arms } = this.state, { errors, flows, names } = this.data, k = arms[side], flow = real(flows[k][person]);
    this.press(`.arms${side}`, k);
    this.at(`.name${side}`).textContent = asked ? ["one map", "another"][side] : `${names[k]}: ${errors[k][person].toFixed(2)}`;
    this.fill(`.warp${side}`, this.warp(flow), true);
    this.at(`.warp${side}`).ariaLabel = `The garment as this map warps it, on person ${person + 1}`;
    this.net(`.net${side}`, flow, asked, asked ? "" : names[k]);
  }

  // The garment read at the enlarged flow.
  warp(flow) {
    const { size: [H, W], lattice: [h, w] } = this.data, garment = decode(this.data.garments[this.key]), colours = new Uint8Array(3 * H * W);
    for (let i = 0; i < H; i++) for (let j = 0; j < W; j++) {
      const [x, y] = between(flow, [h, w], 2, i / (H - 1) * (h - 1), j / (W - 1) * (w - 1));
      colours.set(between(garment, [H, W], 3, (y + 1) / 2 * (H - 1), (x + 1) / 2 * (W - 1)), 3 * (i * W + j));
    }
    return colours;
  }

  fill(canvas, colours, masked) {
    const region = decode(this.data.regions[this.key]);
    paint(this.at(canvas), this.data.size, (k) => [...colours.slice(3 * k, 3 * k + 3), masked && region[k] < 200 ? 0 : 255]);
  }

  // The places of the scored tokens as a net in the garment's frame.
  net(where, flow, hidden, name) {
    const { lattice: [h, w] } = this.data, svg = this.at(where), patches = this.data.patches[this.key], own = new Set(patches.map(([r, c]) => r * w + c));
    const tall = 100 * (h - 1) / (w - 1), place = (k) => [(flow[2 * k] + 1.06) / 2.12 * 100, (flow[2 * k + 1] + 1.06) / 2.12 * tall].map((v) => v.toFixed(1));
    let threads = "", knots = "";
    for (const [r, c] of patches) {
      const k = r * w + c;
      for (const other of [c + 1 < w ? k + 1 : -1, k + w]) if (own.has(other)) threads += `M${place(k).join(" ")}L${place(other).join(" ")}`;
      knots += `<circle cx="${place(k)[0]}" cy="${place(k)[1]}" r="1.5" fill="var(--accent)"/>`;
    }
    svg.toggleAttribute("hidden", hidden);
    svg.setAttribute("viewBox", `0 0 100 ${tall.toFixed(1)}`);
    svg.ariaLabel = `Where the tokens look in the garment: ${name}`;
    svg.innerHTML = `<path d="${threads}" fill="none" stroke="currentColor" stroke-opacity=".55" stroke-width=".5"/>${knots}`;
  }

  // What became of the guess, or how the two that are chosen compare.
  verdict() {
    const { person, arms } = this.state, [left, right] = arms.map((k) => this.data.errors[k][person]), first = this.pair(person);
    const texts = arms.map((k, side) => `${this.data.names[k]} errs by ${[left, right][side].toFixed(2)}`).join(", ");
    const alike = Math.abs(left - right) < CLEAR * Math.max(left, right), is = alike ? 2 : left < right ? 0 : 1;
    const guessed = arms.every((k, side) => k === first[side]) ? `${this.guesses.get(person) === is ? "Right" : "No"}: ` : "";
    return `${guessed}${texts} tokens${alike ? ", about alike" : ""}.`;
  }
}
define("vton-followed", Followed, BODY, ROWS + LOOK);
