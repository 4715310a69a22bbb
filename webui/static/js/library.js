/** The library: the timeline of its photos, how they are shown, and what happens to those on their way in. */

import { getTimelineIds, listFolders } from "./api.js";
import { base } from "./base.js";
import { actOnSelection } from "./bulk.js";
import { $, $$, announce, h, toast } from "./dom.js";
import { Facets } from "./facets.js";
import { gettext, number } from "./i18n.js";
import { followIntake } from "./intake.js";
import { showIntake } from "./intakeline.js";
import { giveOrders } from "./orders.js";
import { noteOrigin, placeToReturnTo } from "./origin.js";
import { Scrubber } from "./scrubber.js";
import { Selection } from "./selection.js";
import { Timeline } from "./timeline.js";
import { walkTimeline } from "./walking.js";

const ROWS = { small: [88, 120, 150], medium: [125, 190, 270], large: [230, 300, 380] }; // heights by width of the window
const WIDTHS = [641, 1921].map((width) => matchMedia(`(min-width: ${width}px)`));
const SIZE = "thumbnails";
const IDS = 10000; // told at once

function keptSize() {
  try {
    return localStorage.getItem(SIZE) in ROWS ? localStorage.getItem(SIZE) : "medium";
  } catch {
    return "medium"; // storage is switched off
  }
}

let size = keptSize();
const row = () => ROWS[size][WIDTHS.filter((width) => width.matches).length];

// ---- the timeline

const root = $("#photos");
const view = root && Object.fromEntries(Object.entries(root.dataset).filter(([, value]) => value));
const dress = (card) => {
  card.setAttribute("aria-posinset", card.number + 1);
  card.setAttribute("aria-setsize", card.of);
  selection.dress(card);
};
const timeline = root && new Timeline(root, view, row(), dress);
const selection = root && new Selection(root, {
  key: (card) => card.photo.id,
  count: () => timeline.blocks.count,
  between: idsBetween,
  photos: (ids) => ids,
});

/** The ids of the photos from one number to another, in the order that is shown. */
async function idsBetween(from, to) {
  const found = [];
  for (let skip = from; skip < to; skip += IDS) {
    found.push(...(await getTimelineIds({ ...view, skip, limit: Math.min(IDS, to - skip) })).ids);
  }
  return found;
}

async function startTimeline() {
  history.scrollRestoration = "manual";
  const place = placeToReturnTo() ?? history.state?.place;
  await timeline.refresh();
  root.classList.add("live");
  $("#more").remove();
  timeline.lay();
  if (place) await timeline.restore(place);
  new ResizeObserver(() => timeline.lay(row())).observe(root);
  let [drawing, keeping] = [0, 0];
  const keep = () => history.replaceState({ ...history.state, place: timeline.place() }, "");
  addEventListener("scroll", () => {
    drawing ||= requestAnimationFrame(() => {
      drawing = 0;
      timeline.draw();
    });
    clearTimeout(keeping);
    keeping = setTimeout(keep, 150);
  }, { passive: true });
  addEventListener("pagehide", keep);
  root.addEventListener("click", noteView);
}

/** Note where one leaves to a photo, so that its page goes on in this order, and back to this place. */
function noteView({ target, defaultPrevented }) {
  if (defaultPrevented || !target.closest("a.shot")) return;
  const { order, state, ...narrowed } = view;
  const name = state === "trash" ? gettext("Trash") : gettext("Library");
  noteOrigin({ title: [name, ...Object.values(narrowed)].join(": "), view, place: timeline.blocks && timeline.place() });
}

function chooseSize(chosen) {
  size = chosen;
  try {
    localStorage.setItem(SIZE, size);
  } catch {
    /* it lasts until the page is left */
  }
  showSize();
  timeline.lay(row());
}

const showSize = () => {
  for (const button of $$("#sizes button")) button.setAttribute("aria-pressed", String(button.value === size));
};

// ---- which photos, and in which order

function chooseView() {
  const chosen = Object.fromEntries([...new FormData($("#view"))].filter(([, value]) => value && value !== "newest"));
  location.assign(`${base}/?${new URLSearchParams(chosen)}`.replace(/\?$/, ""));
}

async function offerFolders() {
  const { folders } = await listFolders();
  const choice = $("#view [name=folder]");
  const option = ({ name, photos }) => h("option", { value: name }, `${name} (${number(photos)})`);
  const shown = [...choice.options];
  choice.addEventListener("focus", () => {
    choice.append(...folders.filter(({ name }) => shown.every((each) => each.value !== name)).map(option));
  });
  choice.addEventListener("blur", () => choice.replaceChildren(...shown)); // there may be a thousand
}

// ---- photos on their way in

function showCounts({ waiting, total, trash, counts }) {
  const numbers = { ...counts, pending: waiting, all: total, trash };
  for (const chip of $$("[data-filter]")) {
    const count = numbers[chip.dataset.filter];
    $("span", chip).textContent = number(count);
    chip.hidden &&= !count;
  }
}

giveOrders();

// ---- all of it

let facets = null;

/** Show what the server has now; it says what to do where nothing is left. */
async function refresh({ now = false } = {}) {
  if (!(await timeline.refresh())) location.reload();
  facets.refresh({ now });
}

async function start() {
  if (root) {
    $("#view").addEventListener("change", chooseView);
    $("#sizes").addEventListener("click", ({ target }) => target.value && chooseSize(target.value));
    showSize();
    new Scrubber($("#scrubber"), timeline);
    walkTimeline(root, timeline);
    actOnSelection(selection, () => refresh({ now: true }));
    facets = new Facets(timeline);
    await startTimeline().catch((problem) => toast(problem.message, { wait: 10000 })); // the first page stays
    offerFolders().catch(() => {}); // the library does without
  }
  let isFirst = true;
  followIntake({
    onChange: async (intake) => {
      showIntake(intake);
      showCounts(intake);
      const hasChanged = !isFirst;
      isFirst = false;
      if (root && hasChanged) await refresh();
      else if ($("[data-empty-library]") && intake.total) location.reload();
      if (intake.ended) announce(gettext("All photos have been segmented"));
    },
  });
}

start();
