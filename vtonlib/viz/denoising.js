// Signals denoised at many strengths: <vton-denoising>.
const LOOK = `
.choices { display: flex; flex-wrap: wrap; column-gap: 1.4rem; }
.panes { grid-template-columns: 2fr 1fr; }
@media (max-width: 30rem) { .panes { grid-template-columns: 1fr; } .panes div + div { max-width: 14rem; } }`;
const BODY = `
<div class="choices">
  <fieldset><legend>The signal</legend><div class="row signals"></div></fieldset>
  <fieldset><legend>What costs</legend><div class="row penalties"></div></fieldset></div>
<div class="panes">
  <div><p>samples, and what is left</p><svg class="plot" role="img" viewBox="0 0 240 120"></svg></div>
  <div><p>error by strength</p><svg class="curve" role="img" viewBox="0 0 120 120"></svg></div>
</div>
<label>strength <input type="range"><output></output></label>
<fieldset class="asked"><legend>Guess first, by eye: at which strength is the line nearest to the broken one?</legend>
  <button>this one</button></fieldset>
<dl></dl><p class="said" aria-live="polite"></p>`;
const CLOSE = 1.05; // errors within this factor are as good as the best

class Denoising extends SliderFigure {
  begin() {
    const { signals, penalties, strengths } = this.data, { signal, penalty } = this.state ?? {};
    this.offer(".signals", signals, (k) => this.choose({ signal: k, strength: 0 }));
    this.offer(".penalties", penalties, (k) => this.choose({ penalty: k, strength: 0 }));
    this.at(".asked button").onclick = () => this.guess(this.state.strength, "input");
    this.range("strength", strengths.length);
    this.choose({ signal: kept(signal, signals), penalty: kept(penalty, penalties), strength: 0 });
  }

  get signal() { return this.data.signals[this.state.signal]; }
  get key() { return `${this.signal}|${this.data.penalties[this.state.penalty]}`; }

  show() {
    const { signal, penalty, strength } = this.state, { asked } = this, frame = this.data.frames[this.key];
    this.press(".signals", signal);
    this.press(".penalties", penalty);
    this.at(".asked").hidden = !asked;
    this.slide(strength, `${this.data.strengths[strength]}`);
    this.plot(frame);
    this.curve(frame.errors, asked);
    this.list(asked ? {} : { error: frame.errors[strength].toFixed(2), "sum of |differences|": frame.variations[strength].toFixed(2) });
    this.at(".said").textContent = asked ? "" : this.verdict(frame.errors);
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
    this.at(".plot").ariaLabel = `${known}, and what is left at strength ${this.data.strengths[this.state.strength]}`;
  }

  curve(errors, asked) {
    const top = Math.max(...errors) * 1.05, last = errors.length - 1, best = errors.indexOf(Math.min(...errors));
    const point = (k) => [8 + 104 * k / last, 112 - 102 * errors[k] / top];
    const [x, y] = point(this.state.strength);
    this.at(".curve").innerHTML = `<path d="M8 6V112H116" fill="none" stroke="currentColor" stroke-opacity=".5"/>` + (asked ? "" :
      `<polyline points="${errors.map((_, k) => point(k).join(",")).join(" ")}" fill="none" stroke="var(--accent)" stroke-width="1.6"/>`
      + `<circle cx="${x}" cy="${y}" r="3.4" fill="var(--accent)"/>`);
    this.at(".curve").ariaLabel = asked ? "The error by strength, hidden until you have guessed"
      : `The error by strength: ${errors[0].toFixed(2)} at 0, least ${errors[best].toFixed(2)} at ${this.data.strengths[best]}, ${errors[last].toFixed(2)} at ${this.data.strengths[last]}`;
  }

  // What became of the guess.
  verdict(errors) {
    const guess = this.guesses.get(this.key), least = Math.min(...errors), best = errors.indexOf(least), at = (k) => this.data.strengths[k];
    return `${errors[guess] <= CLOSE * least ? "Right" : "No"}: the error is least at strength ${at(best)}, ${least.toFixed(2)}; at ${at(guess)} it is ${errors[guess].toFixed(2)}.`;
  }
}
define("vton-denoising", Denoising, BODY, SLIDER + LOOK);
