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

/** A frame's pixels, 8-bit RGB, [codedHeight, codedWidth, 3]. */
export async function rgbOf(sample: VideoSample): Promise<Uint8Array<ArrayBuffer>> {
  const layout = layoutOf(sample.format ?? '');
  const weights = WEIGHTS[sample.colorSpace.matrix ?? usual(sample)];
  if (layout === undefined || weights === undefined) {
    const rgba = new Uint8Array(sample.allocationSize({ format: 'RGBX' }));
    await sample.copyTo(rgba, { format: 'RGBX' });
    return withoutAlpha(rgba);
  }
  const bytes = new Uint8Array(sample.allocationSize());
  const planes = await sample.copyTo(bytes);
  return fromYCbCr(sample, bytes, planes, layout, weights);
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

function fromYCbCr(
  { codedWidth: W, codedHeight: H, colorSpace }: VideoSample,
  bytes: Uint8Array,
  planes: readonly { readonly offset: number; readonly stride: number }[],
  { bits, across, down, interleaved }: Layout,
  [red, blue]: readonly [number, number],
): Uint8Array<ArrayBuffer> {
  const size = bits === 8 ? 1 : 2;
  const view = new DataView(bytes.buffer);
  const at = (plane: number, y: number, x: number): number => {
    const { offset, stride } = planes[plane]!;
    const byte = offset + y * stride + x * size;
    return size === 1 ? bytes[byte]! : view.getUint16(byte, true);
  };
  // Luma in 0 .. 1, chroma in -1/2 .. 1/2.
  const step = 2 ** (bits - 8);
  const full = colorSpace.fullRange === true;
  const black = full ? 0 : 16 * step;
  const perLuma = full ? 2 ** bits - 1 : 219 * step;
  const perChroma = full ? 2 ** bits - 1 : 224 * step;
  const green = 1 - red - blue;
  // Where the width is odd, a decoder may leave out the last column of chroma.
  const columns = planes[1]!.stride / size / (interleaved ? 2 : 1);
  const rgb = new Uint8Array(W * H * 3);
  let to = 0;
  for (let y = 0; y < H; y++)
    for (let x = 0; x < W; x++) {
      const [v, h] = [Math.floor(y / down), Math.min(Math.floor(x / across), columns - 1)];
      const l = (at(0, y, x) - black) / perLuma;
      const cb = (at(1, v, interleaved ? 2 * h : h) - 128 * step) / perChroma;
      const cr = (at(interleaved ? 1 : 2, v, interleaved ? 2 * h + 1 : h) - 128 * step) / perChroma;
      const [r, b] = [l + 2 * (1 - red) * cr, l + 2 * (1 - blue) * cb];
      rgb[to++] = byteOf(r);
      rgb[to++] = byteOf((l - red * r - blue * b) / green);
      rgb[to++] = byteOf(b);
    }
  return rgb;
}

const byteOf = (value: number): number => Math.round(255 * Math.min(1, Math.max(0, value)));
