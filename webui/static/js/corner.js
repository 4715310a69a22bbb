/** Adding photos on a page that is about something else: how far they are is shown in a corner. */

import { h, icon } from "./dom.js";
import { Uploads } from "./uploads.js";

let panel = null;

export function addInCorner(files) {
  if (!panel) {
    const root = h("section", { class: "uploads", "aria-label": "Photos being added" });
    const close = h("button", { class: "quiet round", type: "button", "aria-label": "Close", click: () => (root.hidden = true) }, icon("close"));
    root.append(h("header", {}, h("h2", {}, "Adding photos"), close));
    document.body.append(root);
    panel = new Uploads(root);
  }
  panel.add(files);
}
