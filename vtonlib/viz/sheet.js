// Figures that show pictures out of one sheet.
const SHEET = `${ROWS}
.panes { display: grid; grid-template-columns: repeat(auto-fit, minmax(7rem, 1fr)); gap: .6rem; }
.panes p { margin: 0 0 .2rem; font-weight: 600; }
.cell { display: flex; align-items: center; justify-content: center; position: relative; overflow: hidden;
  border-radius: 3px; background: color-mix(in srgb, currentColor 8%, transparent); }
.cell img { position: absolute; max-width: none; }`;

class SheetFigure extends RowFigure {
  // Put one picture of the sheet into a cell; enlarged by 2 %, so that no neighbour shows at the edges.
  cut(cell, [columns, rows], [column, row]) {
    const { sheet } = this, size = (n) => `${102 * n}%`, from = (k) => `${-102 * k - 1}%`;
    const style = `width: ${size(columns)}; height: ${size(rows)}; left: ${from(column)}; top: ${from(row)}`;
    cell.style.aspectRatio = `${sheet.getAttribute("width") / columns} / ${sheet.getAttribute("height") / rows}`;
    cell.replaceChildren(make("img", { alt: "", src: sheet.src, style }));
  }
}
