// For anywidget: the markup and the choices of an element travel between the page and Python.
function render({ model, el }) {
  const fresh = () => Object.assign(document.createElement("template"), { innerHTML: model.get("markup") }).content.firstElementChild;
  const node = document.importNode(fresh(), true), same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
  customElements.upgrade(node);
  node.addEventListener("vton-change", (event) => {
    if (same(event.detail, model.get("state"))) return;
    model.set("state", event.detail);
    model.save_changes();
  });
  el.append(node);
  model.on("change:markup", () => node.load(fresh()));
  model.on("change:state", () => { if (!same(node.state, model.get("state"))) node.choose(model.get("state")); });
}
export default { render };
