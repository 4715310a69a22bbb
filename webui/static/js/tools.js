/** What a drag over a photo does: buttons to choose among picking, a box, a lasso, and points. */

import { h, icon } from "./dom.js";
import { gettext } from "./i18n.js";

const PHONE = matchMedia("(max-width: 640px)");

const TOOLS = [
  ["box", "box", gettext("Box"), "b", gettext("Drag a box around what you are looking for.")],
  ["lasso", "lasso", gettext("Lasso"), "l", gettext("Draw a line around what you are looking for.")],
  ["points", "points", gettext("Points"), "m", gettext("Click or brush over what you are looking for; with Alt, or Not this, over what is not meant.")],
];

/**
 * Buttons for the tools of an overlay; one that is pressed again gives way to picking. `names` are those that are
 * offered, and `onChange` hears of the tool and of how it is used.
 */
export function toolButtons(overlay, names, onChange) {
  const choose = (name) => {
    const chosen = overlay.marking.tool === name ? "pick" : name;
    overlay.use(chosen);
    for (const each of buttons) each.setAttribute("aria-pressed", String(each.dataset.tool === chosen));
    onChange(chosen, TOOLS.find(([tool]) => tool === chosen)?.[4] ?? null);
  };
  const buttons = TOOLS.filter(([name]) => names.includes(name)).map(([name, sign, label, key]) =>
    h("button", {
      class: "button", type: "button", "aria-pressed": "false", "data-tool": name, "data-key": key,
      title: `${label} (${key.toUpperCase()})`, click: () => choose(name),
    }, icon(sign), h("span", {}, label)));
  return buttons;
}

/** The strokes of the points on one photo, the last of which can be taken back. */
export class Strokes {
  #strokes = [];

  /** Begin with the points of a reference, each as a stroke of its own, unless they are what is here already. */
  take({ points = [], not_points: others = [] } = {}) {
    const given = this.place;
    const same = JSON.stringify([given.points, given.not_points ?? []]) === JSON.stringify([points, others]);
    if (same) return;
    const one = (minus) => (point) => ({ points: [point], minus });
    this.#strokes = [...points.map(one(false)), ...others.map(one(true))];
  }

  add(stroke) {
    this.#strokes.push(stroke);
  }

  undo() {
    this.#strokes.pop();
  }

  clear() {
    this.#strokes = [];
  }

  /** As a part of a reference. */
  get place() {
    const of = (minus) => this.#strokes.filter((stroke) => stroke.minus === minus).flatMap((stroke) => stroke.points);
    const [points, others] = [of(false), of(true)];
    return others.length ? { points, not_points: others } : { points };
  }
}

/** Buttons that go with the points: what a stroke means, taking the last one back, and clearing all. */
export function strokeButtons(overlay, { onUndo, onClear }) {
  const sides = [[false, "plus", gettext("This")], [true, "minus", gettext("Not this")]].map(([minus, sign, label]) =>
    h("button", { type: "button", "aria-pressed": String(!minus), click: (event) => {
      overlay.marking.minus = minus;
      for (const each of sides) each.setAttribute("aria-pressed", String(each === event.currentTarget));
    } }, icon(sign), label));
  return h("div", { class: "strokes" },
    h("div", { class: "switch", role: "group", "aria-label": gettext("What a stroke means") }, sides),
    h("button", { class: "button", type: "button", title: gettext("Take back the last stroke"), click: onUndo }, icon("undo"), gettext("Undo")),
    h("button", { class: "button", type: "button", click: onClear }, icon("close"), gettext("Clear")));
}

/** How a photo is used while no tool is chosen; on a phone in one line. */
export function adviceFor({ segments }) {
  if (!segments.length) {
    return gettext("No segments were found. Drag a box around what you are looking for, or search with the whole photo.");
  }
  return PHONE.matches
    ? gettext("Tap a thing. Tap again for the next segment there.")
    : gettext("Click what you are looking for, or drag a box around it. Click again for the next segment there.");
}
