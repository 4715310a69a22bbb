/** Refining by judgements: which results were marked, the rounds so far, and what would help most to judge. */

import { $, $$, h, icon, looksOnly, plural } from "./dom.js";

const SIDES = ["relevant", "irrelevant"];

/** What was marked since the last round: a side for each segment. */
export class Marks {
  constructor(onChange) {
    this.sides = new Map();
    this.onChange = onChange;
  }

  of = (segment) => this.sides.get(segment) ?? null;
  all = (side) => [...this.sides].flatMap(([segment, given]) => (given === side ? [segment] : []));

  toggle(segment, side) {
    if (this.of(segment) === side) this.sides.delete(segment);
    else this.sides.set(segment, side);
    this.show();
    this.onChange();
  }

  clear() {
    this.sides.clear();
    this.onChange();
  }

  /** Bring the thumbs of every card in line. */
  show() {
    for (const card of $$(".result[data-segment]")) {
      const given = this.of(Number(card.dataset.segment));
      card.classList.toggle("right", given === "relevant");
      card.classList.toggle("wrong", given === "irrelevant");
      for (const side of SIDES) $(`.votes .${side}`, card)?.setAttribute("aria-pressed", String(given === side));
    }
  }
}

const MODELS = {
  rocchio: "the query moved towards the results marked right",
  linear: "a model trained on your feedback ranks the results",
};

/** The line above the results: marks, rounds, and what can be done with them. */
export function showRounds(root, round, marks, { onRefine, onUndo, onCompare, onClear, onSave }) {
  const [right, wrong] = SIDES.map((side) => marks.all(side).length);
  const marked = right + wrong > 0;
  root.hidden = !round && !marked;
  if (root.hidden) return root.replaceChildren();
  const button = (label, sign, click, extra = {}) =>
    h("button", { class: "button", type: "button", click, ...extra }, sign && icon(sign), label);
  const atStart = round?.round === 0;
  const past = round && round.round < round.rounds;
  const compare = round?.rounds > 0 &&
    button(past ? `Back to round ${round.rounds}` : "Compare with round 0", null, () => onCompare(past ? null : 0));
  root.replaceChildren(
    h("p", {}, h("strong", {}, round ? `Round ${round.round}` : "Refine"), ` ${told(round, atStart)}`,
      marked && h("span", { class: "marked" }, ` ${right} marked right, ${wrong} marked wrong.`)),
    h("div", { class: "choices" },
      marked && !past && button("Refine", "check", onRefine, { class: "button primary", "data-key": "r", title: "Refine (R)" }),
      marked && button("Clear marks", null, onClear),
      compare,
      !looksOnly && round?.rounds > 0 && !past && !marked && saving(onSave),
      !looksOnly && round?.rounds > 0 && !past && button("Undo round", "undo", onUndo, { "data-key": "u", title: "Undo the last round (U)" })));
}

/** A name for what the rounds have come to, by which it can be searched from now on. */
function saving(onSave) {
  const field = h("input", { type: "text", maxlength: "100", placeholder: "Name this concept", "aria-label": "Name of the concept" });
  const send = (event) => {
    event.preventDefault();
    if (field.value.trim()) onSave(field.value.trim());
  };
  return h("form", { class: "addwords", submit: send }, field, h("button", { class: "button", type: "submit" }, "Save"));
}

function told(round, atStart) {
  if (!round) return "";
  if (atStart) return round.rounds ? "– the search before any feedback." : "– mark results as right or wrong.";
  const judged = plural(round.relevant.length + round.irrelevant.length, "marked result");
  const why = round.kept_query
    ? "the query is unchanged, because the feedback would have made it worse"
    : MODELS[round.model];
  return `– from ${judged}: ${why}.`;
}
