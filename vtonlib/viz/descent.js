// A map under gradient steps: <vton-descent>.
const BODY = `
<fieldset><legend>The map</legend><div class="row starts"></div></fieldset>
<fieldset><legend>goes down</legend><div class="row mixtures"></div></fieldset>
<div class="panes">
  <div><p>its centres</p><svg class="net" role="img"></svg></div>
  <div><p>what it copies</p><canvas class="copied" role="img"></canvas></div>
  <div><p>the person</p><canvas class="person" role="img" aria-label="The garment as the person wears it"></canvas></div>
  <div><p>error by step</p><svg class="curve" role="img" viewBox="0 0 100 133"></svg></div>
</div>
<fieldset class="asked"><legend>Guess first: where will these steps bring its centres?</legend><div class="row guesses"></div></fieldset>
<label>step <input type="range"><output></output></label>
<dl></dl><p class="said" aria-live="polite"></p>`;
const ANSWERS = ["nearer to the truth", "farther from it", "hardly anywhere"];
const CLEAR = 0.1; // an error that changes by less than this share has hardly changed

class Descent extends SliderFigure {
  begin() {
    const { starts, mixtures, steps, person } = this.data, { start, mixture } = this.state ?? {};
    this.hues = decode(this.data.hues);
    this.offer(".starts", starts, (k) => this.choose({ start: k, step: 0 }));
    this.offer(".mixtures", mixtures, (k) => this.choose({ mixture: k, step: 0 }));
    this.offer(".guesses", ANSWERS, (k) => this.guess(k, "input", { step: steps.length - 1 }));
    this.range("step", steps.length);
    this.copy(".person", decode(person), 0);
    this.choose({ start: kept(start, starts), mixture: kept(mixture, mixtures), step: 0 });
  }

  get key() { return `${this.data.starts[this.state.start]}|${this.data.mixtures[this.state.mixture]}`; }

  show() {
    const { start, mixture, step } = this.state, { asked } = this, { steps, names } = this.data, { centres, colours, values } = this.data.frames[this.key];
    this.press(".starts", start);
    this.press(".mixtures", mixture);
    this.at(".asked").hidden = !asked;
    this.at("input").disabled = asked;
    this.slide(step, `${steps[step]} of ${steps.at(-1)}`);
    this.net(decode(centres), step);
    this.copy(".copied", decode(colours), step);
    this.at(".copied").ariaLabel = `The garment as the map copies it at step ${steps[step]}`;
    this.curve(values.error, asked ? 0 : step, asked);
    this.list(Object.fromEntries(names.map((name) => [name, values[name][step].toFixed(2)])));
    this.at(".said").textContent = asked ? "" : this.verdict(values.error);
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
    svg.ariaLabel = `The centres of ${n} patches as a net, at step ${this.data.steps[step]}`;
    svg.innerHTML = `<path d="${threads}" fill="none" stroke="currentColor" stroke-opacity=".5" stroke-width=".5"/>${knots.join("")}`;
  }

  copy(canvas, colours, step) {
    const { patches, size: [h, w] } = this.data, from = 3 * step * patches.length;
    const number = new Map(patches.map(([r, c], i) => [r * w + c, from + 3 * i]));
    paint(this.at(canvas), [h, w], (k) => (number.has(k) ? [...colours.slice(number.get(k), number.get(k) + 3), 255] : [0, 0, 0, 0]));
  }

  curve(errors, step, asked) {
    const top = Math.max(...Object.values(this.data.frames).flatMap((frame) => frame.values.error)) * 1.05, last = this.data.steps.at(-1) || 1;
    const point = (k) => [8 + 84 * this.data.steps[k] / last, 125 - 115 * errors[k] / top];
    const shown = asked ? [0] : errors.map((_, k) => k);
    this.at(".curve").innerHTML = `<path d="M8 6V125H96" fill="none" stroke="currentColor" stroke-opacity=".5"/>`
      + `<polyline points="${shown.map((k) => point(k).join(",")).join(" ")}" fill="none" stroke="var(--accent)" stroke-width="1.6"/>`
      + `<circle cx="${point(step)[0]}" cy="${point(step)[1]}" r="3.4" fill="var(--accent)"/>`;
    this.at(".curve").ariaLabel = asked ? "The error at the start" : `The error from ${errors[0].toFixed(2)} to ${errors.at(-1).toFixed(2)} tokens`;
  }

  // What became of the guess.
  verdict(errors) {
    const [first, last] = [errors[0], errors.at(-1)], change = last / first - 1, is = change < -CLEAR ? 0 : change > CLEAR ? 1 : 2;
    return `${this.guesses.get(this.key) === is ? "Right" : "No"}: ${ANSWERS[is]}, from an error of ${first.toFixed(2)} to ${last.toFixed(2)} tokens.`;
  }
}
define("vton-descent", Descent, BODY, SLIDER);
