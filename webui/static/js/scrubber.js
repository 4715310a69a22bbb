/** The bar at the right that goes through the months: by pointer, by finger and by keyboard. */

import { h } from "./dom.js";
import { ngettext } from "./i18n.js";
import { monthName } from "./timeline.js";

const APART = 26; // pixels between two years

export class Scrubber {
  #root;
  #timeline;
  #years = [];
  #thumb = h("span", { class: "thumb" });
  #hint = h("span", { class: "hint", hidden: true });
  #drags = false;
  #way = 1; // pixels that one can scroll
  #chosen = null; // the month chosen by keyboard, for as long as it is in sight

  constructor(root, timeline) {
    this.#root = root;
    this.#timeline = timeline;
    root.append(this.#thumb, this.#hint);
    root.addEventListener("pointerdown", (event) => this.#grab(event));
    root.addEventListener("pointermove", (event) => this.#move(event));
    for (const type of ["pointerup", "pointercancel"]) root.addEventListener(type, () => this.#drop());
    root.addEventListener("pointerleave", () => !this.#drags && (this.#hint.hidden = true));
    root.addEventListener("keydown", (event) => this.#press(event));
    timeline.addEventListener("laid", () => this.lay());
    timeline.addEventListener("drawn", () => this.#follow());
    addEventListener("resize", () => this.lay());
    addEventListener("wheel", () => (this.#chosen = null), { passive: true });
  }

  /** Where a height of the timeline is on the bar, as a share of it. */
  #share(y) {
    const { top } = this.#timeline.sight;
    return Math.min(1, Math.max(0, (y + scrollY - top) / this.#way));
  }

  /** Put the years where they are. */
  lay() {
    if (!this.#timeline.blocks) return; // the window was resized before there are any
    const { months, all } = this.#timeline.blocks;
    this.#way = Math.max(1, document.documentElement.scrollHeight - innerHeight);
    this.#root.hidden = this.#way < innerHeight;
    this.#root.setAttribute("aria-valuemax", months.length - 1);
    for (const year of this.#years) year.remove();
    this.#years = [];
    const tall = this.#root.clientHeight;
    let [last, before] = [null, -APART];
    for (const block of all) {
      const year = block.month.slice(0, 4);
      const at = this.#share(block.top) * tall;
      if (year === last) continue;
      last = year;
      if (at - before < APART || at > tall - APART / 2) continue;
      before = at;
      const mark = h("span", { class: "year", "aria-hidden": true }, year);
      mark.style.top = `${at}px`;
      this.#years.push(mark);
    }
    this.#root.prepend(...this.#years);
    this.#follow();
  }

  #follow() {
    const { blocks, drawn } = this.#timeline;
    if (this.#root.hidden || !drawn) return;
    const ended = scrollY >= this.#way - 1;
    const chosen = blocks.all.find(({ month, top, height }) => {
      return month === this.#chosen && top < drawn.bottom && top + height > drawn.top;
    });
    if (!chosen) this.#chosen = null;
    const { month } = chosen ?? (ended ? blocks.all.at(-1) : blocks.at(Math.max(0, drawn.top)));
    const number = blocks.months.findIndex((each) => each.month === month);
    const { photos } = blocks.months[number];
    this.#thumb.style.top = `${(100 * scrollY) / this.#way}%`;
    this.#thumb.dataset.month = monthName(month, "short");
    this.#root.setAttribute("aria-valuenow", number);
    this.#root.setAttribute("aria-valuetext", ngettext("%(month)s, %(num)s photo", "%(month)s, %(num)s photos", photos, { month: monthName(month) }));
  }

  #shareAt({ clientY }) {
    const { top, height } = this.#root.getBoundingClientRect();
    return Math.min(1, Math.max(0, (clientY - top) / height));
  }

  #grab(event) {
    if (event.button !== 0) return;
    this.#root.setPointerCapture(event.pointerId);
    this.#drags = true;
    this.#chosen = null;
    this.#root.classList.add("dragging");
    this.#move(event);
  }

  #move(event) {
    const share = this.#shareAt(event);
    if (this.#drags) scrollTo({ top: share * this.#way, behavior: "instant" });
    const { blocks, sight } = this.#timeline;
    const y = share * this.#way - scrollY + sight.top;
    this.#hint.hidden = event.pointerType === "touch" && !this.#drags;
    this.#hint.textContent = monthName(blocks.at(Math.max(0, y)).month, "short");
    this.#hint.style.top = `${100 * share}%`;
  }

  #drop() {
    this.#drags = false;
    this.#hint.hidden = true;
    this.#root.classList.remove("dragging");
  }

  /** To the next or the previous month, by a year, or to an end. */
  #press(event) {
    const { months } = this.#timeline.blocks;
    const now = Number(this.#root.getAttribute("aria-valuenow"));
    const ofYear = (number) => months[number].month.slice(0, 4);
    const nextYear = months.findIndex((_, number) => number > now && ofYear(number) !== ofYear(now));
    const lastOfYear = months.findLastIndex((_, number) => number < now && ofYear(number) !== ofYear(now));
    const firstOfYear = months.findIndex((_, number) => ofYear(number) === ofYear(Math.max(0, lastOfYear)));
    const to = {
      ArrowDown: now + 1, ArrowRight: now + 1, ArrowUp: now - 1, ArrowLeft: now - 1,
      PageDown: nextYear < 0 ? months.length - 1 : nextYear, PageUp: firstOfYear, Home: 0, End: months.length - 1,
    }[event.key];
    if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const number = Math.min(months.length - 1, Math.max(0, to));
    const block = this.#timeline.blocks.all.find((each) => each.month === months[number].month);
    this.#chosen = block.month;
    if (number === 0) scrollTo({ top: 0, behavior: "instant" });
    else this.#timeline.scrollTo(block.top);
    this.#timeline.draw();
  }
}
