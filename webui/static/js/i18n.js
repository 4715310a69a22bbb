/**
 * Texts in the language of the page. `globalThis.messages` is what `/messages/LANGUAGE.js` sets; without it, texts stay
 * as they are written here, in English. Babel finds the calls of `gettext`, `ngettext` and `pgettext`, so their texts
 * are plain strings; what varies in them is `%(name)s`.
 */

export const language = document.documentElement.lang;

const { texts, plural } = globalThis.messages ?? { texts: {}, plural: (n) => Number(n !== 1) };
const FIELD = /%\((\w+)\)s/g;

const filled = (text, values) => (values ? text.replace(FIELD, (_, name) => values[name]) : text);

/** A text, with `values` by name. */
export const gettext = (text, values) => filled(texts[text] ?? text, values);

/** A text that means something else elsewhere; `context` tells them apart. */
export const pgettext = (context, text, values) => filled(texts[`${context}\u0004${text}`] ?? text, values);

/** A text about a number of things, which is `%(num)s` in it. */
export function ngettext(one, many, n, values) {
  const forms = texts[one] ?? [one, many];
  return filled(forms[plural(n)], { num: number(n), ...values });
}

/** A text as nodes, with `nodes` by name, or lists of them, in it. */
export const woven = (text, nodes) => text.split(FIELD).flatMap((part, at) => (at % 2 ? nodes[part] : part ? [part] : []));

/** A number as it is written in the language, with so many decimals. */
export const number = (value, digits = 0) =>
  value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });

export const percent = (share) => share.toLocaleString(language, { style: "percent" });

/** A date, in the parts that `Intl.DateTimeFormat` knows. */
export const date = (value, parts) => value.toLocaleDateString(language, parts);
