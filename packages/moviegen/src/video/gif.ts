// The frames of a gif as they are shown: each is drawn over what the frame before it leaves behind (GIF89a, disposal methods).

import { decode, decodeUndisposedFrame } from 'modern-gif';
import type { Animation, AnimationFrame } from '../animation.ts';
import { checkPixels } from './frames.ts';

/** Browsers show a frame of less than 20 ms for 100 ms. */
const shownFor = (milliseconds: number): number => (milliseconds < 20 ? 100 : milliseconds) / 1000;

/** The labels of extensions: plain text, how a frame is shown, a comment, an application's. */
const EXTENSIONS = [0x01, 0xf9, 0xfe, 0xff];

/** All frames of a gif. @throws Error where it is not one, InputError where it has more than `maxPixels`. */
export function gifFrames(bytes: Uint8Array<ArrayBuffer>, maxPixels?: number): Animation {
  checkBlocks(bytes);
  const gif = decode(bytes);
  const { width, height } = gif;
  checkPixels('gif', width * height * gif.frames.length, maxPixels);
  const canvas = new Uint8ClampedArray(width * height * 4);
  const frames = gif.frames.map(
    ({ left, top, width: w, height: h, disposal, delay }, index): AnimationFrame => {
      const { data } = decodeUndisposedFrame(bytes, gif, index);
      const before = disposal === 3 ? canvas.slice() : undefined;
      const rows = Math.min(h, height - top);
      const columns = Math.min(w, width - left);
      for (let y = 0; y < rows; y++)
        for (let x = 0; x < columns; x++) {
          const from = (y * w + x) * 4;
          if (data[from + 3] !== 0)
            canvas.set(data.subarray(from, from + 4), ((top + y) * width + left + x) * 4);
        }
      const shown = canvas.slice();
      if (before) canvas.set(before);
      else if (disposal === 2)
        for (let y = top; y < top + rows; y++)
          canvas.fill(0, (y * width + left) * 4, (y * width + left + columns) * 4);
      return { data: shown, seconds: shownFor(delay) };
    },
  );
  return { width, height, frames };
}

/**
 * Goes through the blocks of a gif, which its decoder would look for in whatever bytes there are.
 * @throws Error where they are not GIF89a's, or end before the file says
 */
function checkBlocks(bytes: Uint8Array): void {
  const tableOf = (flags: number) => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
  let at = 13 + tableOf(bytes[10] ?? 0);
  for (;;) {
    const kind = bytes[at++];
    if (kind === 0x3b) return;
    if (kind === 0x21 && EXTENSIONS.includes(bytes[at]!)) at += 1;
    else if (kind === 0x2c) at += 10 + tableOf(bytes[at + 8] ?? 0);
    else throw new Error(kind === undefined ? 'its end is missing' : `a block of the unknown kind ${kind}`);
    for (let size = bytes[at++]; size !== 0; size = bytes[at++]) {
      if (size === undefined) throw new Error('its end is missing');
      at += size;
    }
  }
}
