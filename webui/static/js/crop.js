/** A piece of a photo, cut out in the browser. */

import { s } from "./dom.js";

/** The box of a photo {url, width, height} with a little around it; what is outside the mask is in the shade. */
export function cropOf({ url, width, height }, [x0, y0, x1, y1], mask = null) {
  const margin = 0.06 * Math.max(x1 - x0, y1 - y0);
  const view = [x0 - margin, y0 - margin, x1 - x0 + 2 * margin, y1 - y0 + 2 * margin];
  const crop = s("svg", { viewBox: view.join(" "), "aria-hidden": "true" }, s("image", { href: url, width, height }));
  if (mask) {
    const path = `M0 0H${mask.width}V${mask.height}H0Z${mask.outline}`;
    const transform = `scale(${width / mask.width} ${height / mask.height})`;
    crop.append(s("path", { class: "shade", d: path, transform }));
  }
  return crop;
}
