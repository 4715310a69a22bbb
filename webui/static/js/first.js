/** The answer that comes with a page of results, for the address that the page was opened with. */

import { $ } from "./dom.js";

/** The answer when it is asked for first, else null. */
export function takeFirstAnswer() {
  const block = $("#first-answer");
  block?.remove();
  return block && JSON.parse(block.textContent);
}
