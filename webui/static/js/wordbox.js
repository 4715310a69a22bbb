/** A text field that completes words as one types: the combobox pattern of WAI-ARIA. */

import { getWords } from "./api.js";
import { h } from "./dom.js";

const PAUSE = 120; // milliseconds without a key before the server is asked

/** Complete what is typed in a field, from a list below it: each of several words or, with `whole`, all of it. */
export function complete(input, list, { whole = false } = {}) {
  let pending = null;
  let timer = null;
  let active = -1;

  const options = () => [...list.children];
  const close = () => {
    clearTimeout(timer);
    pending?.abort();
    list.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const mark = (at) => {
    active = at;
    options().forEach((option, index) => option.setAttribute("aria-selected", String(index === at)));
    if (at >= 0) input.setAttribute("aria-activedescendant", options()[at].id);
    else input.removeAttribute("aria-activedescendant");
  };
  const take = (word) => {
    input.value = whole ? word : replaceLast(input.value, word);
    close();
    input.form.requestSubmit();
  };
  const show = (words) => {
    const keepFocus = (event) => event.preventDefault();
    const option = (word, index) =>
      h("li", { id: `${list.id}-${index}`, role: "option", pointerdown: keepFocus, click: () => take(word) }, word);
    list.replaceChildren(...words.map(option));
    list.hidden = words.length === 0;
    input.setAttribute("aria-expanded", String(words.length > 0));
    mark(-1);
  };
  const ask = async () => {
    const prefix = whole ? input.value.trim().toLowerCase() : lastWord(input.value);
    pending?.abort();
    if (prefix.length < 2) return close();
    pending = new AbortController();
    try {
      const { words } = await getWords(prefix, pending.signal);
      if (document.activeElement === input) show(words.filter((word) => word !== prefix));
    } catch {
      /* without completions the field still works */
    }
  };

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE);
  });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    const count = list.hidden ? 0 : options().length;
    if (event.key === "Escape") {
      if (count) close();
      else input.blur();
    } else if (event.key === "ArrowDown" && count) mark((active + 1) % count);
    else if (event.key === "ArrowUp" && count) mark((active - 1 + count) % count);
    else if (event.key === "Enter" && count && active >= 0) take(options()[active].textContent);
    else return;
    if (event.key !== "Escape" || count) event.preventDefault();
  });
}

/** What is completed: all that follows the last separator, so that "red car, do" completes "do". */
const lastWord = (text) => text.split(/[,;+]/).at(-1).trimStart().toLowerCase();
const replaceLast = (text, word) => text.replace(/[^,;+]*$/, (tail) => tail.match(/^\s*/)[0] + word);
