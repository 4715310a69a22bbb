/** What can be done with the selected photos, some at a time. */

import { deleteImages, download, emptyTrash, eraseImages, resegmentImages, restoreImages, tagImages } from "./api.js";
import { $, confirmed, plural, toast } from "./dom.js";
import { exportSelected } from "./exporting.js";
import { askForTag } from "./tagging.js";
import { addToConcept } from "./teaching.js";
import { offerUndo } from "./undo.js";

const AT_ONCE = 100;
const DOWNLOADED = 500; // in one file

const forGood = "Uploaded files are deleted, too; files elsewhere are kept. This cannot be undone.";

/** Do something with the photos, `AT_ONCE` at a time; answers how many it was done with, and says so if it failed. */
async function inParts(ids, doing, done, act) {
  let count = 0;
  const close = toast(`${doing} ${plural(ids.length, "photo")}…`, { wait: 0 });
  try {
    for (let at = 0; at < ids.length; at += AT_ONCE) count += await act(ids.slice(at, at + AT_ONCE));
    return { count, failed: false };
  } catch (problem) {
    toast(`${plural(count, "photo")} ${done}, then: ${problem.message}`, { wait: 10000 });
    return { count, failed: true };
  } finally {
    close();
  }
}

/** Each gets the ids of photos, and answers whether the selection is done with. */
const ACTIONS = {
  async delete(ids, { refresh, keepsTrash }) {
    const photos = plural(ids.length, "photo");
    if (!keepsTrash && !(await confirmed({ title: `Delete ${photos}?`, text: forGood, label: `Delete ${photos}` }))) return false;
    const { count, failed } = await inParts(ids, "Deleting", "deleted", async (some) => (await deleteImages(some)).deleted);
    if (!failed && keepsTrash) offerUndo(ids, refresh);
    else if (!failed) toast(`${plural(count, "photo")} deleted.`);
    return true;
  },
  async restore(ids) {
    const { count, failed } = await inParts(ids, "Restoring", "restored", async (some) => (await restoreImages(some)).restored);
    if (!failed) toast(`${plural(count, "photo")} restored.`);
    return true;
  },
  async erase(ids) {
    const photos = plural(ids.length, "photo");
    if (!(await confirmed({ title: `Delete ${photos} for good?`, text: forGood, label: `Delete ${photos}` }))) return false;
    const { count, failed } = await inParts(ids, "Deleting", "deleted for good", async (some) => (await eraseImages(some)).deleted);
    if (!failed) toast(`${plural(count, "photo")} deleted for good.`);
    return true;
  },
  async tag(ids) {
    const chosen = await askForTag(plural(ids.length, "photo"));
    if (!chosen) return false;
    const [doing, done] = chosen.add ? ["Tagging", "tagged"] : ["Removing the tag from", "without the tag now"];
    const { count, failed } = await inParts(ids, doing, done, async (some) => (await tagImages(some, chosen)).photos);
    if (!failed) toast(`${plural(count, "photo")} ${done}.`);
    return true;
  },
  async concept(_, { segments }) {
    if (segments.length) return addToConcept(segments);
    toast("Whole photos cannot be examples of a concept: search for something in them.");
    return false;
  },
  async resegment(ids) {
    const { count, failed } = await inParts(ids, "Queueing", "queued", async (some) => (await resegmentImages(some)).queued);
    const none = "Nothing to do: these photos were segmented with the current recipe.";
    if (!failed) toast(count ? `${plural(count, "photo")} will be segmented again.` : none);
    return true;
  },
  export: (ids, { segments }) => exportSelected(ids, segments ?? []),
  async download(ids) {
    if (ids.length > DOWNLOADED) {
      toast(`Select up to ${DOWNLOADED} photos to download them at once.`);
      return false;
    }
    try {
      await download(`/images/download?ids=${ids.join(",")}`);
      return true;
    } catch (problem) {
      toast(`The photos cannot be downloaded: ${problem.message}`, { wait: 10000 });
      return false;
    }
  },
};

/** Have the buttons of the bar act on what is selected; `refresh` shows anew what there is. */
export function actOnSelection(selection, refresh) {
  const bar = $("#selection");
  if (!bar) return;
  const context = { refresh, keepsTrash: bar.dataset.trash !== undefined };
  selection.addEventListener("action", async ({ detail: name }) => {
    const ids = selection.ids;
    if (!ids.length || !(await ACTIONS[name](ids, { ...context, segments: selection.segments }))) return;
    selection.clear();
    await refresh();
  });
  $("#empty-trash")?.addEventListener("click", () => empty(refresh));
}

async function empty(refresh) {
  if (!(await confirmed({ title: "Empty the trash?", text: `All photos in the trash are deleted for good. ${forGood}`, label: "Empty the trash" }))) return;
  const close = toast("Emptying the trash…", { wait: 0 });
  let deleted = 0;
  try {
    for (let left = 1; left; ) {
      const answer = await emptyTrash();
      deleted += answer.deleted;
      left = answer.deleted && answer.left;
    }
    toast(`${plural(deleted, "photo")} deleted for good.`);
  } catch (problem) {
    toast(`${plural(deleted, "photo")} deleted, then: ${problem.message}`, { wait: 10000 });
  }
  close();
  await refresh();
}
