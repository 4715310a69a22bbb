/** The library: older photos as one scrolls down, and what happens to those on their way in. */

import { orderIntake } from "./api.js";
import { $, $$, announce, plural, toast } from "./dom.js";
import { followIntake } from "./intake.js";

const grid = $("#photos");
const more = $("#more");
const pageSize = Number(grid?.dataset.page);

async function itemsBefore(id) {
  const wanted = new URLSearchParams({ state: grid.dataset.state, before: id });
  const answer = await fetch(`/library/items?${wanted}`);
  if (!answer.ok) throw new Error(answer.statusText);
  const held = new DOMParser().parseFromString(await answer.text(), "text/html"); // what it holds does not run
  return $$(".card", held);
}

let loading = false;
async function loadMore() {
  if (loading) return;
  loading = true;
  try {
    const items = await itemsBefore(grid.lastElementChild.dataset.id);
    grid.append(...items);
    more.hidden = items.length < pageSize;
    if (items.length) announce(`${plural(items.length, "older photo")} loaded`);
    if (!more.hidden) reobserve();
  } catch {
    observer.disconnect(); // the link stays for another try
  } finally {
    loading = false;
  }
}

const observer = new IntersectionObserver((entries) => {
  if (entries.some((entry) => entry.isIntersecting)) loadMore();
}, { rootMargin: "1200px" });
function reobserve() {
  observer.disconnect(); // tells at once if the end is still in sight
  observer.observe(more);
}

/** Put what the server says now into the grid: new photos come first, changed ones take their place. */
async function refresh() {
  const items = await itemsBefore(0);
  const shown = new Map($$(".card", grid).map((card) => [card.dataset.id, card]));
  dropGone(shown, items);
  const newest = Number(grid.firstElementChild?.dataset.id ?? 0);
  const fresh = items.filter((item) => Number(item.dataset.id) > newest);
  if (fresh.length === pageSize) return restart(items);
  for (const item of [...items, ...(await itemsInSight(items))]) replace(shown.get(item.dataset.id), item);
  grid.prepend(...fresh);
  if (!grid.children.length) location.reload(); // the server says what to do about an empty list
}

/** What has become of those that are waiting in sight, further down than the newest page. */
async function itemsInSight(newest) {
  const told = new Set(newest.map((item) => item.dataset.id));
  const inSight = (card) => card.getBoundingClientRect().bottom > 0 && !told.has(card.dataset.id);
  const first = $$(".card:is([data-state=pending], [data-state=working])", grid).find(inSight);
  return first ? itemsBefore(Number(first.dataset.id) + 1) : [];
}

function replace(card, item) {
  if (!card || card.dataset.state === item.dataset.state) return;
  const hadFocus = card.contains(document.activeElement);
  card.replaceWith(item);
  if (hadFocus) $(".shot", item).focus();
}

/** Take away what was deleted, or is in another state than this list's by now. */
function dropGone(shown, items) {
  const told = new Set(items.map((item) => item.dataset.id));
  const last = items.length < pageSize ? 0 : Number(items.at(-1).dataset.id);
  for (const [id, card] of shown) if (Number(id) >= last && !told.has(id)) card.remove();
}

/** So many photos have come that there would be a gap: begin anew, unless somebody is reading further down. */
function restart(items) {
  if (scrollY > innerHeight) return;
  grid.replaceChildren(...items);
  more.hidden = false;
  reobserve();
}

function showIntake({ waiting, entered, total, counts, paused, shortage }) {
  const line = $("#intake");
  const seen = { pause: waiting && !paused, resume: paused, cancel: counts.pending };
  for (const button of $$("[data-intake]", line)) button.hidden = !seen[button.dataset.intake];
  line.hidden = waiting === 0 && !paused && !shortage;
  const all = waiting + entered;
  const [done, left] = [entered, waiting].map((count) => count.toLocaleString("en"));
  const why = paused ? "Paused" : shortage ? `Waiting for disk space (${shortage})` : "Segmenting photos";
  $("p", line).textContent = waiting ? `${why}: ${done} done, ${left} to go.` : `${why}.`;
  $("progress", line).hidden = waiting === 0;
  $("progress", line).value = all ? entered / all : 0;
  const numbers = { ...counts, pending: waiting, all: total };
  for (const chip of $$("[data-filter]")) {
    $("span", chip).textContent = numbers[chip.dataset.filter].toLocaleString("en");
  }
}

const done = {
  pause: () => "Paused. Photos in progress will be finished.",
  resume: () => "Resumed.",
  cancel: ({ photos }) => `${plural(photos, "photo")} cancelled. Upload or ingest them again to add them.`,
  "retry-failed": ({ photos }) => `${plural(photos, "photo")} will be retried.`,
};
for (const button of $$("[data-intake]")) {
  button.addEventListener("click", async () => {
    const what = button.dataset.intake;
    if (what === "cancel" && !confirm("Cancel all pending photos? Photos already added are kept.")) return;
    button.disabled = true;
    try {
      toast(done[what](await orderIntake(what)));
    } catch (problem) {
      toast(problem.message, { wait: 10000 });
    }
    button.disabled = false;
  });
}

if (grid && !more.hidden) reobserve();
followIntake({
  onChange: async (intake) => {
    showIntake(intake);
    if (grid) await refresh();
    else if ($("[data-empty-library]") && intake.total) location.reload();
    if (intake.ended) announce("All photos have been segmented");
  },
});
