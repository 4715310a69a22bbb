/** Adding photos: a few at a time, each with its outcome, and then until they are searchable. */

import { getImages, patiently, postImage } from "./api.js";
import { $, announce, h, icon, plural } from "./dom.js";
import { chooseFiles, folderOf, takeFiles } from "./files.js";

const AT_ONCE = 3;
const LOOK_EVERY = 2000;
const MOST_BYTES = Number($("#drop").dataset.mostMb) * 2 ** 20;
const PROGRAM = $("#drop").dataset.program;

const OUTCOMES = {
  queued: ["clock", "waiting"],
  sending: ["upload", "uploading"],
  pending: ["clock", "being segmented"],
  indexed: ["check", "searchable", "good"],
  empty: ["check", "no segments found", "good"],
  known: ["same", "already in the library"],
  restored: ["undo", "restored from the trash", "good"],
  failed: ["warning", "could not be added", "bad"],
  refused: ["warning", "not added", "bad"],
};

const rows = [];
const queue = [];
const waiting = new Map(); // photos on their way in, by id
let sending = 0;
let looking = false;

class Row {
  constructor(file) {
    this.file = file;
    this.share = 0;
    this.why = h("span", { class: "why" });
    this.outcome = h("span", { class: "outcome" });
    this.thumb = h("span", { class: "thumb" }, icon("photo"));
    this.name = h("a", { class: "name", title: [folderOf(file), file.name].filter(Boolean).join("/") }, file.name);
    this.item = h("li", {}, this.thumb, h("span", {}, this.name, h("br"), this.why), this.outcome);
    this.set("queued");
  }

  set(state, why = "") {
    this.state = state;
    const [sign, words, colour] = OUTCOMES[state];
    this.outcome.replaceChildren(icon(sign), words);
    this.why.textContent = why;
    this.item.className = colour ?? "";
    this.outcome.classList.toggle("good", colour === "good");
  }

  link(id) {
    this.name.href = `/photos/${id}`;
    this.name.dataset.stop = "";
  }

  /** Its thumbnail: made by the server once the photo is in. */
  show(id) {
    this.thumb.replaceChildren(h("img", { src: `/api/v1/images/${id}/thumbnail`, alt: "", loading: "lazy" }));
  }
}

function add(files) {
  const fresh = files.filter((file) => !file.name.startsWith(".")).map((file) => new Row(file));
  if (!fresh.length) return;
  rows.push(...fresh);
  queue.push(...fresh);
  $("#list").append(...fresh.map((row) => row.item));
  $("#progress").hidden = false;
  $("#progress").scrollIntoView({ block: "nearest" });
  while (sending < AT_ONCE && queue.length) pump();
  tally();
}

async function pump() {
  sending++;
  for (let row = queue.shift(); row; row = queue.shift()) {
    await send(row);
    row.share = 1;
    tally();
  }
  sending--;
  tally();
  if (!sending) announce($("#tally").textContent);
}

async function send(row) {
  if (row.file.size > MOST_BYTES) {
    const size = Math.ceil(row.file.size / 2 ** 20);
    return row.set("refused", `${size} MB is too large to upload. Use ${PROGRAM} ingest instead.`);
  }
  row.set("sending");
  const attempt = () => postImage(row.file, (share) => progress(row, share));
  try {
    const { status, body } = await patiently(attempt, (problem) => row.set("sending", problem.message));
    row.link(body.id);
    settle(row, body, body.restored ? "restored" : status === 200 ? "known" : null);
  } catch (problem) {
    row.set("refused", problem.message);
  }
  row.file = null;
}

function progress(row, share) {
  row.share = share;
  row.why.textContent = share < 1 ? `${Math.round(share * 100)}%` : "";
  showTotal();
}

/** What has become of a photo that the server has. */
function settle(row, { id, state, error, path }, known = null) {
  if (state === "pending" || state === "working") {
    row.set("pending");
    waiting.set(id, row);
    if (!looking) look();
    return;
  }
  waiting.delete(id);
  row.set(known && state !== "failed" ? known : state, error?.replace(`${path}: `, "") ?? "");
  if (state !== "failed") row.show(id);
}

/** Ask after the photos on their way in until none is left. Ids rise, so a page from the first of them tells most. */
async function look() {
  looking = true;
  while (waiting.size) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
    try {
      const { items } = await getImages({ after: Math.max(0, Math.min(...waiting.keys()) - 1), limit: 500 });
      const told = new Set(items.map((item) => item.id));
      for (const item of items) if (waiting.has(item.id)) settle(waiting.get(item.id), item);
      const first = Math.min(...waiting.keys());
      if (waiting.has(first) && !told.has(first)) gone(first);
    } catch {
      /* asked again */
    }
    tally();
  }
  looking = false;
  announce($("#tally").textContent);
}

function gone(id) {
  waiting.get(id).set("refused", "The photo has been deleted.");
  waiting.delete(id);
}

const showTotal = () => ($("#total").value = rows.reduce((sum, row) => sum + row.share, 0) / rows.length);

function tally() {
  const count = (...states) => rows.filter((row) => states.includes(row.state)).length;
  const problems = count("failed", "refused");
  const parts = [
    [count("indexed", "empty"), "added"],
    [count("known"), "already in the library"],
    [count("restored"), "restored from the trash"],
    [count("queued", "sending"), "to upload"],
    [count("pending"), "being segmented"],
    [problems, problems === 1 ? "problem" : "problems"],
  ];
  const told = parts.filter(([number]) => number).map(([number, words]) => `${number.toLocaleString("en")} ${words}`);
  $("#tally").textContent = `${plural(rows.length, "file")}: ${told.join(", ")}.`;
  $("#only-problems").hidden = problems === 0;
  showTotal();
}

$("#only-problems").addEventListener("click", ({ currentTarget: button }) => {
  const on = $("#list").classList.toggle("problems");
  button.setAttribute("aria-pressed", String(on));
});
addEventListener("beforeunload", (event) => (sending || queue.length) && event.preventDefault());
takeFiles(add);
chooseFiles($("#files"), add);
chooseFiles($("#folder"), add);
