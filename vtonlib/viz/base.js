// What the figures of the book share: their look, and how they load, change and tell. No import and no request, so that
// they work from a file. A page inlines it, then parts that some share, then the figure; a live notebook adds live.js.
const SHARED = `
:host { display: block; max-width: 44rem; margin: 1rem auto;
  --line: color-mix(in srgb, currentColor 30%, transparent);
  --accent: var(--pst-color-link, var(--jp-content-link-color, #1f83d6)); }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
figure { margin: 0; font-size: .9em; line-height: 1.4; }
button, select { font: inherit; color: inherit; background: var(--pst-color-background, Canvas); cursor: pointer;
  padding: .15em .7em; border: 1px solid var(--line); border-radius: 4px; min-width: 28px; min-height: 28px; }
button[aria-pressed=true] { border-color: var(--accent); box-shadow: 0 0 0 2px var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; }
figcaption { margin-top: .6rem; }`;

// An HTML element with some properties and what is inside.
function make(tag, properties, ...inside) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...inside);
  return node;
}

class VtonFigure extends HTMLElement {
  connectedCallback() { if (!this.shadowRoot) this.load(this); }

  // Show what `source` holds: a script of JSON, pictures, a caption. A figure has `begin`, for each source, and `show`.
  load(source) {
    const find = (query) => source.querySelector(query);
    this.data = JSON.parse(find("script").textContent);
    this.sheet = find("img");
    this.guesses = new Map();
    if (!this.shadowRoot) this.build();
    this.at("figcaption").textContent = find("figcaption")?.textContent ?? "";
    this.begin(source);
  }

  build() { this.attachShadow({ mode: "open" }).innerHTML = this.shell; }
  at(query) { return this.shadowRoot.querySelector(query); }

  // Change what is chosen, show it, and tell the page.
  choose(change) {
    this.state = { ...this.state, ...change };
    this.show();
    this.dispatchEvent(new CustomEvent("vton-change", { detail: { ...this.state } }));
  }
}

// Make a class the element of a tag, with its own style; once, where two of a kind stand on a page.
function define(tag, figure, body, style) {
  figure.prototype.shell = `<style>${SHARED}${style}</style><figure>${body}<figcaption></figcaption></figure>`;
  if (!customElements.get(tag)) customElements.define(tag, figure);
}
