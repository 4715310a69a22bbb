/** Times in videos: how they are written, and where in its video a result is seen. */

import { baseOf } from "./base.js";
import { $, h } from "./dom.js";
import { gettext, ngettext } from "./i18n.js";

const SHOWN = 12; // other times that are named

/** A time as players show it: 0:05, 1:02:05. */
export function clock(seconds) {
  const two = (value) => String(value).padStart(2, "0");
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** Show on a card when in its video a result is seen, and at how many other times; nothing on those of photos. */
export function showMoments(card, { video, time_s: time, moments, image_id: photo, ...result }) {
  const chip = $(".moment", card);
  if (video == null) return chip?.remove();
  const others = moments.filter((moment) => moment.image_id !== photo);
  const also = others.slice(0, SHOWN).map((moment) => clock(moment.time_s)).join(", ");
  const title = also ? gettext("At %(time)s, also at %(others)s", { time: clock(time), others: also }) : gettext("At %(time)s", { time: clock(time) });
  const words = [clock(time), others.length > 0 && h("span", {}, ngettext("+%(num)s moment", "+%(num)s moments", others.length))];
  const shown = chip ?? h("a", { class: "moment", href: `${baseOf(result)}/photos/${photo}` });
  Object.assign(shown, { title, ariaLabel: title });
  shown.replaceChildren(...words.filter(Boolean));
  if (!chip) card.append(shown);
}
