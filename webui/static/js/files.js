/** Getting files from people: dropped (folders too), pasted or chosen. */

/** Call `onFiles` with the files of each paste on the page. */
export function takePasted(onFiles) {
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

/** Say in which folder a file was. */
export const place = (file, folder) => dropped.set(file, `${folder}/${file.name}`);

/** All files that were dropped, and those of folders. */
export async function filesOf(transfer) {
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
