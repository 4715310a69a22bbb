/** Adding segments to a concept as examples, or making a new one of them. */

import { addConcept, changeConcept, listConcepts } from "./api.js";
import { answerTo, h, toast } from "./dom.js";
import { gettext, ngettext, number } from "./i18n.js";

const MOST = 500; // segments in one request

/** Ask for a concept, and add segments to it; resolves to whether that was done. */
export async function addToConcept(segments) {
  if (segments.length > MOST) {
    toast(gettext("Select up to %(most)s results to add them to a concept at once.", { most: number(MOST) }));
    return false;
  }
  try {
    const { concepts } = await listConcepts();
    const name = await askForConcept(segments.length, concepts);
    if (!name) return false;
    const known = concepts.find((each) => each.name.toLowerCase() === name.toLowerCase());
    const { examples } = known ? await changeConcept(known.id, { positive: segments }) : await addConcept(name, segments);
    toast(ngettext("“%(name)s” has %(num)s example now.", "“%(name)s” has %(num)s examples now.", examples, { name: known?.name ?? name }));
    return true;
  } catch (problem) {
    toast(gettext("The segments could not be added: %(why)s", { why: problem.message }), { wait: 10000 });
    return false;
  }
}

async function askForConcept(segments, concepts) {
  const name = h("input", { id: "concept-name", type: "text", list: "known-concepts", maxlength: "100", autocomplete: "off", required: true, autofocus: true });
  const button = (value, kind, words, more = {}) => h("button", { class: `button ${kind}`, value, ...more }, words);
  const dialog = h("dialog", { "aria-labelledby": "concept-title" },
    h("form", { method: "dialog", class: "tagging" },
      h("h2", { id: "concept-title" }, ngettext("Add %(num)s segment to a concept", "Add %(num)s segments to a concept", segments)),
      h("label", { for: "concept-name" }, gettext("Concept")), name,
      h("datalist", { id: "known-concepts" }, concepts.map((each) => h("option", { value: each.name }))),
      h("p", { class: "hint" }, gettext("A new name makes a new concept, by which you can search from then on.")),
      h("p", { class: "choices" }, button("add", "primary", gettext("Add")), button("", "", gettext("Cancel"), { formnovalidate: true }))));
  return (await answerTo(dialog)) ? name.value.trim() : null;
}
