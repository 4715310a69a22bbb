/** Arrow keys in the timeline, Home and End: also to photos that are not in the document yet. */

import { $, $$ } from "./dom.js";

/** One photo of the timeline can be reached by Tab: the one that had the focus last, or the first in sight. */
export function walkTimeline(root, timeline) {
  let current = null;
  let stop = null;
  const reachable = () => {
    if (stop?.isConnected && stop.number === current) return stop;
    const next = $$(".card", root).find((card) => card.number === current)
      ?? $(`.card[data-id="${timeline.place()?.id}"]`, root) ?? $(".card", root);
    if (stop && stop !== next) $("a", stop).tabIndex = -1;
    if (next) $("a", next).tabIndex = 0;
    return (stop = next);
  };
  timeline.addEventListener("drawn", reachable);
  root.addEventListener("focusin", ({ target }) => {
    current = target.closest(".card")?.number ?? current;
    reachable();
  });
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || $("dialog[open]")) return;
    const { blocks } = timeline;
    const from = event.target.closest?.("#photos .card")?.number;
    if (from === undefined) {
      if (event.target !== document.body || event.key !== "ArrowRight") return;
      event.preventDefault();
      return reachable() && $("a", reachable()).focus();
    }
    const to = {
      ArrowLeft: () => from - 1, ArrowRight: () => from + 1, Home: () => 0, End: () => blocks.count - 1,
      ArrowUp: () => blocks.acrossRow(from, -1), ArrowDown: () => blocks.acrossRow(from, 1),
    }[event.key]?.();
    if (to === undefined) return;
    event.preventDefault();
    if (to >= 0 && to < blocks.count && to !== from) timeline.focus(to).catch(() => {});
  });
}
