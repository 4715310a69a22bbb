/** Calls to /api/v1. A call that fails throws a Problem whose message can be shown. */

import { base } from "./base.js";
import { folderOf } from "./files.js";
import { gettext } from "./i18n.js";

const ROOT = `${base}/api/v1`;

export class Problem extends Error {
  constructor(status, detail, retryAfter = null) {
    super(detail);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** Where one signs in, and comes back from. */
export const toSignIn = () => location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);

/** The Problem that an answer's status and body tell of. */
export function problemOf(status, body, retryAfter = null) {
  let detail;
  try {
    detail = JSON.parse(body).detail;
  } catch {
    /* no problem document */
  }
  return new Problem(status, detail ?? gettext("The server returned status %(status)s.", { status }), Number(retryAfter) || null);
}

async function call(path, options = {}) {
  let answer;
  try {
    answer = await fetch(ROOT + path, { headers: { Accept: "application/json" }, ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, gettext("The server cannot be reached. Is it still running?"));
  }
  if (answer.status === 401) toSignIn(); // the session has ended
  if (!answer.ok) throw problemOf(answer.status, await answer.text(), answer.headers.get("Retry-After"));
  return answer.status === 204 ? null : answer.json();
}

const query = (values) => {
  const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== null);
  return new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
};

export const getStatus = () => call("/status");
export const orderIntake = (what) => call(`/intake/${what}`, { method: "POST" });
export const getImages = (filter) => call(`/images?${query(filter)}`);
export const getMonths = (view) => call(`/timeline?${query(view)}`);
export const getTimeline = (page, signal) => call(`/timeline/photos?${query(page)}`, { signal });
export const getTimelineIds = (page) => call(`/timeline/ids?${query(page)}`);
export const getAround = (image, view) => call(`/timeline/around?${query({ image, ...view })}`);
export const getLibraryFacets = (view) => call(`/timeline/facets?${query(view)}`);
export const getImage = (id, signal) => call(`/images/${id}`, { signal });
export const deleteImage = (id) => call(`/images/${id}`, { method: "DELETE" });
export const deleteImages = (ids) => send("/images/delete", { ids });
export const restoreImages = (ids) => send("/images/restore", { ids });
export const eraseImages = (ids) => send("/trash/delete", { ids });
export const tagImages = (ids, change) => send("/images/tags", { ids, ...change });
export const listTags = () => call("/tags");
export const resegmentImages = (ids) => send("/images/resegment", { ids });
export const orderExport = (what) => send("/exports", what);
export const listExports = () => call("/exports");
export const deleteExport = (id) => call(`/exports/${id}`, { method: "DELETE" });
export const otherRecipes = (id) => call(`/images/${id}/recipes`);
export const previewSegmentation = (id, recipe, signal) => send(`/images/${id}/segmentation/preview`, { recipe }, { signal });
export const takeSegmentation = (id, recipe) => send(`/images/${id}/segmentation`, { recipe });
export const resegmentWith = (what) => send("/recipes/resegment", what);
export const emptyTrash = () => send("/trash/empty", {});
export const getQuery = (id, signal) => call(`/queries/${id}`, { signal });
export const keepQuery = (id) => call(`/queries/${id}/keep`, { method: "POST" });
export const getLevels = ({ kind, id }, values, signal) =>
  call(`/${kind === "query" ? "queries" : "images"}/${id}/levels?${query(values)}`, { signal });
export const getWords = (prefix, signal) => call(`/words?${query({ prefix })}`, { signal });

const send = (path, body, { method = "POST", signal } = {}) =>
  call(path, {
    method,
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(body),
    signal,
  });

export const search = (body, signal) => send("/search", body, { signal });
/** A search for each thing of a photo. */
export const searchThings = (body, signal) => send("/search/things", body, { signal });
export const countFacets = (body, signal) => send("/search/facets", body, { signal });

export const beginFeedback = (body) => send("/feedback", body);
export const getRound = (id, round, { signal, masks = "rle" } = {}) => call(`/feedback/${id}?${query({ round, masks })}`, { signal });
export const judge = (id, judgements) => send(`/feedback/${id}/rounds`, judgements);
export const listConcepts = () => call("/concepts");
export const getConcept = (id) => call(`/concepts/${id}`);
export const addConcept = (name, positive) => send("/concepts", { name, positive });
export const keepConcept = (name, feedback) => send("/concepts", { name, feedback });
export const rankedPhotos = (id, limit) => call(`/concepts/${id}/photos?${query({ limit })}`);
export const changeConcept = (id, change) => send(`/concepts/${id}`, change, { method: "PATCH" });
export const mergeConcepts = (ids, name) => send("/concepts/merge", { ids, name });
export const importConcepts = (file) => send("/concepts/import", file);
export const listFolders = (after) => call(`/folders?${query({ after })}`);
export const learnFolders = (folders) => send("/concepts/learn", { folders });
export const deleteConcept = (id) => call(`/concepts/${id}`, { method: "DELETE" });
export const updateClusters = () => send("/clusters/update", {});
export const nameCluster = (id, name, add) => send(`/clusters/${id}/name`, { name, add });
export const changeCluster = (id, what) => send(`/clusters/${id}/${what}`, {});
export const mergeClusters = (ids) => send("/clusters/merge", { ids });
export const addUser = (user) => send("/users", user);
export const changeUser = (name, change) => send(`/users/${encodeURIComponent(name)}`, change, { method: "PATCH" });
export const removeUser = (name) => call(`/users/${encodeURIComponent(name)}`, { method: "DELETE" });
export const addCollection = (name) => send("/collections", { name });
export const changeCollection = (id, change) => send(`/collections/${id}`, change, { method: "PATCH" });
export const deleteCollection = (id) => call(`/collections/${id}`, { method: "DELETE" });
export const restoreCollection = (id) => send(`/collections/${id}/restore`, {});
export const shareCollection = (id, member) => send(`/collections/${id}/members`, member);
export const unshareCollection = (id, user) => call(`/collections/${id}/members/${encodeURIComponent(user)}`, { method: "DELETE" });
export const revokeToken = (id) => call(`/tokens/${id}`, { method: "DELETE" });
export const changeOwnPassword = (current, password) => send("/account/password", { current, password });
export const makeOwnToken = (name) => send("/account/tokens", { name });
export const revokeOwnToken = (id) => call(`/account/tokens/${id}`, { method: "DELETE" });
export const takeBack = (id) => call(`/feedback/${id}/rounds/last`, { method: "DELETE" });

export function postQuery(file) {
  const form = new FormData();
  form.append("file", file);
  return call("/queries", { method: "POST", body: form });
}

/** Have the browser download a file that the API makes; throws where the server refuses. */
export async function download(path) {
  const aborter = new AbortController();
  const answer = await fetch(ROOT + path, { signal: aborter.signal });
  if (!answer.ok) throw problemOf(answer.status, await answer.text());
  aborter.abort(); // it was only asked whether it can be had
  location.assign(ROOT + path);
}

/** Call again while the analyzer is starting (503) or where that was too often (429): `onWait` hears of each round. */
export async function patiently(attempt, onWait, { rounds = 60, signal } = {}) {
  for (let round = 1; ; round++) {
    try {
      return await attempt();
    } catch (problem) {
      if (![429, 503].includes(problem.status) || round >= rounds || signal?.aborted) throw problem;
      onWait(problem, round);
      await new Promise((resolve) => setTimeout(resolve, (problem.retryAfter ?? 2) * 1000));
    }
  }
}

/** Upload a photo into the library, with progress, which fetch cannot tell. Answers {status, body}. */
export function postImage(file, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    form.append("file", file);
    form.append("folder", folderOf(file));
    request.upload.addEventListener("progress", ({ lengthComputable, loaded, total }) => {
      if (lengthComputable) onProgress(loaded / total);
    });
    request.addEventListener("load", () => {
      if (request.status >= 200 && request.status < 300) {
        resolve({ status: request.status, body: JSON.parse(request.responseText) });
      } else {
        if (request.status === 401) toSignIn();
        reject(problemOf(request.status, request.responseText, request.getResponseHeader("Retry-After")));
      }
    });
    request.addEventListener("error", () => reject(new Problem(0, gettext("The connection was lost."))));
    request.open("POST", `${ROOT}/images`);
    request.setRequestHeader("Accept", "application/json");
    request.send(form);
  });
}
