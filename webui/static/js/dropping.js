/** Files that are dragged onto a page: a veil says what will become of them, and lets one choose where there is a choice. */

import { h, icon } from "./dom.js";
import { filesOf } from "./files.js";
import { gettext } from "./i18n.js";

const inCorner = (files) => import("./corner.js").then(({ addInCorner }) => addInCorner(files));

/** The zone for files that are added to the library; unless something else takes them, in a corner of the page. */
export const toLibrary = (take = inCorner) => ({ sign: "upload", title: gettext("Add to the library"), hint: gettext("Photos, folders and ZIP files"), take });

const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");

/**
 * Take what is dropped anywhere. `zones` are {sign, title, hint, take, onlyOne}: the first is taken where the drop is
 * outside of all of them; zones that take only one picture are not offered for more, or for other files.
 */
export function takeDrops(zones) {
  let veil = null;
  let depth = 0;

  const fitting = ({ items }) => {
    const files = [...(items ?? [])].filter((item) => item.kind === "file");
    const isOne = files.length <= 1 && files.every(({ type }) => !type || type.startsWith("image/"));
    return zones.filter((zone) => isOne || !zone.onlyOne);
  };
  const show = (event) => {
    const offered = fitting(event.dataTransfer);
    veil = h("div", { class: "veil", "aria-hidden": "true" }, offered.map(({ sign, title, hint }) => {
      return h("div", { class: "zone" }, icon(sign), h("p", { class: "lead" }, title), h("p", {}, hint));
    }));
    [...veil.children].forEach((zone, at) => (zone.taker = offered[at]));
    document.body.append(veil);
  };
  const hide = () => {
    depth = 0;
    veil?.remove();
    veil = null;
  };
  const zoneOf = ({ target }) => target.closest?.(".zone");

  document.addEventListener("dragenter", (event) => {
    if (!carriesFiles(event)) return;
    depth++;
    if (!veil) show(event);
  });
  document.addEventListener("dragleave", (event) => {
    if (carriesFiles(event) && --depth <= 0) hide();
  });
  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    const over = zoneOf(event) ?? veil?.firstElementChild;
    for (const zone of veil?.children ?? []) zone.classList.toggle("over", zone === over);
  });
  document.addEventListener("drop", async (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    const zone = zoneOf(event)?.taker ?? fitting(event.dataTransfer)[0];
    hide();
    const files = await filesOf(event.dataTransfer);
    if (files.length) zone?.take(files);
  });
}
