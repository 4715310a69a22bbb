/** The library: older photos as one scrolls down, and what happens to those on their way in. */

import { $, $$, announce, h, plural } from "./dom.js";
import { followIntake } from "./intake.js";

const grid = $("#photos");
const more = $("#more");

async function itemsBefore(id) {
  const wanted = new URLSearchParams({ state: grid.dataset.state, before: id });
  const answer = await fetch(`/library/items?${wanted}`);
  if (!answer.ok) throw new Error(answer.statusText);
  const held = h("template");
  held.innerHTML = await answer.text();
  return $$(".card", held.content);
}

let loading = false;
async function loadMore() {
  if (loading) return;
  loading = true;
  try {
    const items = await itemsBefore(grid.lastElementChild.dataset.id);
    grid.append(...items);
    more.hidden = items.length < Number(grid.dataset.page);
    if (items.length) announce(`${plural(items.length, "older photo")} loaded`);
    if (!more.hidden) reobserve();
  } catch {
    observer.disconnect(); // the link stays for another try
  } finally {
    loading = false;
  }
}

const observer = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && loadMore(), { rootMargin: "1200px" });
function reobserve() {
  observer.disconnect(); // tells at once if the end is still in sight
  observer.observe(more);
}

/** Put what the newest page says now into the grid: new photos come first, changed ones take their place. */
async function refresh() {
  const items = await itemsBefore(0);
  const shown = new Map($$(".card", grid).map((card) => [card.dataset.id, card]));
  const fresh = items.filter((item) => !shown.has(item.dataset.id) && Number(item.dataset.id) > Number(grid.firstElementChild?.dataset.id ?? 0));
  for (const item of items) {
    const card = shown.get(item.dataset.id);
    if (card && card.dataset.state !== item.dataset.state) card.replaceWith(item);
  }
  grid.prepend(...fresh);
}

function showIntake({ waiting, entered, counts }) {
  const line = $("#intake");
  line.hidden = waiting === 0;
  const all = waiting + entered;
  $("p", line).textContent = `Cutting photos into segments: ${entered.toLocaleString("en")} done, ${waiting.toLocaleString("en")} to go.`;
  $("progress", line).value = all ? entered / all : 0;
  const numbers = { ...counts, pending: counts.pending + counts.working, all: Object.values(counts).reduce((sum, count) => sum + count) };
  for (const chip of $$("[data-filter]")) $("span", chip).textContent = numbers[chip.dataset.filter].toLocaleString("en");
}

if (grid && !more.hidden) reobserve();
followIntake({
  onChange: async (intake) => {
    showIntake(intake);
    if (grid) await refresh();
    else if ($("[data-empty-library]") && intake.total) location.reload();
    if (intake.ended) announce("All photos have been cut into segments");
  },
});
