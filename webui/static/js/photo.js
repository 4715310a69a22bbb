/** The page of a photo: selecting its segments, drawing a box, deleting and restoring it. */

import { deleteImage, eraseImages, getImage, restoreImages } from "./api.js";
import { base } from "./base.js";
import { cropOf } from "./crop.js";
import { $, $$, confirmed, qualityOf, toast, whenSeen } from "./dom.js";
import { addToQuery, showDraft } from "./draft.js";
import { gettext } from "./i18n.js";
import { SegmentOverlay } from "./overlay.js";
import { showFilmstrip } from "./filmstrip.js";
import { showNames } from "./naming.js";
import { empty, format } from "./refs.js";
import { Mask } from "./rle.js";
import { SegmentBar } from "./segmentbar.js";
import { SegmentList } from "./segmentlist.js";
import { toolButtons } from "./tools.js";
import { offerUndoLater } from "./undo.js";
import { Zoom } from "./zoom.js";

const page = $("#photo");
const id = Number(page.dataset.id);
const list = $("#segments");
const rows = list && new SegmentList(list);
const resting = gettext("Click something to search for it, or to do something else with it.");
const go = (ref) => location.assign(format({ ...empty(), positive: [ref] }));

/** Show which segment is pointed at: in the list, and in words; if none is, `rest`. */
function tell({ segment, row, place, of }, rest) {
  for (const link of $$(".active", list)) link.classList.remove("active");
  const link = segment && $(`[data-segment="${segment.id}"]`, list);
  $("#caption").textContent = segment ? named(segment, row, place, of) : rest;
  if (!link) return;
  link.classList.add("active");
  if (link.closest("[hidden]") || list.scrollHeight <= list.clientHeight) return;
  const [frame, view] = [link.getBoundingClientRect(), list.getBoundingClientRect()];
  list.scrollTop += frame.top < view.top ? frame.top - view.top : Math.max(0, frame.bottom - view.bottom);
}

function named(segment, row, place, of) {
  const name = segment.concepts?.join(", ") || (segment.label ?? gettext("Segment %(number)s", { number: row + 1 }));
  const here = of > 1 && place ? gettext("%(num)s of %(all)s here (Alt + wheel or . for the next)", { num: place, all: of }) : "";
  return [name, qualityOf(segment.quality), here].filter(Boolean).join(" · ");
}

function connect(overlay, bar, photo) {
  const rest = () => (bar.segment ? named(bar.segment, photo.segments.indexOf(bar.segment)) : resting);
  const select = (segment, byKey = false) => {
    overlay.choose([segment.id]);
    bar.show(segment, named(segment, photo.segments.indexOf(segment)));
    $("#caption").textContent = rest();
    history.replaceState(history.state, "", `#s${segment.id}`);
    if (byKey) bar.focus();
  };
  overlay.addEventListener("highlight", ({ detail }) => tell(detail, rest()));
  overlay.addEventListener("pick", ({ detail: { segment, add, byKey } }) => {
    if (add) addToQuery(segment.id, "positive");
    else select(segment, byKey);
  });
  bar.addEventListener("close", () => {
    overlay.choose(null);
    $("#caption").textContent = resting;
    history.replaceState(history.state, "", location.pathname + location.search);
  });
  bar.addEventListener("rename", () => showNames(photo, list).catch((problem) => toast(problem.message)));
  overlay.addEventListener("point", ({ detail }) => go({ image: id, point: detail.point }));
  for (const mark of ["box", "lasso"]) overlay.addEventListener(mark, ({ detail }) => go({ image: id, ...detail }));
  for (const link of $$("[data-segment]", list)) {
    const own = Number(link.dataset.segment);
    for (const type of ["pointerenter", "focus"]) link.addEventListener(type, () => overlay.highlight(own));
    for (const type of ["pointerleave", "blur"]) link.addEventListener(type, () => overlay.highlight(null));
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      select(photo.segments.find((segment) => segment.id === own), event.detail === 0);
      $("#board").scrollIntoView({ block: "nearest" });
    });
  }
  document.addEventListener("keydown", (event) => event.key === "." && overlay.deeper());
  const onChange = (_, advice) => ($("#caption").textContent = advice ?? rest());
  $("#outlines").before(...toolButtons(overlay, ["box", "lasso"], onChange));
  $("#outlines").addEventListener("click", ({ currentTarget: button }) => {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    overlay.outlines = on;
  });
  return select;
}

