/** Adding photos on a page that is about something else: how far they are is shown in a corner. */

import { h, icon } from "./dom.js";
import { gettext } from "./i18n.js";
import { Uploads } from "./uploads.js";

let panel = null;

export function addInCorner(files) {
  if (!panel) {
    const root = h("section", { class: "uploads", "aria-label": gettext("Photos being added") });
    const close = h("button", { class: "quiet round", type: "button", "aria-label": gettext("Close"), click: () => (root.hidden = true) }, icon("close"));
    root.append(h("header", {}, h("h2", {}, gettext("Adding photos")), close));
    document.body.append(root);
    panel = new Uploads(root);
  }
  panel.add(files);
}
