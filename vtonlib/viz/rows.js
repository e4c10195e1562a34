// Figures that offer rows of buttons, and ask before they tell.
const ROWS = `
fieldset { border: 0; margin: 0 0 .6rem; padding: 0; min-width: 0; }
legend { padding: 0 0 .2rem; font-weight: 600; }
.row { display: flex; flex-wrap: wrap; gap: .35rem; }
.said { margin: .5rem 0; min-height: 1.4em; }`;

class RowFigure extends VtonFigure {
  // A row of buttons, one for each text, which may be read with a word before; one alone is no choice.
  offer(row, texts, act, word) {
    const button = (text, k) => make("button", { onclick: () => act(k), ariaLabel: word && `${word} ${text}` }, text);
    this.at(row).parentNode.hidden = texts.length < 2;
    this.at(row).replaceChildren(...texts.map(button));
  }

  // Mark the buttons of a row that are chosen: a number or several.
  press(row, chosen) {
    [...this.at(row).children].forEach((button, k) => { button.ariaPressed = [chosen].flat().includes(k); });
  }

  // The reader guesses before anything is told: `key` names what is asked about.
  get asked() { return !this.guesses.has(this.key); }
  guess(answer, next, change) {
    this.guesses.set(this.key, answer);
    this.choose(change);
    this.at(next).focus();
  }
}
