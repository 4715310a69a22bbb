/** The rounds of refining a search: what came of the last one, what was marked, and what can be done next. */

import { $, h, icon, looksOnly, plural } from "./dom.js";
import { SIDES } from "./marks.js";
import { keepingPlace, trayOf } from "./tray.js";

const MODELS = {
  rocchio: "the query moved towards the results marked right",
  linear: "a model trained on your feedback ranks the results",
};

/** What is above the results: rounds, marks, and what can be done with them; `change` is what the round changed, once it is known. */
export function showRounds(root, { round, change, marks }, { onRefine, onUndo, onCompare, onClear, onSave }) {
  root.hidden = !round && !marks.hasChanges;
  if (root.hidden) return root.replaceChildren();
  const button = (label, sign, click, extra = {}) =>
    h("button", { class: "button", type: "button", click, ...extra }, sign && icon(sign), label);
  const past = Boolean(round && round.round < round.rounds);
  const compare = round?.rounds > 0 &&
    button(past ? `Back to round ${round.rounds}` : "Compare with round 0", null, () => onCompare(past ? null : 0));
  const mayEdit = !looksOnly && round?.rounds > 0 && !past;
  keepingPlace(root, () => root.replaceChildren(
    h("p", {}, h("strong", {}, round ? `Round ${round.round}` : "Refine"), ` ${told(round)}`,
      h("span", { class: "change" }, changeOf(round, change)),
      marks.hasChanges && h("span", { class: "marked" }, ` ${news(marks)}.`)),
    h("div", { class: "choices" },
      marks.hasChanges && !past && button("Refine", "check", onRefine, { class: "button primary", "data-key": "r", title: "Refine (R)" }),
      marks.hasChanges && button("Clear marks", null, onClear),
      compare,
      mayEdit && !marks.hasChanges && saving(onSave),
      mayEdit && button("Undo round", "undo", onUndo, { "data-key": "u", title: "Undo the last round (U)" })),
    trayOf(marks, { fixed: past }) ?? ""));
}

/** Show what the round changed, and leave everything else, such as a name that is being typed, as it is. */
export function showChange(root, { round, change }) {
  $(".change", root)?.replaceChildren(changeOf(round, change));
}

const changeOf = (round, change) =>
  change ? h("span", { title: `Likely results, compared with round ${round.round - 1}` }, ` ${change.found} new, ${change.dropped} gone.`) : "";

/** What was marked since the last round. */
function news(marks) {
  const [right, wrong, back] = [...SIDES, "withdrawn"].map((side) => marks.changed(side).length);
  return `${right} marked right, ${wrong} marked wrong${back ? `, ${back} taken back` : ""}`;
}

/** How the likely results of a round differ from those of the round before; what was judged meanwhile is not counted. */
export function changeBetween(before, now) {
  const judged = new Set([...now.relevant, ...now.irrelevant]);
  const likely = (round) => new Set(round.results.filter((each) => each.likely && !judged.has(each.segment_id)).map((each) => each.image_id));
  const [old, young] = [likely(before), likely(now)];
  return { found: [...young].filter((id) => !old.has(id)).length, dropped: [...old].filter((id) => !young.has(id)).length };
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

function told(round) {
  if (!round) return "";
  if (round.round === 0) return round.rounds ? "– the search before any feedback." : "– mark results as right or wrong.";
  const judged = plural(round.relevant.length + round.irrelevant.length, "marked result");
  const why = round.kept_query
    ? "the query is unchanged, because the feedback would have made it worse"
    : MODELS[round.model];
  return `– from ${judged}: ${why}.`;
}
