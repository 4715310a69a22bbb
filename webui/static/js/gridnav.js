/** Arrow keys in grids and lists marked data-walk: to the neighbours left and right, above and below. */

import { $$ } from "./dom.js";

const KEYS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"];
const SEEN = "[data-stop]:not([hidden] *)";

export function walkGrids() {
  document.addEventListener("keydown", (event) => {
    if (!KEYS.includes(event.key) || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const stop = event.target.closest("[data-stop]");
    const grid = stop?.closest("[data-walk]");
    const next = grid ? neighbour($$(SEEN, grid), stop, event.key) : entry(event);
    if (!next) return;
    event.preventDefault();
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  });
}

/** With the focus nowhere, the right arrow enters the results, or else the first grid, at the first thing in sight. */
function entry(event) {
  if (event.target !== document.body || event.key !== "ArrowRight") return null;
  const stops = [".answer [data-walk]", "[data-walk]"].flatMap((grids) => $$(grids)).flatMap((grid) => $$(SEEN, grid));
  return stops.find((stop) => stop.checkVisibility() && stop.getBoundingClientRect().top >= 0) ?? null;
}

function neighbour(stops, from, key) {
  const at = stops.indexOf(from);
  if (key === "Home") return stops[0];
  if (key === "End") return stops.at(-1);
  if (key === "ArrowLeft") return stops[at - 1];
  if (key === "ArrowRight") return stops[at + 1];
  return nearestRow(stops, from, key === "ArrowDown" ? 1 : -1);
}

/** The stop of the next row, down or up, whose middle is nearest to this one's. */
function nearestRow(stops, from, way) {
  const here = from.getBoundingClientRect();
  const middle = here.left + here.width / 2;
  let best = null;
  for (const stop of stops) {
    const frame = stop.getBoundingClientRect();
    const down = way * (frame.top + frame.height / 2 - here.top - here.height / 2);
    if (down < Math.min(frame.height, here.height) / 2) continue;
    const cost = down * 4 + Math.abs(frame.left + frame.width / 2 - middle);
    if (!best || cost < best.cost) best = { stop, cost };
  }
  return best?.stop ?? null;
}
