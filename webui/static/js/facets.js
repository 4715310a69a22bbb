/** What the photos of the library have in common, with counts, beside the timeline: to narrow it, or to go to a month. */

import { getLibraryFacets } from "./api.js";
import { base } from "./base.js";
import { $, h } from "./dom.js";
import { gettext, ngettext, number } from "./i18n.js";
import { monthName } from "./timeline.js";

const SHOWN = 8; // of each kind; the rest on request
const WIDE = matchMedia("(min-width: 1200px)");
const KEPT = "facets";
const AGAIN = 10000; // milliseconds between two counts while photos come in

export class Facets {
  #root = $("#facets");
  #button = $("#show-facets");
  #timeline;
  #counted = -Infinity;
  #later = 0;

  constructor(timeline) {
    this.#timeline = timeline;
    this.#button.addEventListener("click", () => this.#toggle(this.#root.hidden));
    timeline.addEventListener("laid", () => !this.#root.hidden && this.#showMonths());
    let kept = null;
    try {
      kept = localStorage.getItem(KEPT);
    } catch {
      /* storage is switched off */
    }
    if (WIDE.matches && kept !== "closed") this.#open();
  }

  #toggle(isOpen) {
    if (isOpen) this.#open();
    else this.#close();
    this.#button.setAttribute("aria-expanded", String(isOpen));
    if (!WIDE.matches) return;
    try {
      localStorage.setItem(KEPT, isOpen ? "open" : "closed");
    } catch {
      /* it lasts until the page is left */
    }
  }

  #close() {
    this.#root.hidden = true;
    document.documentElement.dataset.facets = "closed"; // no room is kept for them
  }

  #open() {
    this.#root.hidden = false;
    delete document.documentElement.dataset.facets;
    this.#button.setAttribute("aria-expanded", "true");
    if (this.#timeline.blocks) this.#showMonths();
    this.refresh();
  }

  /** Count anew: `now`, because of what was done here, or not too often. */
  async refresh({ now = false } = {}) {
    if (this.#root.hidden) return;
    clearTimeout(this.#later);
    const wait = this.#counted + AGAIN - performance.now();
    if (wait > 0 && !now) {
      this.#later = setTimeout(() => this.refresh(), wait);
      return;
    }
    this.#counted = performance.now();
    const { view } = this.#timeline;
    const { folders, tags, labels, concepts } = await getLibraryFacets(view).catch(() => ({}));
    if (!folders) return; // asked again with the next change
    this.#show("folder", gettext("Folders"), folders, (name) => this.#narrowed("folder", name));
    this.#show("tag", gettext("Tags"), tags, (name) => this.#narrowed("tag", name));
    this.#show("label", gettext("Labels"), labels, (name) => this.#narrowed("label", name));
    if (view.state !== "trash") this.#show("concept", gettext("Concepts"), concepts, (name) => `${base}/search?${new URLSearchParams({ text: name })}`);
  }

  /** The address of the view that has this value of a facet, too, or has it no more. */
  #narrowed(kind, name) {
    const chosen = Object.fromEntries(Object.entries(this.#timeline.view).filter(([key, value]) => key !== "order" || value !== "newest"));
    if (chosen[kind] === name) delete chosen[kind];
    else chosen[kind] = name;
    const query = new URLSearchParams(chosen).toString();
    return query ? `${base}/?${query}` : `${base}/`;
  }

  #show(kind, title, values, addressOf) {
    const section = $(`[data-facet="${kind}"]`, this.#root);
    section.hidden = values.length === 0;
    const isAll = section.dataset.all !== undefined;
    const items = (isAll ? values : values.slice(0, SHOWN)).map(({ name, photos }) => {
      const isCurrent = this.#timeline.view[kind] === name;
      return h("li", {}, h("a", { href: addressOf(name), "aria-current": isCurrent && "true" }, h("span", { class: "name" }, name), h("span", { class: "count" }, number(photos))));
    });
    const more = values.length > SHOWN && !isAll && h("button", { type: "button", class: "quiet", click: () => {
      section.dataset.all = "";
      this.#show(kind, title, values, addressOf);
      $(`li:nth-child(${SHOWN + 1}) a`, section).focus();
    } }, ngettext("Show %(num)s more", "Show %(num)s more", values.length - SHOWN));
    section.replaceChildren(...[h("h2", {}, title), h("ul", {}, items), more].filter(Boolean));
  }

  /** A bar for each year, and for each month of a year that is open. */
  #showMonths() {
    const { months } = this.#timeline.blocks;
    const section = $("[data-facet=month]", this.#root);
    const told = JSON.stringify(months.map(({ month, photos }) => [month, photos]));
    if (section.dataset.told === told) return;
    section.dataset.told = told;
    const open = new Set([...section.querySelectorAll("details[open]")].map((each) => each.dataset.year));
    const years = new Map();
    for (const each of months) {
      const year = each.month.slice(0, 4);
      years.set(year, [...(years.get(year) ?? []), each]);
    }
    const sums = new Map([...years].map(([year, each]) => [year, each.reduce((sum, { photos }) => sum + photos, 0)]));
    const most = Math.max(...sums.values());
    const mostOfMonth = Math.max(...months.map(({ photos }) => photos));
    section.hidden = months.length === 0;
    const monthsOf = (each) => h("ul", {}, each.map(({ month, photos }) => h("li", {},
      h("button", { type: "button", click: () => this.#goTo(month) }, ...barOf(monthName(month, "short").split(" ")[0], photos, mostOfMonth)))));
    section.replaceChildren(h("h2", {}, gettext("Dates")), ...[...years].map(([year, each]) => {
      const fill = ({ target }) => target.open && target.children.length === 1 && target.append(monthsOf(each));
      const bars = h("summary", {}, ...barOf(year, sums.get(year), most));
      return h("details", { "data-year": year, open: open.has(year), toggle: fill }, bars, open.has(year) && monthsOf(each));
    }));
  }

  #goTo(month) {
    const block = this.#timeline.blocks.all.find((each) => each.month === month);
    if (!WIDE.matches) this.#toggle(false);
    this.#timeline.scrollTo(block.top);
    this.#timeline.draw();
  }
}

function barOf(name, photos, most) {
  const bar = h("progress", { value: photos, max: most, "aria-hidden": "true" });
  return [h("span", { class: "name" }, name), bar, h("span", { class: "count" }, number(photos))];
}
