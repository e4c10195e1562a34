// Chosen patches: <vton-selection>.
const LOOK = `
:host { --panes: 3; }
.panes { max-width: 36rem; }`;
const BODY = `
<fieldset><legend>The picture</legend><div class="row pictures"></div></fieldset>
<fieldset><legend>features</legend><div class="row layers"></div></fieldset>
<fieldset><legend>entropy of attention to</legend><div class="row rules"></div></fieldset>
<div class="panes">
  <div><p>the picture</p><canvas class="picture" role="img"></canvas></div>
  <div><p>its entropies</p><canvas class="entropy" role="img"></canvas></div>
  <div><p>the chosen</p><canvas class="chosen" role="img"></canvas></div>
</div>
<fieldset class="asked"><legend>Guess first: of the quarter of lowest entropy, how many lie on the garment?</legend><div class="row guesses"></div></fieldset>
<label>patches <input type="range"><output></output></label>
<dl></dl><p class="said" aria-live="polite"></p>`;
const CHOICES = ["picture", "layer", "rule"];
const ANSWERS = { more: "more than", fewer: "fewer than", alike: "about as many as" };

const percent = (share) => `${Math.round(100 * share)} %`;
const sum = (values) => values.reduce((all, one) => all + one, 0);

class Selection extends SliderFigure {
  begin() {
    const { quarter: share, shares } = this.data, start = {};
    for (const name of CHOICES) {
      this.offer(`.${name}s`, this.data[`${name}s`], (k) => this.choose({ [name]: k, share }));
      start[name] = kept(this.state?.[name], this.data[`${name}s`]);
    }
    this.offer(".guesses", ["more than by chance", "fewer", "about as many"], (k) => this.guess(Object.keys(ANSWERS)[k], "input"));
    this.range("share", shares.length);
    this.choose({ ...start, share });
  }

  get key() { return CHOICES.map((name) => this.data[`${name}s`][this.state[name]]).join("|"); }

  // The patches in order of entropy, how many of them are chosen, and how many of those and of all are of the garment.
  get chosen() {
    const { picture, layer, share } = this.state, { frames, garments, shares, sizes } = this.data;
    const total = sizes[layer][0] * sizes[layer][1], codes = decode(frames[this.key].order), garment = decode(garments[picture][layer]);
    const order = Array.from({ length: total }, (_, k) => codes[2 * k] + 256 * codes[2 * k + 1]);
    const count = Math.max(1, Math.round(shares[share] * total)), ids = order.slice(0, count);
    return { total, count, kept: new Set(ids), all: sum(garment), hits: sum(ids.map((id) => garment[id])) };
  }

  show() {
    const { asked, chosen } = this, { total, count, all, hits } = chosen;
    for (const name of CHOICES) this.press(`.${name}s`, this.state[name]);
    this.at(".asked").hidden = !asked;
    this.at("input").disabled = asked;
    this.slide(this.state.share, `${count} of ${total}`);
    const told = (value) => (asked ? "?" : percent(value));
    this.list({ "by chance": percent(all / total), "on the garment": told(hits / count), "of the garment": told(hits / all),
      "entropy near 0": told(this.data.frames[this.key].zero) });
    this.pictures(chosen, asked);
    this.at(".said").textContent = asked ? "" : this.verdict(hits / count / (all / total));
  }

  // The picture, its entropies from dark (0) to light (the largest), and the chosen patches.
  pictures({ count, hits, kept }, asked) {
    const { frames, pictures, sizes } = this.data, { picture, layer } = this.state, [rows, columns] = sizes[layer];
    const entropy = decode(frames[this.key].entropy), hidden = "Hidden until you guess";
    const inside = (row, column) => !asked && kept.has(Math.floor(row * rows) * columns + Math.floor(column * columns));
    this.picture(".picture", () => true);
    this.picture(".chosen", inside);
    paint(this.at(".entropy"), [rows, columns], (k) => (asked ? [165, 165, 165, 255] : [entropy[k], 40 + 0.8 * entropy[k], 80 + 0.6 * entropy[k], 255]));
    this.at(".picture").ariaLabel = pictures[picture];
    this.at(".entropy").ariaLabel = asked ? hidden : "Entropy of every patch, dark where it is low";
    this.at(".chosen").ariaLabel = asked ? hidden : `${count} chosen patches, ${hits} of them on the garment`;
  }

  // The picture, pale where a place (shares of height and width) is not `clear`.
  picture(canvas, clear) {
    const [height, width] = this.data.size, pixels = decode(this.data.images[this.state.picture]);
    paint(this.at(canvas), [height, width], (k) => {
      const colour = [...pixels.slice(3 * k, 3 * k + 3)], grey = 0.25 * sum(colour) / 3 + 165;
      return clear((Math.floor(k / width) + 0.5) / height, (k % width + 0.5) / width) ? [...colour, 255] : [grey, grey, grey, 255];
    });
  }

  // What became of the guess, at a quarter of the patches.
  verdict(ratio) {
    const is = this.data.frames[this.key].answer, verdict = this.guesses.get(this.key) === is ? "Right" : "No";
    return `${verdict}: of the quarter of lowest entropy, ${ANSWERS[is]} by chance. Now ${ratio.toFixed(1)} times chance.`;
  }
}
define("vton-selection", Selection, BODY, SLIDER + LOOK);
