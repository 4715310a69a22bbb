/** The pointer over a photo: hovering, clicking, and drawing a box or a line, in pixels of the photo. */

const DRAG = 6; // screen pixels from which a press is a drag

/**
 * Listen on a surface that covers a photo of the given size.
 *
 * `lines()` says whether a drag draws a line instead of a box. A mouse or pen draws at any time; a finger only where
 * `fingersDraw()` says so, for it has to scroll too. While something is drawn, `onDrag` hears of it, and of null at the
 * end; then `onBox` or `onLine` hears of what came of it.
 */
export function followPointer(
  surface,
  { width, height },
  { onMove, onLeave, onClick, onDrag, onBox, onLine, lines, fingersDraw },
) {
  let start = null;
  let line = null; // what is being drawn

  const place = (event) => {
    const frame = surface.getBoundingClientRect();
    const share = (at, from, length) => Math.min(Math.max((at - from) / length, 0), 1);
    const [x, y] = [share(event.clientX, frame.left, frame.width), share(event.clientY, frame.top, frame.height)];
    return [x * width, y * height];
  };
  const box = (event) => {
    const [[x0, y0], [x1, y1]] = [start.at, place(event)];
    return [Math.min(x0, x1), Math.min(y0, y1), Math.max(x0, x1), Math.max(y0, y1)].map(Math.round);
  };
  const stop = () => {
    start = line = null;
    onDrag(null);
  };

  surface.addEventListener("pointerdown", (event) => {
    if (event.button === 0) start = { at: place(event), x: event.clientX, y: event.clientY };
  });
  surface.addEventListener("pointermove", (event) => {
    if (!start) return onMove(place(event));
    const moved = Math.hypot(event.clientX - start.x, event.clientY - start.y);
    const draws = event.pointerType !== "touch" || fingersDraw();
    if (!line && draws && moved > DRAG) {
      line = [start.at];
      surface.setPointerCapture(event.pointerId);
    }
    if (!line) return;
    line.push(place(event));
    onDrag(lines() ? { line, event } : { box: box(event) });
  });
  surface.addEventListener("pointerup", (event) => {
    if (!start) return;
    const [drawn, path, at] = [box(event), line, start.at];
    stop();
    if (!path) onClick(at, event);
    else if (lines()) onLine(path, event);
    else if (drawn[2] > drawn[0] && drawn[3] > drawn[1]) onBox(drawn);
  });
  surface.addEventListener("pointercancel", stop);
  surface.addEventListener("pointerleave", () => !line && onLeave());
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && line) stop();
  });
}
