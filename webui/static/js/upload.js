/** The page for adding photos: dropped, pasted or chosen. */

import { $ } from "./dom.js";
import { takeDrops, toLibrary } from "./dropping.js";
import { chooseFiles, takePasted } from "./files.js";
import { Uploads } from "./uploads.js";

const uploads = new Uploads($("#progress"));
const add = (files) => uploads.add(files);

takeDrops([toLibrary(add)]);
takePasted(add);
chooseFiles($("#files"), add);
chooseFiles($("#folder"), add);
