// Figures in which a slider goes through what was computed, and readings change with it.
const SLIDER = `${ROWS}
.panes { display: grid; grid-template-columns: repeat(var(--panes, 4), 1fr); gap: .6rem; }
.panes p { margin: 0 0 .2rem; font-weight: 600; }
svg, canvas { display: block; width: 100%; border: 1px solid var(--line); border-radius: 3px; }
canvas { image-rendering: pixelated; }
label { display: flex; align-items: center; gap: .6rem; margin: .7rem 0; }
input { flex: 1; accent-color: var(--accent); margin: 0; min-height: 24px; }
output { min-width: 7em; font-variant-numeric: tabular-nums; }
dl { display: flex; flex-wrap: wrap; gap: .4rem 1.4rem; margin: .7rem 0 .4rem; }
dt { font-size: .85em; font-weight: 400; } dd { margin: 0; font-weight: 600; font-variant-numeric: tabular-nums; }
@media (max-width: 30rem) { .panes { --panes: 2; } }`;

// The number of a choice that was made before, if a list has it still.
const kept = (number = 0, list) => Math.min(number, list.length - 1);

class SliderFigure extends RowFigure {
  // The slider goes through as many stages, and changes what the state calls `name`.
  range(name, stages) {
    this.at("input").max = stages - 1;
    this.at("input").oninput = (event) => this.choose({ [name]: +event.target.value });
  }

  // Set the slider, and say what it stands for.
  slide(value, text) {
    const input = this.at("input");
    input.value = value;
    input.nextElementSibling.textContent = input.ariaValueText = text;
  }

  // List readings by name.
  list(readings) {
    this.at("dl").replaceChildren(...Object.entries(readings).map(([name, value]) =>
      make("div", {}, make("dt", {}, name), make("dd", {}, value))));
  }
}
