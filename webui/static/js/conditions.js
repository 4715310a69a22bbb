/** What narrows the results. */

/** Filters as POST /search takes them. */
export function conditions(filters, names) {
  const found = {};
  for (const name of names) if (filters[name]) Object.assign(found, AS_ASKED[name](filters[name]));
  return found;
}

const SIZES = { small: { max_area: 0.05 }, medium: { min_area: 0.05, max_area: 0.25 }, large: { min_area: 0.25 } };
const AS_ASKED = {
  folder: (folder) => ({ folder }),
  label: (label) => ({ label }),
  concept: (id) => ({ concept: Number(id) }),
  year: (year) => ({ taken_from: `${year.padStart(4, "0")}-01-01`, taken_until: `${year.padStart(4, "0")}-12-31` }),
  size: (size) => SIZES[size] ?? {},
  place: (position) => ({ position }),
  recipe: (recipe) => ({ recipe }),
};