const zoomable = (photo, draws = () => false, selected = () => null) =>
  new Zoom($("#stage"), photo, { full: $("#stage").dataset.full, draws, selected });

/** Zooming; what the keys come to is brought into sight. */
function zooming(overlay, bar, photo) {
  const zoom = zoomable(photo, () => overlay.marking.tool !== "pick", () => bar.segment?.box_xyxy);
  zoom.addEventListener("change", () => bar.place());
  overlay.addEventListener("highlight", ({ detail: { segment, of } }) => segment && !of && zoom.reveal(segment.box_xyxy));
}

/** The segment that the address names: one comes here from a result. */
function showNamed(photo, select) {
  const named = location.hash.match(/^#s(\d+)$/);
  const segment = named && photo.segments.find((each) => each.id === Number(named[1]));
  if (!segment) return;
  select(segment);
  const link = $(location.hash);
  link?.classList.add("active");
  if (link?.parentElement.hidden) rows.showAll();
  if (link) list.scrollTop = link.offsetTop - list.offsetTop - 80;
  scrollTo(0, 0); // browsers go to the segment in the list, which may be far below the photo
}

/** Cut-outs that show the segment itself, not only its box. */
const shadeCrop = (place, photo, segment) =>
  whenSeen(place, () => place.replaceChildren(cropOf(photo, segment.box_xyxy, new Mask(segment.mask))));

async function start() {
  const picture = $("#stage img");
  if (!list) return picture && zoomable({ width: Number(picture.getAttribute("width")), height: Number(picture.getAttribute("height")) });
  try {
    const photo = { ...(await getImage(id)), url: picture.src };
    const overlay = new SegmentOverlay($("#stage"), photo, { kind: "image", id });
    const bar = new SegmentBar($("#board"), $("#stage"), photo);
    const select = connect(overlay, bar, photo);
    zooming(overlay, bar, photo);
    for (const segment of photo.segments) shadeCrop($(`[data-segment="${segment.id}"] .crop`, list), photo, segment);
    showDraft();
    showNamed(photo, select);
    await showNames(photo, list);
    addEventListener("hashchange", () => showNamed(photo, select));
  } catch (problem) {
    toast(problem.message);
  }
}

/** A photo that is still on its way in: load the page again when it has arrived. */
async function wait() {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const { state } = await getImage(id).catch(() => ({ state: page.dataset.state }));
    if (state !== page.dataset.state && state !== "working") return location.reload();
  }
}

const forGood = (text) => confirmed({ title: gettext("Delete this photo for good?"), text: `${text} ${gettext("This cannot be undone.")}`, label: gettext("Delete") });

/** Do something with the photo, then go on to the next one or to `after`. */
function acting(button, failure, act, after = null) {
  button?.addEventListener("click", async () => {
    try {
      if ((await act(button)) === false) return;
      const next = $('[data-key="j"]') ?? $('[data-key="k"]');
      location.replace(after ?? next?.href ?? `${base}/`);
    } catch (problem) {
      toast(`${failure}: ${problem.message}`);
    }
  });
}

acting($("#delete"), gettext("The photo could not be deleted"), async (button) => {
  if (button.dataset.forGood && !(await forGood(button.dataset.forGood))) return false;
  await deleteImage(id);
  if (!button.dataset.forGood) offerUndoLater([id]);
});
acting($("#restore"), gettext("The photo could not be restored"), () => restoreImages([id]), location.pathname);
acting($("#erase"), gettext("The photo could not be deleted"), async (button) => {
  if (!(await forGood(button.dataset.forGood))) return false;
  await eraseImages([id]);
}, `${base}/?state=trash`);

$("#resegment")?.addEventListener("click", async ({ currentTarget: button }) => {
  const { compareRecipes } = await import("./resegmenting.js");
  const photo = await getImage(id).catch((problem) => toast(problem.message));
  if (photo?.id) compareRecipes({ ...photo, url: $("#stage img").src }, $("summary", button.closest(".menu")));
});

start();
showFilmstrip(id).catch(() => ($("#filmstrip").hidden = true)); // the page does without
if (["pending", "working"].includes(page.dataset.state)) wait();
