/** Several things at once: whether they are to be one thing or each in the photo, and how they lie to each other. */

import { h, icon } from "./dom.js";
import { gettext } from "./i18n.js";
import { isWhole } from "./refs.js";
import { related, RELATIONS, said } from "./relations.js";

/** Show the choice; `onChange` hears of {all} and {relations}. `answer` is null while there is none. */
export function showCombine(root, asked, answer, onChange) {
  const components = asked.positive.length + (asked.text || asked.must ? 1 : 0);
  const parts = answer?.parts ?? [];
  const together = isTogether(asked) && parts.length > 1;
  root.hidden = asked.positive.some(isWhole) || asked.group !== "image" || asked.feedback !== null || (components < 2 && !together);
  if (root.hidden) return root.replaceChildren();
  const used = root.contains(document.activeElement) ? document.activeElement.name : "";
  root.replaceChildren(
    ...(components > 1 ? [choice(asked, onChange)] : []),
    ...(together ? [legend(parts), relations(asked, parts, onChange)] : []),
  );
  if (used) root.querySelector(`[name="${used}"]`)?.focus();
}

/** Whether things are looked for side by side; words alone always are. */
export const isTogether = ({ all, must, positive }) => all || must !== "" || positive.length === 0;

function choice({ all }, onChange) {
  const button = (value, words, title) =>
    h("button", { type: "button", name: value ? "all" : "blend", title, "aria-pressed": String(all === value),
      click: () => onChange({ all: value, relations: [] }) }, words);
  return h("div", { class: "switch", role: "group", "aria-label": gettext("How to combine the examples") },
    button(false, gettext("One thing"), gettext("One object similar to all of these")),
    button(true, gettext("All in one photo"), gettext("Photos that contain each of these")));
}

const legend = (parts) =>
  h("ul", { class: "legend", "aria-label": gettext("Colours in the results") },
    parts.map((name, at) => h("li", { class: `part-${at}` }, name)));

function relations(asked, parts, onChange) {
  const lines = asked.relations.filter(({ subject, object }) => subject < parts.length && object < parts.length);
  const remove = (line) => onChange({ relations: lines.filter((other) => other !== line) });
  const shown = lines.map((line) => {
    const words = related(line.relation, parts[line.subject], parts[line.object]);
    return h("span", { class: "chip" }, words,
      h("button", { class: "quiet round", type: "button", "aria-label": gettext("Remove %(name)s", { name: words }), click: () => remove(line) }, icon("close")));
  });
  const form = h("form", { class: "relate", submit: (event) => {
    event.preventDefault();
    const [subject, relation, object] = ["subject", "relation", "object"].map((name) => form.elements[name].value);
    if (subject === object) return;
    const line = { subject: Number(subject), relation, object: Number(object) };
    onChange({ relations: [...lines, line] });
  } },
  select("subject", gettext("First thing"), parts.map((name, at) => [at, name]), 0),
  select("relation", gettext("Relation"), RELATIONS.map((name) => [name, said(name)]), RELATIONS[0]),
  select("object", gettext("Second thing"), parts.map((name, at) => [at, name]), 1),
  h("button", { class: "button", type: "submit", name: "relate" }, gettext("Add")));
  return h("div", { class: "relations" }, shown, form);
}

const select = (name, label, options, chosen) =>
  h("select", { name, "aria-label": label }, options.map(([value, words]) => h("option", { value, selected: value === chosen }, words)));
