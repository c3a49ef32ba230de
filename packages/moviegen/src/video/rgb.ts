// Converts decoded frames to RGB by the colour space that the file names. The arithmetic is ours and the same everywhere:
// FFmpeg's libraries, as Node's codecs call them, treat every video as BT.601, whatever the file says.

import type { VideoSample } from 'mediabunny';
import { withoutAlpha } from './frames.ts';

/** How the YCbCr values of a frame lie in memory. */
interface Layout {
  /** Bits of a value; more than 8 bits take two bytes. */
  readonly bits: number;
  /** How many columns and rows of pixels share one chroma value. */
  readonly across: number;
  readonly down: number;
  /** Whether Cb and Cr lie side by side in one plane. */
  readonly interleaved: boolean;
}

/** A plane of a frame: value (y, x) is `data[y * stride + x * step]`. */
export interface Plane {
  readonly data: Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;
  readonly stride: number;
  readonly step: number;
}

/** A frame's pixels as the file stores them, before they are turned as the file says. */
export interface StoredPixels {
  readonly height: number;
  readonly width: number;
  /** Luma, [height, width]: for a file that stores RGB, that of BT.601 in limited range. */
  readonly luma: Plane;
  readonly cb: Plane;
  readonly cr: Plane;
  /** How many columns and rows of pixels share one chroma value. */
  readonly across: number;
  readonly down: number;
  /** Bits of a value; more than 8 bits take two bytes. */
  readonly bits: number;
  /** Whether luma runs from 0 to 2^bits - 1, and not from 16/256 to 235/256 of that. */
  readonly fullRange: boolean;
  /** The shares of red and blue in luma, by the matrix that the file names, else by the size. */
  readonly weights: readonly [red: number, blue: number];
  /** The pixels themselves where the file stores RGB. */
  readonly rgb?: Uint8Array<ArrayBuffer>;
}

/** The pixels of a decoded frame, copied. */
export async function storedPixels(sample: VideoSample): Promise<StoredPixels> {
  const { codedHeight: height, codedWidth: width, colorSpace } = sample;
  const layout = layoutOf(sample.format ?? '');
  const weights = WEIGHTS[colorSpace.matrix ?? usual(sample)];
  if (layout === undefined || weights === undefined) {
    const rgba = new Uint8Array(sample.allocationSize({ format: 'RGBX' }));
    await sample.copyTo(rgba, { format: 'RGBX' });
    return fromRgb(withoutAlpha(rgba), height, width);
  }
  const { bits, across, down, interleaved } = layout;
  const bytes = new Uint8Array(sample.allocationSize());
  const planes = await sample.copyTo(bytes);
  const plane = (k: number, first = 0, step = 1): Plane => {
    const { offset, stride } = planes[k]!;
    if (bits === 8) return { data: bytes.subarray(offset + first), stride, step };
    return { data: new Uint16Array(bytes.buffer, offset).subarray(first), stride: stride / 2, step };
  };
  return {
    height,
    width,
    luma: plane(0),
    cb: interleaved ? plane(1, 0, 2) : plane(1),
    cr: interleaved ? plane(1, 1, 2) : plane(2),
    across,
    down,
    bits,
    fullRange: colorSpace.fullRange === true,
    weights,
  };
}

/** What a file that stores RGB would store as YCbCr. */
function fromRgb(rgb: Uint8Array<ArrayBuffer>, height: number, width: number): StoredPixels {
  const weights = WEIGHTS.smpte170m!;
  const [red, blue] = weights;
  const planes = [0, 1, 2].map(() => new Uint8Array(height * width));
  for (let i = 0; i < height * width; i++) {
    const [r, g, b] = [rgb[3 * i]!, rgb[3 * i + 1]!, rgb[3 * i + 2]!];
    const y = red * r + (1 - red - blue) * g + blue * b;
    planes[0]![i] = Math.round(16 + (219 / 255) * y);
    planes[1]![i] = Math.round(128 + ((224 / 255) * (b - y)) / (2 * (1 - blue)));
    planes[2]![i] = Math.round(128 + ((224 / 255) * (r - y)) / (2 * (1 - red)));
  }
  const [luma, cb, cr] = planes.map((data): Plane => ({ data, stride: width, step: 1 }));
  return {
    height,
    width,
    luma: luma!,
    cb: cb!,
    cr: cr!,
    across: 1,
    down: 1,
    bits: 8,
    fullRange: false,
    weights,
    rgb,
  };
}

function layoutOf(format: string): Layout | undefined {
  if (format === 'NV12') return { bits: 8, across: 2, down: 2, interleaved: true };
  const [, chroma, bits = '8'] = /^I(420|422|444)A?(?:P(10|12))?$/.exec(format) ?? [];
  if (chroma === undefined) return undefined;
  const [across, down] = [chroma === '444' ? 1 : 2, chroma === '420' ? 2 : 1];
  return { bits: Number(bits), across, down, interleaved: false };
}

/** The shares of red and blue in luma. */
const WEIGHTS: Readonly<Record<string, readonly [red: number, blue: number] | undefined>> = {
  bt709: [0.2126, 0.0722],
  smpte170m: [0.299, 0.114],
  bt470bg: [0.299, 0.114],
  'bt2020-ncl': [0.2627, 0.0593],
};

/** What players assume where a file names no matrix: BT.709 for large videos, BT.601 for others. */
const usual = ({ codedWidth, codedHeight }: VideoSample): string =>
  codedWidth >= 1280 || codedHeight > 576 ? 'bt709' : 'smpte170m';

/**
 * 8-bit RGB of a frame.
 * @param every takes only every so many rows and columns, from the first on.
 * @returns [height, width, 3], or with `every` [ceil(height / every), ceil(width / every), 3].
 */
export function rgbOfStored(pixels: StoredPixels, every = 1): Uint8Array<ArrayBuffer> {
  if (pixels.rgb !== undefined && every === 1) return pixels.rgb;
  const { height: H, width: W, luma, cb, cr, across, down, bits, fullRange, weights } = pixels;
  const [red, blue] = weights;
  // Luma in 0 .. 1, chroma in -1/2 .. 1/2.
  const step = 2 ** (bits - 8);
  const black = fullRange ? 0 : 16 * step;
  const perLuma = fullRange ? 2 ** bits - 1 : 219 * step;
  const perChroma = fullRange ? 2 ** bits - 1 : 224 * step;
  const green = 1 - red - blue;
  // Where the width is odd, a decoder may leave out the last column of chroma.
  const columns = Math.floor(cb.stride / cb.step);
  const rgb = new Uint8Array(Math.ceil(W / every) * Math.ceil(H / every) * 3);
  let to = 0;
  for (let y = 0; y < H; y += every) {
    const row = Math.floor(y / down);
    for (let x = 0; x < W; x += every) {
      const h = Math.min(Math.floor(x / across), columns - 1);
      const l = (luma.data[y * luma.stride + x * luma.step]! - black) / perLuma;
      const u = (cb.data[row * cb.stride + h * cb.step]! - 128 * step) / perChroma;
      const v = (cr.data[row * cr.stride + h * cr.step]! - 128 * step) / perChroma;
      const [r, b] = [l + 2 * (1 - red) * v, l + 2 * (1 - blue) * u];
      rgb[to++] = byteOf(r);
      rgb[to++] = byteOf((l - red * r - blue * b) / green);
      rgb[to++] = byteOf(b);
    }
  }
  return rgb;
}

const byteOf = (value: number): number => Math.round(255 * Math.min(1, Math.max(0, value)));
