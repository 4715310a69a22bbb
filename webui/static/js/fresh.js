/** A part of a page that is fetched anew from time to time, for the server to be the only one that draws it. */

import { $ } from "./dom.js";

/** Whether somebody is at work in a part: its new elements would take the focus or the selection away. */
export const isBusy = (part) => part.contains(document.activeElement) || part.contains(getSelection().anchorNode);

/** Fetch the page and show its part `selector` anew; it stays as it is if the server does not answer. */
export async function refresh(selector) {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const [here, now] = [$(selector), $(selector, page)];
  if (here && now && !here.isEqualNode(now)) here.replaceChildren(...now.childNodes);
}

/** Do so every `seconds`, while somebody looks and nobody is at work in it. */
export function keepFresh(selector, seconds) {
  setInterval(() => !document.hidden && !isBusy($(selector)) && refresh(selector), 1000 * seconds);
}
