/** What can be done with the selected photos, some at a time. */

import { deleteImages, download, emptyTrash, eraseImages, resegmentImages, restoreImages, tagImages } from "./api.js";
import { $, confirmed, toast } from "./dom.js";
import { exportSelected } from "./exporting.js";
import { gettext, ngettext, number } from "./i18n.js";
import { askForTag } from "./tagging.js";
import { addToConcept } from "./teaching.js";
import { offerUndo } from "./undo.js";

const AT_ONCE = 100;
const DOWNLOADED = 500; // in one file

const forGood = gettext("Uploaded files are deleted, too; files elsewhere are kept. This cannot be undone.");

const deletion = (count) => ngettext("Delete %(num)s photo", "Delete %(num)s photos", count);
const erased = (count) => ngettext("%(num)s photo deleted for good.", "%(num)s photos deleted for good.", count);

/** What is said while something is done with photos, and where it stops halfway. */
const DELETING = {
  doing: (n) => ngettext("Deleting %(num)s photo…", "Deleting %(num)s photos…", n),
  stopped: (n, why) => ngettext("%(num)s photo deleted, then: %(why)s", "%(num)s photos deleted, then: %(why)s", n, { why }),
};
const RESTORING = {
  doing: (n) => ngettext("Restoring %(num)s photo…", "Restoring %(num)s photos…", n),
  stopped: (n, why) => ngettext("%(num)s photo restored, then: %(why)s", "%(num)s photos restored, then: %(why)s", n, { why }),
};
const TAGGING = {
  doing: (n) => ngettext("Tagging %(num)s photo…", "Tagging %(num)s photos…", n),
  stopped: (n, why) => ngettext("%(num)s photo tagged, then: %(why)s", "%(num)s photos tagged, then: %(why)s", n, { why }),
};
const UNTAGGING = {
  doing: (n) => ngettext("Removing the tag from %(num)s photo…", "Removing the tag from %(num)s photos…", n),
  stopped: (n, why) => ngettext("%(num)s photo without the tag now, then: %(why)s", "%(num)s photos without the tag now, then: %(why)s", n, { why }),
};
const QUEUEING = {
  doing: (n) => ngettext("Queueing %(num)s photo…", "Queueing %(num)s photos…", n),
  stopped: (n, why) => ngettext("%(num)s photo queued, then: %(why)s", "%(num)s photos queued, then: %(why)s", n, { why }),
};

/** Do something with the photos, `AT_ONCE` at a time; answers how many it was done with, and says so if it failed. */
async function inParts(ids, { doing, stopped }, act) {
  let count = 0;
  const close = toast(doing(ids.length), { wait: 0 });
  try {
    for (let at = 0; at < ids.length; at += AT_ONCE) count += await act(ids.slice(at, at + AT_ONCE));
    return { count, failed: false };
  } catch (problem) {
    toast(stopped(count, problem.message), { wait: 10000 });
    return { count, failed: true };
  } finally {
    close();
  }
}

/** Each gets the ids of photos, and answers whether the selection is done with. */
const ACTIONS = {
  async delete(ids, { refresh, keepsTrash }) {
    if (!keepsTrash && !(await confirmed({ title: ngettext("Delete %(num)s photo?", "Delete %(num)s photos?", ids.length), text: forGood, label: deletion(ids.length) }))) return false;
    const { count, failed } = await inParts(ids, DELETING, async (some) => (await deleteImages(some)).deleted);
    if (!failed && keepsTrash) offerUndo(ids, refresh);
    else if (!failed) toast(ngettext("%(num)s photo deleted.", "%(num)s photos deleted.", count));
    return true;
  },
  async restore(ids) {
    const { count, failed } = await inParts(ids, RESTORING, async (some) => (await restoreImages(some)).restored);
    if (!failed) toast(ngettext("%(num)s photo restored.", "%(num)s photos restored.", count));
    return true;
  },
  async erase(ids) {
    const title = ngettext("Delete %(num)s photo for good?", "Delete %(num)s photos for good?", ids.length);
    if (!(await confirmed({ title, text: forGood, label: deletion(ids.length) }))) return false;
    const { count, failed } = await inParts(ids, DELETING, async (some) => (await eraseImages(some)).deleted);
    if (!failed) toast(erased(count));
    return true;
  },
  async tag(ids) {
    const chosen = await askForTag(ids.length);
    if (!chosen) return false;
    const { count, failed } = await inParts(ids, chosen.add ? TAGGING : UNTAGGING, async (some) => (await tagImages(some, chosen)).photos);
    if (!failed && chosen.add) toast(ngettext("%(num)s photo tagged.", "%(num)s photos tagged.", count));
    else if (!failed) toast(ngettext("%(num)s photo without the tag now.", "%(num)s photos without the tag now.", count));
    return true;
  },
  async concept(_, { segments }) {
    if (segments.length) return addToConcept(segments);
    toast(gettext("Whole photos cannot be examples of a concept: search for something in them."));
    return false;
  },
  async resegment(ids) {
    const { count, failed } = await inParts(ids, QUEUEING, async (some) => (await resegmentImages(some)).queued);
    const none = gettext("Nothing to do: these photos were segmented with the current recipe.");
    if (!failed) toast(count ? ngettext("%(num)s photo will be segmented again.", "%(num)s photos will be segmented again.", count) : none);
    return true;
  },
  export: (ids, { segments }) => exportSelected(ids, segments ?? []),
  async download(ids) {
    if (ids.length > DOWNLOADED) {
      toast(gettext("Select up to %(most)s photos to download them at once.", { most: number(DOWNLOADED) }));
      return false;
    }
    try {
      await download(`/images/download?ids=${ids.join(",")}`);
      return true;
    } catch (problem) {
      toast(gettext("The photos cannot be downloaded: %(why)s", { why: problem.message }), { wait: 10000 });
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
  if (!(await confirmed({ title: gettext("Empty the trash?"), text: `${gettext("All photos in the trash are deleted for good.")} ${forGood}`, label: gettext("Empty the trash") }))) return;
  const close = toast(gettext("Emptying the trash…"), { wait: 0 });
  let deleted = 0;
  try {
    for (let left = 1; left; ) {
      const answer = await emptyTrash();
      deleted += answer.deleted;
      left = answer.deleted && answer.left;
    }
    toast(erased(deleted));
  } catch (problem) {
    toast(DELETING.stopped(deleted, problem.message), { wait: 10000 });
  }
  close();
  await refresh();
}
