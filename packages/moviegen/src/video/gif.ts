// The frames of a gif as they are shown: each is drawn over what the frame before it leaves behind (GIF89a, disposal methods).

import { decode, decodeUndisposedFrame } from 'modern-gif';
import type { Animation, AnimationFrame } from '../animation.ts';
import { checkPixels } from './frames.ts';

/** Browsers show a frame of less than 20 ms for 100 ms. */
const shownFor = (milliseconds: number): number => (milliseconds < 20 ? 100 : milliseconds) / 1000;

/** All frames of a gif. @throws Error where it is not one, InputError where it has more than `maxPixels`. */
export function gifFrames(bytes: Uint8Array<ArrayBuffer>, maxPixels?: number): Animation {
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
