/** The search page. The address is the state: every change writes it, and what is shown is read from it. */

import { showAllThings } from "./allthings.js";
import { getRound, patiently, postQuery, search } from "./api.js";
import { showCombine } from "./combine.js";
import { $, announce, looksOnly, toast } from "./dom.js";
import { noteQuery } from "./draft.js";
import { takeDrops, toLibrary } from "./dropping.js";
import { bodyOf } from "./everywhere.js";
import { chooseFiles, takePasted } from "./files.js";
import { takeFirstAnswer } from "./first.js";
import { narrowing } from "./filters.js";
import { Found } from "./found.js";
import { gettext, ngettext } from "./i18n.js";
import { Picker } from "./picker.js";
import { anew, canGrow, empty, format, isAsked, parse, STEP, without } from "./refs.js";
import { showRefine } from "./refine.js";
import { showSkeleton } from "./results.js";
import { Source } from "./source.js";
import { expired, failed, message, nothingAsked, nothingFound, nothingInside, nothingLikely } from "./summary.js";
import { showWordChips } from "./wordchips.js";

const page = $("#search");
const answerArea = $(".answer", page);
const photo = new Source(Object.entries(JSON.parse(page.dataset.owners)).map(([segment, image]) => [Number(segment), image]));
const picker = new Picker($("#picker"), (place) => go(photo.picked(asked, place)));
let asked = empty();
let used = null; // what the server made of the examples, once it has answered
let running = new AbortController();
const found = new Found(answerArea, { asked: () => asked, go, keep, show });

function go(next, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", format(next));
  return show();
}

/** Have the address say something else that changes nothing but how it is shown. */
function keep(next) {
  asked = next;
  history.replaceState(null, "", format(next));
}

/** Show what the address says. */
async function show() {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  asked = parse(location.search);
  const source = photo.of(asked);
  const byExample = asked.positive.length + asked.negative.length > 0 || source !== null;
  page.classList.toggle("split", byExample);
  page.classList.toggle("own", source?.kind === "query");
  $(".query").hidden = !byExample && asked.text !== "";
  $("#start").hidden = byExample || asked.text !== "";
  $("#words").value = byExample ? "" : asked.text; // beside examples, words are a chip
  document.title = `${asked.text || gettext("Search")} – SegSearch`;
  used = null;
  found.leave();
  if (!source || picker.shows(source)) refine(); // otherwise it comes with the photo above it
  const picking = showSource(source, signal);
  const isOfThings = asked.things && source !== null;
  if (!isOfThings) $("#things").replaceChildren();
  const answering = isOfThings ? picking.then(() => runAll(source, signal)) : isAsked(asked) ? run(signal, picking) : rest(source);
  await Promise.all([picking, answering]);
}

async function showSource(source, signal) {
  if (!source) return picker.clear();
  try {
    await picker.show(source);
    if (!signal.aborted) mark();
  } catch (problem) {
    if (!signal.aborted) fail(problem);
  }
}

/** Nothing is asked for yet. */
function rest(source) {
  clear();
  blank(source && nothingAsked());
}

/** Search for each thing of the photo by itself. */
async function runAll(source, signal) {
  if (signal.aborted || !picker.photo) return;
  clear();
  blank(null);
  answerArea.setAttribute("aria-busy", "true");
  const options = { source, within: asked.within, signal, onPoint: (segment) => picker.highlight(segment) };
  const isAnswered = await showAllThings($("#things"), picker.photo, options);
  if (signal.aborted) return;
  answerArea.setAttribute("aria-busy", "false");
  if (!isAnswered) blank(nothingInside());
}

