/** The dialog that moves a concept's threshold, and shows which photos come and go. */

import { changeConcept, rankedPhotos } from "./api.js";
import { $, h, plural, toast } from "./dom.js";

const LISTED = 300; // photos that are looked at
const SHOWN = 8; // on each side of the threshold
const STEPS = 200;

const dialog = $("#threshold");
const slider = dialog && $("input", dialog);
let ranked = [];
let saving = null;

const crop = ({ segment_id, score }) => h("img", {
  src: `/api/v1/segments/${segment_id}/crop`, alt: `Segment with a score of ${score.toFixed(2)}`, title: score.toFixed(2), loading: "lazy",
});

function preview() {
  const threshold = Number(slider.value);
  const inside = ranked.filter(({ score }) => score >= threshold);
  const outside = ranked.slice(inside.length, inside.length + SHOWN);
  const all = inside.length === LISTED ? `${LISTED} photos or more` : plural(inside.length, "photo");
  $("[role=status]", dialog).textContent = `${all} with a score of at least ${threshold.toFixed(2)}.`;
  for (const [side, photos] of [["inside", inside.slice(-SHOWN)], ["outside", outside]]) {
    $(`[data-side=${side}]`, dialog).replaceChildren(...photos.length ? photos.map(crop) : [h("p", { class: "hint" }, "None.")]);
  }
}

/** Open the dialog for a concept. */
export async function chooseThreshold({ id, name }) {
  const { threshold, photos } = await rankedPhotos(id, LISTED);
  ranked = photos;
  const [most, least] = [photos[0]?.score ?? 1, photos.at(-1)?.score ?? 0];
  const [low, high] = [Math.min(least, threshold), Math.max(most, threshold)];
  $("h2", dialog).textContent = `Threshold of “${name}”`;
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
