// A frame's luma as the measures take it: 0 .. 255 as the file stores it, and reduced copies. FFmpeg's measures read the same
// values: limited range stays limited, and no matrix is applied. Not here: reading films (moviegen).

/** Luma of a frame, [height, width], in steps of 1 / `perStep` of 255. */
export interface Luma {
  readonly data: Uint8Array | Uint16Array;
  readonly height: number;
  readonly width: number;
  /** Distance of two rows in `data`. */
  readonly stride: number;
  /** Values of `data` per step of 8 bits: 1 for 8 bits, 4 for 10. */
  readonly perStep: number;
}

/**
 * Reduces luma to a size that is not larger, each value the mean over its area, rounded.
 * @returns [height, width] in 0 .. 255
 */
export function reduced(luma: Luma, height: number, width: number): Uint8Array {
  const { data, height: H, width: W, stride, perStep } = luma;
  const [tall, wide] = [H / height, W / width];
  const sums = new Float64Array(height * width);
  const row = new Float64Array(width);
  const across = Number.isInteger(wide) ? wholeParts : anyParts(W, width);
  for (let from = 0; from < H; from++) {
    across(data, from * stride, row, wide);
    const last = Math.min(height, Math.ceil((from + 1) / tall - 1e-9));
    for (let y = Math.floor(from / tall + 1e-9); y < last; y++) {
      const share = Math.min(from + 1, (y + 1) * tall) - Math.max(from, y * tall);
      for (let x = 0, to = y * width; x < width; x++) sums[to + x]! += share * row[x]!;
    }
  }
  const scale = 1 / (tall * wide * perStep);
  const out = new Uint8Array(height * width);
  for (let i = 0; i < out.length; i++) out[i] = sums[i]! * scale + 0.5;
  return out;
}

/** The sums of the parts of a row, each of `wide` values. */
function wholeParts(data: Luma['data'], start: number, row: Float64Array, wide: number): void {
  for (let x = 0, at = start; x < row.length; x++) {
    let sum = 0;
    for (const end = at + wide; at < end; at++) sum += data[at]!;
    row[x] = sum;
  }
}

/** The same for parts that end within values: differences of the row's integral. */
function anyParts(W: number, width: number): typeof wholeParts {
  const ends = Array.from({ length: width }, (_, x) => Math.min(W, ((x + 1) * W) / width));
  const whole = Int32Array.from(ends, Math.floor);
  const part = Float64Array.from(ends, (end) => end - Math.floor(end));
  return (data, start, row) => {
    let [sum, before, at] = [0, 0, 0];
    for (let x = 0; x < width; x++) {
      const k = whole[x]!;
      while (at < k) sum += data[start + at++]!;
      const until = sum + (k < W ? part[x]! * data[start + k]! : 0);
      row[x] = until - before;
      before = until;
    }
  };
}