/** Search for what is asked; results come once the photo beside or above them is there (`picking`), so that they stay where they are. */
async function run(signal, picking) {
  noteQuery(asked);
  blank(null);
  answerArea.setAttribute("aria-busy", "true");
  let isRunning = true;
  const pause = new Promise((resolve) => setTimeout(resolve, 150));
  Promise.all([pause, picking]).then(() => isRunning && !signal.aborted && showSkeleton($("#skeleton"), $("#results")));
  try {
    const onWait = (problem) => blank(message(gettext("One moment…"), problem.message));
    const ask = async () => takeFirstAnswer() ?? (asked.feedback ? getRound(asked.feedback, asked.round, { signal }) : search(bodyOf(asked), signal));
    const [answer] = await Promise.all([patiently(ask, onWait, { signal }), picking]);
    if (signal.aborted) return;
    isRunning = false;
    $("#skeleton").replaceChildren();
    showAnswer(answer);
    narrowing($("#filters"), asked, answer, signal, (filters) => go({ ...asked, feedback: null, round: null, above: null, limit: STEP, filters }));
  } catch (problem) {
    if (!signal.aborted) fail(problem);
  } finally {
    isRunning = false;
    if (!signal.aborted) answerArea.setAttribute("aria-busy", "false");
  }
}

function clear() {
  found.clear();
  $("#skeleton").replaceChildren();
  for (const part of ["#word-chips", "#summary", "#combine", "#filters", "#more", "#ask", "#rounds"]) $(part).hidden = true;
}

function fail(problem) {
  clear();
  if (problem.status === 404 && asked.query !== null) {
    page.classList.remove("split", "own");
    $("#refine").hidden = true;
    return blank(expired());
  }
  blank(failed(problem));
}

function showAnswer(answer) {
  photo.learn(answer.results);
  found.show(answer);
  showWordChips($("#word-chips"), asked, answer.words, (said) => go({ ...anew(asked), ...said }));
  showCombine($("#combine"), asked, answer, (chosen) => go({ ...anew(asked), ...chosen }));
  $("#more").hidden = asked.feedback !== null || answer.results.length < asked.limit || !canGrow(asked);
  blank(answer.results.length ? null : nothingFound(answer.words, answer.index.segments === 0, asked));
  used = answer.used;
  mark();
  const count = answer.results.length ? ngettext("%(num)s result", "%(num)s results", answer.results.length) : gettext("No results");
  announce(answer.none_likely ? `${nothingLikely(answer.words)}. ${count}` : count);
}

/** Show what is being searched with: on the photo that it comes from, and as chips. */
function mark() {
  const source = photo.of(asked);
  const here = (used ?? []).slice(0, asked.positive.length).filter(({ ref }) => source && photo.belongs(ref, source));
  picker.mark(here, asked.positive.filter((ref) => source && photo.belongs(ref, source)), asked);
  refine();
}

const refine = () =>
  showRefine($("#refine"), asked.things ? empty() : asked, {
    used,
    photo: picker.photo,
    onRemove: (ref) => go(without(asked, ref)),
    onWords: (text) => go({ ...anew(asked), text, must: "" }),
    onClear: () => go({ ...empty(), query: asked.query }),
  });

function blank(content) {
  $("#blank").hidden = content === null;
  $("#blank").replaceChildren(...(content ?? []));
}

/** A photo from outside: have it cut into segments, and search with the likeliest thing at once. */
async function take([file]) {
  if (!file) return;
  running.abort();
  page.classList.add("split", "own");
  $(".query").hidden = false;
  $("#start").hidden = true;
  rest(null);
  const say = picker.preview(file);
  try {
    const queried = await patiently(() => postQuery(file), (problem) => say(problem.message));
    const [likeliest] = queried.things;
    const ref = { query: queried.id, ...(likeliest !== undefined && { segment: likeliest }) }; // without one, the whole photo
    go({ ...empty(), query: queried.id, positive: [ref], group: asked.group, quality: asked.quality });
  } catch (problem) {
    toast(problem.message, { wait: 10000 });
    show();
  }
}

takeDrops([
  { sign: "camera", title: gettext("Search with this photo"), hint: gettext("It is not added to the library"), take, onlyOne: !looksOnly },
  ...(looksOnly ? [] : [toLibrary()]),
]);
takePasted(take);
chooseFiles($("#file"), take);
$("#more button").addEventListener("click", () => go({ ...asked, limit: asked.limit + STEP }, { replace: true }));
addEventListener("popstate", show);
show();
