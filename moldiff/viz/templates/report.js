"use strict";
const PAGE = 60; // cards that are added at a time
const entries = JSON.parse(document.getElementById("entries").textContent);
const element = Object.fromEntries(
  ["find", "show", "sort", "descending", "count", "download", "gallery", "more", "viewer", "close", "scene", "about"]
    .map((id) => [id, document.getElementById(id)]),
);
let selected = [], shown = 0, viewer = null, current = null, link = null;

function matches(entry) {
  const words = element.find.value.trim(), kind = element.show.value;
  if (words && !`${entry.smiles} ${entry.name}`.toLowerCase().includes(words.toLowerCase())) return false;
  if (!kind) return true;
  return kind === "valid" ? !entry.reason : kind === "failed" ? Boolean(entry.reason) : entry.reason === kind;
}

const key = (entry) => (element.sort.value === "number" ? entry.number : entry.figures[element.sort.value]);

// What has no such figure comes last, whichever way.
function compare(one, two) {
  const [a, b] = [key(one), key(two)];
  if (a === undefined || b === undefined) return (a === undefined) - (b === undefined) || one.number - two.number;
  return (element.descending.checked ? b - a : a - b) || one.number - two.number;
}

function select() {
  selected = entries.filter(matches).sort(compare);
  element.gallery.replaceChildren();
  shown = 0;
  element.count.textContent = `${selected.length} of ${entries.length}`;
  if (link) URL.revokeObjectURL(link);
  link = URL.createObjectURL(new Blob(selected.map((entry) => entry.record), { type: "chemical/x-mdl-sdfile" }));
  element.download.href = link;
  more();
}

function more() {
  element.gallery.append(...selected.slice(shown, shown + PAGE).map(card));
  shown = Math.min(shown + PAGE, selected.length);
  element.more.hidden = shown === selected.length;
}

function card(entry) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = entry.reason ? "card failed" : "card";
  button.dataset.number = entry.number;
  button.innerHTML = entry.picture; // made by RDKit from the record, no text of the file in it
  button.append(line(`${entry.number}. ${entry.smiles || entry.name}`));
  if (entry.reason) button.append(line(entry.reason, "reason"));
  if (element.sort.value !== "number" && key(entry) !== undefined) button.append(line(`${element.sort.value}: ${key(entry)}`));
  button.addEventListener("click", () => view(entry, button));
  return button;
}

function line(text, kind = "") {
  const div = document.createElement("div");
  div.className = kind;
  div.textContent = text;
  return div;
}

function view(entry, button) {
  if (current) current.classList.remove("shown");
  current = button;
  current.classList.add("shown");
  element.viewer.hidden = false;
  element.about.replaceChildren(line(`Record ${entry.number}  ${entry.name}`), line(entry.smiles));
  if (entry.reason) element.about.append(line(`${entry.reason}: ${entry.detail}`, "reason"));
  const figures = Object.entries(entry.figures).map(([name, value]) => `${name} ${value}`).join("; ");
  element.about.append(line(figures));
  if (entry.record) {
    const one = document.createElement("a");
    one.textContent = "download this molecule";
    one.download = `record-${entry.number}.sdf`;
    one.href = `data:chemical/x-mdl-sdfile;charset=utf-8,${encodeURIComponent(entry.record)}`;
    element.about.append(one);
  } else {
    element.about.append(line("It has no coordinates to show."));
  }
  element.scene.hidden = !window.$3Dmol; // left out of a flat page
  if (element.scene.hidden) return;
  viewer ??= window.$3Dmol.createViewer(element.scene, { backgroundColor: "white" });
  viewer.removeAllModels();
  if (entry.record) {
    viewer.addModel(entry.record, "sdf", { keepH: true });
    viewer.setStyle({}, { stick: { radius: 0.13 }, sphere: { scale: 0.24 } });
    viewer.zoomTo();
  }
  viewer.render();
}

function step(by) {
  const cards = [...element.gallery.children], next = cards[cards.indexOf(current) + by];
  if (next) { next.click(); next.scrollIntoView({ block: "nearest" }); }
}

for (const id of ["find", "show", "sort", "descending"]) element[id].addEventListener("input", select);
document.getElementById("controls").addEventListener("submit", (event) => event.preventDefault());
element.more.addEventListener("click", more);
element.close.addEventListener("click", () => { element.viewer.hidden = true; });
document.addEventListener("keydown", (event) => {
  if (element.viewer.hidden || event.target.matches("input, select")) return;
  if (event.key === "Escape") element.viewer.hidden = true;
  if (event.key === "ArrowRight") step(1);
  if (event.key === "ArrowLeft") step(-1);
});
select();
