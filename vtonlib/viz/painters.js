// All methods on one person: <vton-painters>. No import and no request, so that it works from a file.
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
.panes { display: grid; grid-template-columns: repeat(3, 1fr); gap: .6rem; max-width: 30rem; margin-bottom: .6rem; }
.all { display: grid; grid-template-columns: repeat(auto-fill, minmax(6.2rem, 1fr)); gap: .6rem; }
.panes p, .all p { margin: 0 0 .2rem; font-weight: 600; min-height: 1.4em; overflow-wrap: anywhere; }
.all small { display: block; font-variant-numeric: tabular-nums; }
[role=img] { width: 100%; border: 1px solid var(--line); border-radius: 3px; image-rendering: pixelated; background-repeat: no-repeat; }
.said { margin: .5rem 0; min-height: 1.4em; }
figcaption { margin-top: .6rem; }
@media (max-width: 30rem) { .panes { grid-template-columns: repeat(2, 1fr); } }`;
const SHELL = `<style>${STYLE}</style><figure>
<fieldset><legend>The person</legend><div class="row people"></div></fieldset>
<div class="panes">
  <div><p>garment</p><div class="garment" role="img" aria-label="The garment as it lies"></div></div>
  <div><p class="who">painted by?</p><div class="asked" role="img"></div></div>
  <div><p>as it should be</p><div class="person" role="img" aria-label="The person in the garment"></div></div>
</div>
<fieldset class="guess"><legend>Guess first: who painted the picture in the middle?</legend><div class="row offered"></div></fieldset>
<p class="said" aria-live="polite"></p><div class="all"></div><figcaption></figcaption></figure>`;

class Painters extends HTMLElement {
  connectedCallback() { if (!this.shadowRoot) this.load(this); }

  // Show what `source` holds: a script of JSON and a caption.
  load(source) {
    this.data = JSON.parse(source.querySelector("script").textContent);
    if (!this.shadowRoot) this.attachShadow({ mode: "open" }).innerHTML = SHELL;
    this.at = (query) => this.shadowRoot.querySelector(query);
    this.at("figcaption").textContent = source.querySelector("figcaption")?.textContent ?? "";
    this.guesses = new Map();
    this.offer(".people", this.data.people, (k) => this.choose(k));
    this.choose(0);
  }

  offer(place, texts, call) {
    this.at(place).replaceChildren(...texts.map((text, k) => {
      const button = Object.assign(document.createElement("button"), { textContent: text });
      button.addEventListener("click", () => call(k));
      return button;
    }));
  }

  choose(person) {
    this.person = person;
    const { names, asked, offered } = this.data, answer = asked[person], open = !this.guesses.has(person);
    [...this.at(".people").children].forEach((button, k) => button.setAttribute("aria-pressed", k === person));
    this.crop(this.at(".garment"), 0);
    this.crop(this.at(".person"), 1);
    this.crop(this.at(".asked"), answer + 2);
    this.at(".asked").setAttribute("aria-label", open ? "A painted picture" : `What ${names[answer]} painted`);
    this.at(".who").textContent = open ? "painted by?" : names[answer];
    this.offer(".offered", offered[person].map((k) => names[k]), (k) => {
      this.guesses.set(person, offered[person][k]);
      this.choose(person);
      this.at(".people").children[person].focus();
    });
    this.at(".guess").hidden = !open;
    this.at(".all").replaceChildren(...(open ? [] : names.map((name, k) => this.card(name, k))));
    this.say(open);
    this.dispatchEvent(new CustomEvent("vton-change", { detail: { person, open } }));
  }

  // Picture number `place` of this person's sheet.
  crop(box, place) {
    const [height, width] = this.data.size, count = this.data.names.length + 2;
    box.style.aspectRatio = `${width} / ${height}`;
    box.style.backgroundImage = `url(${this.data.sheets[this.person]})`;
    box.style.backgroundSize = `${100 * count}% 100%`;
    box.style.backgroundPosition = `${100 * place / (count - 1)}% 0`;
  }

  card(name, k) {
    const card = document.createElement("div"), box = document.createElement("div"), numbers = document.createElement("small");
    box.setAttribute("role", "img");
    box.setAttribute("aria-label", `What ${name} painted`);
    this.crop(box, k + 2);
    numbers.textContent = Object.entries(this.data.readings).map(([what, found]) => `${what} ${found[k][this.person].toFixed(2)}`).join(", ");
    card.append(Object.assign(document.createElement("p"), { textContent: name }), box, numbers);
    return card;
  }

  // What became of the guess, and of all so far.
  say(open) {
    if (open) { this.at(".said").textContent = ""; return; }
    const { asked, names } = this.data, right = this.guesses.get(this.person) === asked[this.person];
    const hits = [...this.guesses].filter(([person, guess]) => guess === asked[person]).length;
    this.at(".said").textContent = `${right ? "Right" : "No"}: ${names[asked[this.person]]}. ${hits} of ${this.guesses.size} so far.`;
  }
}
if (!customElements.get("vton-painters")) customElements.define("vton-painters", Painters);
