/** What results are narrowed to: a choice of each kind, with how many likely results it would leave. */

import { countFacets } from "./api.js";
import { h } from "./dom.js";
import { gettext, number } from "./i18n.js";
import { body, isWhole, PHOTO_FILTERS } from "./refs.js";

const KINDS = [
  ["folder", gettext("Folder"), "folder"], ["label", gettext("Label"), "label"], ["concept", gettext("Concept"), "concept"],
  ["year", gettext("Year"), "year"], ["size", gettext("Size"), "size"], ["place", gettext("Position"), "position"], ["recipe", gettext("Recipe"), "recipe"],
];

/**
 * Show in `root` what the results can be narrowed to, once they are there: a round has counted it, for a search it is
 * asked for. `onFilters` hears the filters that were chosen.
 */
export async function narrowing(root, asked, answer, signal, onFilters) {
  let counted = answer;
  root.hidden ||= asked.everywhere;
  if (asked.everywhere) return; // facets are of one collection
  if (!asked.feedback) counted = await countFacets(body(asked), signal).catch(() => null); // results do without it
  if (signal.aborted) return;
  showFilters(root, asked, counted, (name, value) => {
    const { [name]: _, ...others } = asked.filters;
    onFilters(name === null ? {} : value ? { ...others, [name]: value } : others);
  });
}

/**
 * Show the choices that `counted` ({facets, facets_of}, or null) gives; `onChange` hears the name and the value of what
 * was chosen, "" for any, and null to clear them all.
 */
function showFilters(root, asked, counted, onChange) {
  const used = root.contains(document.activeElement) ? document.activeElement.name : "";
  const wasOpen = root.querySelector("details")?.open;
  const chosen = Object.keys(asked.filters).length;
  const choices = KINDS.filter(([name]) => !asked.positive.some(isWhole) || PHOTO_FILTERS.includes(name))
    .map(([name, title, facet]) => choice(name, title, counted?.facets?.[facet] ?? [], asked, onChange)).filter(Boolean);
  root.hidden = choices.length === 0;
  if (root.hidden) return root.replaceChildren();
  const clear = h("button", { type: "button", class: "quiet", name: "clear", click: () => onChange(null) }, gettext("Clear"));
  const basis = counted?.facets_of ? gettext("Counted in the top %(num)s results", { num: number(counted.facets_of) }) : null;
  root.replaceChildren(h("details", { open: Boolean(wasOpen || chosen), title: basis },
    h("summary", {}, chosen ? gettext("Filters (%(num)s)", { num: chosen }) : gettext("Filters")),
    h("div", { class: "choices" }, choices, chosen > 0 && clear)));
  if (used) root.querySelector(`[name="${used}"]`)?.focus();
}

function choice(name, title, facets, asked, onChange) {
  const value = asked.filters[name] ?? "";
  const known = facets.some((facet) => facet.value === value);
  if (facets.length === 0 && !value) return null;
  if (facets.length < 2 && !value && name === "recipe") return null; // there is nothing to choose
  const shown = value && !known ? [{ value, name: value, count: 0 }, ...facets] : facets;
  const change = ({ target }) => onChange(name, target.value);
  const options = shown.map((facet) => h("option", { value: facet.value, selected: facet.value === value, title: facet.name }, `${brief(facet.name)} (${facet.count})`));
  return h("label", { class: "choice" }, `${title} `, h("select", { name, change }, h("option", { value: "" }, gettext("any")), options));
}

/** The end of a long path. */
const brief = (name) => (name.length > 32 ? `…${name.slice(-31)}` : name);
