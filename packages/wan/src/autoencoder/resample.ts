// The steps between levels: half or twice the height and width and, where a time convolution is there, the frames.
//
// Legend: B batch, T H W frames, height, width at the level at hand, C channels. All values are [B, T, H, W, C].

import {
  concat,
  conv2d,
  conv3d,
  observed,
  type PackedConv,
  permute,
  slice,
  type Tensor,
  type WeightBook,
} from '@moviegen/tensor';
import type { Past } from './past.ts';
import type { LevelPlan } from './plan.ts';

type Step = NonNullable<LevelPlan['step']>;

/** A step to the next level: `down` in the encoder, `up` in the decoder. */
export class Resample {
  readonly #path: string;
  readonly #direction: 'down' | 'up';
  readonly #spatial: PackedConv; // [out, in, 3, 3]
  readonly #spatialBias: Tensor; // [out]
  readonly #time: PackedConv | undefined; // down: [C, C, 3, 1, 1]; up: [2C, C, 3, 1, 1]
  readonly #timeBias: Tensor | undefined;

  constructor(weights: WeightBook, { path, time }: Step, direction: 'down' | 'up') {
    this.#path = path;
    this.#direction = direction;
    this.#spatial = weights.packedConv(`${path}.resample.1.weight`, 4);
    this.#spatialBias = weights.get(`${path}.resample.1.bias`);
    if (!time) return;
    this.#time = weights.packedConv(`${path}.time_conv.weight`, 5);
    this.#timeBias = weights.get(`${path}.time_conv.bias`);
  }

  /** x [B, T, H, W, C] at the next level. */
  forward(x: Tensor, past: Past): Tensor {
    if (this.#direction === 'up') return observed(this.#path, this.#alongSpace(this.#framesDoubled(x, past)));
    return observed(this.#path, this.#framesHalved(this.#alongSpace(x), past));
  }

  #alongSpace(x: Tensor): Tensor {
    const [B, T, H, W, C] = x.shape as [number, number, number, number, number];
    const frames = conv2d(x.reshape([B * T, H, W, C]), this.#spatial, {
      layout: 'channels-last',
      bias: this.#spatialBias,
      ...(this.#direction === 'up' ? { padding: 1, upsample: [2, 2] } : { padding: AFTER, stride: 2 }),
    });
    return frames.reshape([B, T, ...frames.shape.slice(1)]);
  }

  /** The first frame of a video as it is; then one frame for every two, by a convolution that sees the frame before them too. */
  #framesHalved(x: Tensor, past: Past): Tensor {
    if (!this.#time) return x;
    const first = past.pieces === 0;
    const time = `${this.#path}.time_conv`;
    const halved = x.shape[1]! > 1 || !first ? [observed(time, this.#alongTime(x, past, 0, 2))] : [];
    past.remember(time, x, 1);
    return joined([...(first ? [frames(x, 0, 1)] : []), ...halved]);
  }

  /** The first frame of a video as it is; two frames for each after it, by a convolution that does not see the first. */
  #framesDoubled(x: Tensor, past: Past): Tensor {
    if (!this.#time) return x;
    const first = past.pieces === 0;
    const rest = first ? frames(x, 1, x.shape[1]!) : x;
    if (rest.shape[1] === 0) return x;
    const [B, T, H, W, C] = rest.shape as [number, number, number, number, number];
    const time = `${this.#path}.time_conv`;
    const before = past.of(time)?.shape[1] ?? 0;
    const both = observed(time, this.#alongTime(rest, past, 2 - before, 1)); // [B, T, H, W, 2C]
    past.remember(time, rest, 2);
    const doubled = permute(both.reshape([B, T, H * W, 2, C]), [0, 1, 3, 2, 4]).reshape([B, 2 * T, H, W, C]);
    return joined(first ? [frames(x, 0, 1), doubled] : [doubled]);
  }

  #alongTime(x: Tensor, past: Past, zeros: number, stride: number): Tensor {
    return conv3d(x, this.#time!, {
      layout: 'channels-last',
      bias: this.#timeBias,
      before: past.of(`${this.#path}.time_conv`),
      stride: [stride, 1, 1],
      padding: [
        [zeros, 0],
        [0, 0],
        [0, 0],
      ],
    });
  }
}

/** One row of zeros below, one column to the right. */
const AFTER = [
  [0, 1],
  [0, 1],
] as const;

const frames = (x: Tensor, start: number, end: number): Tensor =>
  slice(x, { start: [0, start], end: [x.shape[0]!, end] });

const joined = (parts: readonly Tensor[]): Tensor =>
  parts.length === 1 ? parts[0]! : concat(parts, { axis: 1 });
