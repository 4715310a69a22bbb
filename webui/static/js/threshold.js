/** The dialog that moves a concept's threshold, and shows which photos come and go. */

import { changeConcept, rankedPhotos } from "./api.js";
import { base } from "./base.js";
import { $, h, toast } from "./dom.js";
import { gettext, ngettext, number } from "./i18n.js";

const LISTED = 300; // photos that are looked at
const SHOWN = 8; // on each side of the threshold
const STEPS = 200;

const dialog = $("#threshold");
const slider = dialog && $("input", dialog);
let ranked = [];
let saving = null;

const crop = ({ segment_id, score }) => h("img", {
  src: `${base}/api/v1/segments/${segment_id}/crop`, alt: gettext("Segment with a score of %(score)s", { score: number(score, 2) }), title: number(score, 2), loading: "lazy",
});

function preview() {
  const threshold = Number(slider.value);
  const inside = ranked.filter(({ score }) => score >= threshold);
  const outside = ranked.slice(inside.length, inside.length + SHOWN);
  const values = { score: number(threshold, 2) };
  const all = inside.length === LISTED
    ? gettext("%(num)s photos or more with a score of at least %(score)s.", { num: number(LISTED), ...values })
    : ngettext("%(num)s photo with a score of at least %(score)s.", "%(num)s photos with a score of at least %(score)s.", inside.length, values);
  $("[role=status]", dialog).textContent = all;
  for (const [side, photos] of [["inside", inside.slice(-SHOWN)], ["outside", outside]]) {
    $(`[data-side=${side}]`, dialog).replaceChildren(...photos.length ? photos.map(crop) : [h("p", { class: "hint" }, gettext("None."))]);
  }
}

/** Open the dialog for a concept. */
export async function chooseThreshold({ id, name }) {
  const { threshold, photos } = await rankedPhotos(id, LISTED);
  ranked = photos;
  const [most, least] = [photos[0]?.score ?? 1, photos.at(-1)?.score ?? 0];
  const [low, high] = [Math.min(least, threshold), Math.max(most, threshold)];
  $("h2", dialog).textContent = gettext("Threshold of “%(name)s”", { name });
  Object.assign(slider, { min: low, max: high, step: Math.max((high - low) / STEPS, 0.001) });
  slider.value = threshold;
  saving = id;
  preview();
  dialog.showModal();
}

slider?.addEventListener("input", preview);
dialog && $("[data-save]", dialog).addEventListener("click", async () => {
  try {
    await changeConcept(saving, { threshold: Number(slider.value) });
    location.reload();
  } catch (problem) {
    toast(problem.message, { wait: 10000 });
  }
});
