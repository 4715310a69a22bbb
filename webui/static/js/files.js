/** Getting files from people: dropped (folders too), pasted or chosen. */

/** Call `onFiles` with the files of each drop anywhere on the page and each paste. */
export function takeFiles(onFiles) {
  const root = document.documentElement;
  let depth = 0;
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  const shade = (change) => {
    depth = Math.max(0, depth + change);
    root.classList.toggle("dragging", depth > 0);
  };
  document.addEventListener("dragenter", (event) => carriesFiles(event) && shade(1));
  document.addEventListener("dragleave", (event) => carriesFiles(event) && shade(-1));
  document.addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
  document.addEventListener("drop", async (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    shade(-depth);
    onFiles(await filesOf(event.dataTransfer));
  });
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) {
      event.preventDefault();
      onFiles(files);
    }
  });
}

/** Call `onFiles` with what is chosen in a file field, which may choose the same again. */
export function chooseFiles(input, onFiles) {
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = "";
    onFiles(files);
  });
}

const dropped = new WeakMap(); // where files of dropped folders were

/** The folders that a file of a chosen or dropped folder was in, from that one on; empty for other files. */
export const folderOf = (file) => (dropped.get(file) ?? file.webkitRelativePath).split("/").slice(0, -1).join("/");

async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files];
  return (await Promise.all(entries.map(filesIn))).flat();
}

async function filesIn(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve) => entry.file(resolve, () => resolve(null)));
    if (file) dropped.set(file, entry.fullPath.slice(1));
    return file ? [file] : [];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([]))); // a part at a time
    if (!some.length) break;
    found.push(...some);
  }
  return (await Promise.all(found.map(filesIn))).flat();
}
