/** What results are narrowed to: a choice of each kind, with how many likely results it would leave. */

import { h } from "./dom.js";
import { isWhole, PHOTO_FILTERS } from "./refs.js";

const KINDS = [
  ["folder", "Folder", "folder"], ["label", "Label", "label"], ["concept", "Concept", "concept"],
  ["year", "Taken in", "year"], ["size", "Size", "size"], ["place", "Position", "position"], ["recipe", "Cut by", "recipe"],
];

/** Show the choices; `onChange` hears of what was chosen, all of {filters}. */
export function showFilters(root, asked, facets, onChange) {
  const used = root.contains(document.activeElement) ? document.activeElement.name : "";
  const wasOpen = root.querySelector("details")?.open;
  const chosen = Object.keys(asked.filters).length;
  const choices = KINDS.filter(([name]) => !asked.positive.some(isWhole) || PHOTO_FILTERS.includes(name))
    .map(([name, title, facet]) => choice(name, title, facets?.[facet] ?? [], asked, onChange)).filter(Boolean);
  root.hidden = choices.length === 0;
  if (root.hidden) return root.replaceChildren();
  const clear = h("button", { type: "button", class: "quiet", name: "clear", click: () => onChange({ filters: {} }) }, "Clear");
  root.replaceChildren(h("details", { open: Boolean(wasOpen || chosen) },
    h("summary", {}, chosen ? `Filters (${chosen})` : "Filters"),
    h("div", { class: "choices" }, choices, chosen > 0 && clear)));
  if (used) root.querySelector(`[name="${used}"]`)?.focus();
}

function choice(name, title, facets, asked, onChange) {
  const value = asked.filters[name] ?? "";
  const known = facets.some((facet) => facet.value === value);
  if (facets.length === 0 && !value) return null;
  if (facets.length < 2 && !value && name === "recipe") return null; // there is nothing to choose
  const shown = value && !known ? [{ value, name: value, count: 0 }, ...facets] : facets;
  const change = ({ target }) => {
    const { [name]: _, ...rest } = asked.filters;
    onChange({ filters: target.value ? { ...rest, [name]: target.value } : rest });
  };
  const options = shown.map((facet) => h("option", { value: facet.value, selected: facet.value === value, title: facet.name }, `${brief(facet.name)} (${facet.count})`));
  return h("label", { class: "choice" }, `${title} `, h("select", { name, change }, h("option", { value: "" }, "any"), options));
}

/** The end of a long path. */
const brief = (name) => (name.length > 32 ? `…${name.slice(-31)}` : name);
