/**
 * Reads ZIP files in the page, entry by entry, so that the server gets nothing but photos.
 *
 * Only the directory at the end of the file is read at first; an entry is unpacked when it is asked for, up to the size
 * that the directory promises, and thrown away if it has more.
 */

import { gettext, number } from "./i18n.js";

const [END, END_64, LOCATOR_64, ENTRY, LOCAL] = [0x06054b50, 0x06064b50, 0x07064b50, 0x02014b50, 0x04034b50];
const LONGEST_COMMENT = 65535;
const MOST_ENTRIES = 20000;
const MOST_BYTES = 50e9; // of all entries, unpacked
const MOST_RATIO = 200; // unpacked to packed; photos have about 1
const [ENCRYPTED, UTF_8] = [1, 0x800];

export class ZipProblem extends Error {}

export const isZip = (file) => /\.zip$/i.test(file.name);

/** The entries that may be photos: {name, folder, size, open}, where open() gives a File. Others are in `left`, with the reason. */
export async function entriesOf(zip) {
  const { offset, size, count } = await directoryOf(zip);
  if (count > MOST_ENTRIES) throw new ZipProblem(gettext("it has %(num)s files; up to %(most)s are unpacked here", { num: number(count), most: number(MOST_ENTRIES) }));
  const view = await bytes(zip, offset, offset + size);
  const found = { entries: [], left: [] };
  let [at, total] = [0, 0];
  for (let number = 0; number < count; number++) {
    if (at + 46 > view.byteLength || view.getUint32(at, true) !== ENTRY) throw new ZipProblem(gettext("its directory is damaged"));
    const entry = entryAt(view, at);
    at += entry.length;
    total += entry.size;
    if (total > MOST_BYTES) throw new ZipProblem(gettext("its files have more than 50 GB: unpack it, and drop the folder"));
    const path = safeParts(entry.name);
    const name = path.pop();
    if (!name || name.startsWith(".") || path[0] === "__MACOSX") continue;
    const why = refusal(entry, name);
    if (why) found.left.push({ name, why });
    else found.entries.push({ name, folder: path.join("/"), size: entry.size, open: () => unpacked(zip, entry, name) });
  }
  return found;
}

function refusal({ flags, method, size, packed }, name) {
  if (flags & ENCRYPTED) return gettext("it is encrypted: unpack the ZIP file first");
  if (isZip({ name })) return gettext("ZIP files in ZIP files are not unpacked");
  if (method !== 0 && method !== 8) return gettext("it is packed by a method that is not known here: unpack the ZIP file first");
  if (size > MOST_RATIO * Math.max(packed, 1024)) return gettext("it would unpack to far more than a photo has");
  return null;
}

/** The folders and the name of an entry, without what would lead elsewhere. */
const safeParts = (name) => (/[\\/]$/.test(name) ? [""] : name.split(/[\\/]/).filter((part) => !["", ".", ".."].includes(part)));

const bytes = async (file, from, to) => new DataView(await file.slice(from, to).arrayBuffer());

async function directoryOf(zip) {
  const from = Math.max(0, zip.size - 22 - LONGEST_COMMENT);
  const tail = await bytes(zip, from, zip.size);
  let end = tail.byteLength - 22;
  while (end >= 0 && tail.getUint32(end, true) !== END) end--;
  if (end < 0) throw new ZipProblem(gettext("it is no ZIP file, or not a whole one"));
  const small = { count: tail.getUint16(end + 10, true), size: tail.getUint32(end + 12, true), offset: tail.getUint32(end + 16, true) };
  const isLarge = end >= 20 && tail.getUint32(end - 20, true) === LOCATOR_64;
  const place = isLarge ? await largeDirectory(zip, Number(tail.getBigUint64(end - 12, true))) : small;
  if (place.offset + place.size > zip.size) throw new ZipProblem(gettext("its directory is damaged"));
  return place;
}

async function largeDirectory(zip, at) {
  const record = await bytes(zip, at, at + 56);
  if (record.byteLength < 56 || record.getUint32(0, true) !== END_64) throw new ZipProblem(gettext("its directory is damaged"));
  const [count, size, offset] = [32, 40, 48].map((place) => Number(record.getBigUint64(place, true)));
  return { count, size, offset };
}

function entryAt(view, at) {
  const [named, extra, comment] = [28, 30, 32].map((place) => view.getUint16(at + place, true));
  const flags = view.getUint16(at + 8, true);
  const raw = new Uint8Array(view.buffer, view.byteOffset + at + 46, Math.min(named, view.byteLength - at - 46));
  const entry = {
    flags,
    method: view.getUint16(at + 10, true),
    packed: view.getUint32(at + 20, true),
    size: view.getUint32(at + 24, true),
    offset: view.getUint32(at + 42, true),
    name: new TextDecoder(flags & UTF_8 ? "utf-8" : "windows-1252").decode(raw),
    length: 46 + named + extra + comment,
  };
  widen(view, at + 46 + named, extra, entry);
  return entry;
}

/** Numbers of more than 32 bits are in a field beyond the name. */
function widen(view, from, length, entry) {
  for (let at = from; at + 4 <= Math.min(from + length, view.byteLength); at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== 1) continue;
    let place = at + 4;
    for (const key of ["size", "packed", "offset"]) {
      if (entry[key] !== 0xffffffff || place + 8 > view.byteLength) continue;
      entry[key] = Number(view.getBigUint64(place, true));
      place += 8;
    }
  }
}

async function unpacked(zip, { offset, packed, size, method }, name) {
  const local = await bytes(zip, offset, offset + 30);
  if (local.byteLength < 30 || local.getUint32(0, true) !== LOCAL) throw new ZipProblem(gettext("the ZIP file is damaged here"));
  const from = offset + 30 + local.getUint16(26, true) + local.getUint16(28, true);
  const part = zip.slice(from, from + packed);
  const stream = method === 8 ? part.stream().pipeThrough(new DecompressionStream("deflate-raw")) : part.stream();
  const reader = stream.getReader();
  const parts = [];
  let taken = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      taken += value.byteLength;
      if (taken > size) throw new ZipProblem(gettext("it unpacks to more than the ZIP file says"));
      parts.push(value);
    }
  } catch (error) {
    await reader.cancel().catch(() => {});
    throw error instanceof ZipProblem ? error : new ZipProblem(gettext("the ZIP file is damaged here"));
  }
  if (taken !== size) throw new ZipProblem(gettext("the ZIP file is damaged here"));
  return new File(parts, name);
}
