// Figures that paint numbers.
// Bytes that travel as text.
const decode = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

// Paint a canvas of some height and width: `colour` gives red, green, blue and opacity of each pixel.
function paint(canvas, [height, width], colour) {
  const image = new ImageData(width, height);
  for (let k = 0; k < height * width; k++) image.data.set(colour(k), 4 * k);
  Object.assign(canvas, { width, height }).getContext("2d").putImageData(image, 0, 0);
}
