// The change of hue, saturation and value from frame to frame, as PySceneDetect's content detector measures it: its "cuts" per
// second say how much a video shakes. OpenCV's 8-bit units: hue 0 .. 179, the others 0 .. 255. As there, large frames are
// thinned to about 256 columns, and the distance of hues does not go round the circle.

/** Columns that are left about. */
const COLUMNS = 256;

/** How far apart the pixels are that are looked at, along each axis. */
export const thinningOf = (width: number): number => Math.max(1, Math.floor(width / COLUMNS));

/** Measures the change from a frame to the next one. */
export class ContentMeter {
  #before: Uint8Array | undefined;

  /** The mean over the three channels of the mean |change|; 0 for the first frame. */
  push(rgb: Uint8Array): number {
    const hsv = hsvOf(rgb);
    const before = this.#before;
    this.#before = hsv;
    if (before === undefined || before.length !== hsv.length) return 0;
    let sum = 0;
    for (let i = 0; i < hsv.length; i++) sum += Math.abs(hsv[i]! - before[i]!);
    return sum / hsv.length;
  }
}

/** Hue, saturation and value of 8-bit RGB, in OpenCV's 8-bit units. */
export function hsvOf(rgb: Uint8Array): Uint8Array {
  const out = new Uint8Array(rgb.length);
  for (let i = 0; i < rgb.length; i += 3) {
    const [r, g, b] = [rgb[i]!, rgb[i + 1]!, rgb[i + 2]!];
    const value = Math.max(r, g, b);
    const spread = value - Math.min(r, g, b);
    let hue = 0;
    if (spread > 0) {
      if (value === r) hue = (30 * (g - b)) / spread;
      else if (value === g) hue = 60 + (30 * (b - r)) / spread;
      else hue = 120 + (30 * (r - g)) / spread;
      if (hue < 0) hue += 180;
    }
    out[i] = Math.round(hue) % 180;
    out[i + 1] = value === 0 ? 0 : Math.round((255 * spread) / value);
    out[i + 2] = value;
  }
  return out;
}
