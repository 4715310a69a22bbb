/** Adding segments to a concept as examples, or making a new one of them. */

import { addConcept, changeConcept, listConcepts } from "./api.js";
import { answerTo, h, plural, toast } from "./dom.js";

const MOST = 500; // segments in one request

/** Ask for a concept, and add segments to it; resolves to whether that was done. */
export async function addToConcept(segments) {
  if (segments.length > MOST) {
    toast(`Select up to ${MOST} results to add them to a concept at once.`);
    return false;
  }
  try {
    const { concepts } = await listConcepts();
    const name = await askForConcept(plural(segments.length, "segment"), concepts);
    if (!name) return false;
    const known = concepts.find((each) => each.name.toLowerCase() === name.toLowerCase());
    const { examples } = known ? await changeConcept(known.id, { positive: segments }) : await addConcept(name, segments);
    toast(`“${known?.name ?? name}” has ${plural(examples, "example")} now.`);
    return true;
  } catch (problem) {
    toast(`The segments could not be added: ${problem.message}`, { wait: 10000 });
    return false;
  }
}

async function askForConcept(segments, concepts) {
  const name = h("input", { id: "concept-name", type: "text", list: "known-concepts", maxlength: "100", autocomplete: "off", required: true, autofocus: true });
  const button = (value, kind, words, more = {}) => h("button", { class: `button ${kind}`, value, ...more }, words);
  const dialog = h("dialog", { "aria-labelledby": "concept-title" },
    h("form", { method: "dialog", class: "tagging" },
      h("h2", { id: "concept-title" }, `Add ${segments} to a concept`),
      h("label", { for: "concept-name" }, "Concept"), name,
      h("datalist", { id: "known-concepts" }, concepts.map((each) => h("option", { value: each.name }))),
      h("p", { class: "hint" }, "A new name makes a new concept, by which you can search from then on."),
      h("p", { class: "choices" }, button("add", "primary", "Add"), button("", "", "Cancel", { formnovalidate: true }))));
  return (await answerTo(dialog)) ? name.value.trim() : null;
}
