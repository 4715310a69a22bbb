/** The rounds of refining a search: what came of the last one, what was marked, and what can be done next. */

import { $, h, icon, looksOnly } from "./dom.js";
import { gettext, ngettext } from "./i18n.js";
import { SIDES } from "./marks.js";
import { keepingPlace, trayOf } from "./tray.js";

const MODELS = {
  rocchio: gettext("the query moved towards the results marked right"),
  linear: gettext("a model trained on your feedback ranks the results"),
};

/** What is above the results: rounds, marks, and what can be done with them; `change` is what the round changed, once it is known. */
export function showRounds(root, { round, change, marks }, { onRefine, onUndo, onCompare, onClear, onSave }) {
  root.hidden = !round && !marks.hasChanges;
  if (root.hidden) return root.replaceChildren();
  const button = (label, sign, click, extra = {}) =>
    h("button", { class: "button", type: "button", click, ...extra }, sign && icon(sign), label);
  const past = Boolean(round && round.round < round.rounds);
  const compare = round?.rounds > 0 &&
    button(past ? gettext("Back to round %(round)s", { round: round.rounds }) : gettext("Compare with round 0"), null, () => onCompare(past ? null : 0));
  const mayEdit = !looksOnly && round?.rounds > 0 && !past;
  keepingPlace(root, () => root.replaceChildren(
    h("p", {}, h("strong", {}, round ? gettext("Round %(round)s", { round: round.round }) : gettext("Refine")), ` ${told(round)}`,
      h("span", { class: "change" }, changeOf(round, change)),
      marks.hasChanges && h("span", { class: "marked" }, ` ${news(marks)}.`)),
    h("div", { class: "choices" },
      marks.hasChanges && !past && button(gettext("Refine"), "check", onRefine, { class: "button primary", "data-key": "r", title: gettext("Refine (R)") }),
      marks.hasChanges && button(gettext("Clear marks"), null, onClear),
      compare,
      mayEdit && !marks.hasChanges && saving(onSave),
      mayEdit && button(gettext("Undo round"), "undo", onUndo, { "data-key": "u", title: gettext("Undo the last round (U)") })),
    trayOf(marks, { fixed: past }) ?? ""));
}

/** Show what the round changed, and leave everything else, such as a name that is being typed, as it is. */
export function showChange(root, { round, change }) {
  $(".change", root)?.replaceChildren(changeOf(round, change));
}

const changeOf = (round, change) =>
  change ? h("span", { title: gettext("Likely results, compared with round %(round)s", { round: round.round - 1 }) }, ` ${gettext("%(found)s new, %(dropped)s gone.", change)}`) : "";

/** What was marked since the last round. */
function news(marks) {
  const [right, wrong, back] = [...SIDES, "withdrawn"].map((side) => marks.changed(side).length);
  return back
    ? gettext("%(right)s marked right, %(wrong)s marked wrong, %(back)s taken back", { right, wrong, back })
    : gettext("%(right)s marked right, %(wrong)s marked wrong", { right, wrong });
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
  const field = h("input", { type: "text", maxlength: "100", placeholder: gettext("Name this concept"), "aria-label": gettext("Name of the concept") });
  const send = (event) => {
    event.preventDefault();
    if (field.value.trim()) onSave(field.value.trim());
  };
  return h("form", { class: "addwords", submit: send }, field, h("button", { class: "button", type: "submit" }, gettext("Save")));
}

function told(round) {
  if (!round) return "";
  if (round.round === 0) return round.rounds ? gettext("– the search before any feedback.") : gettext("– mark results as right or wrong.");
  const why = round.kept_query
    ? gettext("the query is unchanged, because the feedback would have made it worse")
    : MODELS[round.model];
  return ngettext("– from %(num)s marked result: %(why)s.", "– from %(num)s marked results: %(why)s.", round.relevant.length + round.irrelevant.length, { why });
}
