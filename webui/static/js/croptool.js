/** Cropping the photo that is searched with: its button, and what can be done with the region. */

import { Cropper } from "./cropper.js";
import { h, icon } from "./dom.js";
import { gettext } from "./i18n.js";

/**
 * On the `stage` of a photo; `onOpen` has other tools put away, and `onPick` hears of {region}, a box and the photo's
 * size, or {things, within}. Returns its {button, actions}, and `end`, which puts it away.
 */
export function cropTool(stage, photo, { onOpen, onPick }) {
  const end = () => {
    cropper.close();
    actions.hidden = true;
    button.setAttribute("aria-pressed", "false");
  };
  const leave = () => {
    end();
    button.focus();
  };
  const cropper = new Cropper(stage, photo, leave);
  const act = (words, placeOf, kind = "") => {
    const click = () => {
      const place = placeOf(cropper.box);
      leave();
      onPick(place);
    };
    return h("button", { class: `button ${kind}`, type: "button", click }, words);
  };
  const actions = h("div", { class: "strokes", hidden: true },
    act(gettext("Search this region"), (box) => ({ region: [...box, photo.width, photo.height] }), "primary"),
    photo.segments.length > 0 && act(gettext("Search the things inside"), (box) => ({ things: true, within: box })),
    h("button", { class: "button", type: "button", click: leave }, gettext("Cancel")));
  const open = () => {
    onOpen();
    cropper.open();
    actions.hidden = false;
    button.setAttribute("aria-pressed", "true");
  };
  const click = () => (cropper.isOpen ? leave() : open());
  const button = h("button", { class: "button", type: "button", "aria-pressed": "false", "data-key": "c", title: gettext("Crop (C)"), click }, icon("crop"), gettext("Crop"));
  return { button, actions, end };
}
