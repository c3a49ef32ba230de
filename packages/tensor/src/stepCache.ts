// Skipping most of a diffusion transformer where a step would hardly change it (first-block cache; TeaCache is of this kind):
// block 0 always runs, and where what it adds is close to what it added at the last computed step, what the other blocks
// added then is added again. Not here: the models, whose asynchronous forward passes take such a cache.

import { advance, keep, scope, scopeAsync } from './device/scope.ts';
import { add, sub } from './ops/arithmetic.ts';
import { concat, slice } from './ops/movement.ts';
import { sum } from './ops/reduce.ts';
import { abs } from './ops/unary.ts';
import type { Tensor } from './tensor.ts';

const ROWS_AT_ONCE = 4096; // what the comparison makes stays small beside the model's activations

/**
 * What a forward pass keeps for the next steps: two tensors of the size of the stream, in f32. One per video and per branch of
 * guidance that runs on its own. It reads two numbers back at every step, so it cannot be part of a recording.
 */
export class StepCache {
  /** Steps at which all blocks ran. */
  computed = 0;
  /** Steps at which only block 0 ran. */
  skipped = 0;
  /** The relative change of what block 0 adds, at the last step; undefined at a step that had nothing to compare with. */
  change: number | undefined;
  readonly #threshold: number;
  #first: Tensor | undefined; // what block 0 added at the last computed step
  #rest: Tensor | undefined; // what the other blocks added then

  /**
   * @param options `threshold`: the relative change of what block 0 adds, mean|now - then| / mean|then|, below which a step is
   *   skipped; 0 skips none. Around 0.1 is usual.
   */
  constructor({ threshold }: { readonly threshold: number }) {
    if (!(threshold >= 0)) throw new Error(`step cache: threshold must be a number from 0, got ${threshold}`);
    this.#threshold = threshold;
  }

  /**
   * Runs blocks on the stream, or block 0 and what the others added before.
   * @param x the stream; it is released.
   * @param step runs block i on the stream and releases what it was given.
   * @throws Error where the stream has another shape than before.
   */
  async run<Block>(
    x: Tensor,
    blocks: Iterable<Block> | AsyncIterable<Block>,
    step: (x: Tensor, block: Block, i: number) => Tensor,
  ): Promise<Tensor> {
    const before = x.reshape(x.shape);
    let after: Tensor | undefined;
    let first: Tensor | undefined;
    let [h, i] = [x, 0];
    for await (const block of blocks) {
      h = step(h, block, i++);
      if (i > 1) continue;
      first = scope(x.device, () => sub(h, before));
      before.dispose();
      if (await this.#near(first)) {
        first.dispose();
        this.skipped++;
        return advance(h, () => add(h, this.#rest!));
      }
      after = h.reshape(h.shape);
    }
    if (!first || !after) return h;
    const rest = scope(x.device, () => sub(h, after));
    after.dispose();
    const change = this.change;
    this.reset();
    this.change = change;
    this.#first = keep(first);
    this.#rest = keep(rest);
    this.computed++;
    return h;
  }

  /** Forgets the last computed step: the next one is computed. */
  reset(): void {
    for (const tensor of [this.#first, this.#rest]) tensor?.dispose();
    this.#first = undefined;
    this.#rest = undefined;
    this.change = undefined;
  }

  /** Releases what it keeps. */
  dispose(): void {
    this.reset();
  }

  /** Whether what block 0 added is close to what it added at the last computed step. */
  async #near(first: Tensor): Promise<boolean> {
    this.change = undefined;
    const then = this.#first;
    if (!then || !this.#rest) return false;
    if (then.shape.join() !== first.shape.join())
      throw new Error(
        `step cache: the stream is [${first.shape.join(', ')}] and was [${then.shape.join(', ')}]; give each video its own cache`,
      );
    const [difference, size] = await relativeChange(first, then);
    this.change = difference! / size!;
    return this.change < this.#threshold;
  }
}

/** The stream after all blocks; see {@link StepCache.run}. */
export async function throughBlocks<Block>(
  x: Tensor,
  blocks: Iterable<Block> | AsyncIterable<Block>,
  step: (x: Tensor, block: Block, i: number) => Tensor,
  cache?: StepCache,
): Promise<Tensor> {
  if (cache) return cache.run(x, blocks, step);
  let [h, i] = [x, 0];
  for await (const block of blocks) h = step(h, block, i++);
  return h;
}

/** sum|a - b| and sum|b|, range by range. */
async function relativeChange(a: Tensor, b: Tensor): Promise<[number, number]> {
  return scopeAsync(a.device, async () => {
    const D = a.shape.at(-1)!;
    const [now, then] = [a.reshape([-1, D]), b.reshape([-1, D])];
    const N = now.shape[0]!;
    const sums: Tensor[] = [];
    for (let start = 0; start < N; start += ROWS_AT_ONCE) {
      const end = Math.min(N, start + ROWS_AT_ONCE);
      const rows = (x: Tensor) => x.rows(start, end) ?? slice(x, { start: [start], end: [end] });
      const both = scope(a.device, () => {
        const [from, to] = [rows(now), rows(then)];
        return [abs(sub(from, to)), abs(to)].map((each) => sum(each).reshape([1]));
      });
      sums.push(...both);
    }
    const numbers = await concat(sums, { axis: 0 }).read();
    return [0, 1].map((k) => [...numbers].reduce((total, n, i) => (i % 2 === k ? total + n : total), 0)) as [
      number,
      number,
    ];
  });
}
