// What a generation leaves out where it would hardly change the video: most blocks of a pass, by a step cache, and the negative
// branch of guidance, outside of an interval. And the share that was computed. How a cache decides is StepCache's matter.

import { StepCache, type Tensor } from '@moviegen/tensor';
import type { GenerationRequest } from './request.ts';

/** What a request says of it. */
export type SkipRequest = Pick<GenerationRequest, 'cache' | 'guidanceInterval' | 'path'>;

/** Whether a request leaves anything out. */
const skipsAny = ({ cache, guidanceInterval: [start, end] }: SkipRequest): boolean =>
  cache > 0 || start > 0 || end < 1;

/** What the videos of one group leave out. */
export class Skipping {
  /** Whether passes take a cache: they cannot be recorded then. */
  readonly caches: boolean;
  readonly #request: SkipRequest;
  readonly #blocks: number;
  readonly #cacheOf = new Map<number, StepCache>();
  /** Blocks, each once per branch: those that ran, and those of a generation that leaves nothing out. */
  #ran = 0;
  #all = 0;

  /** @param blocks of the transformer */
  constructor(request: SkipRequest, blocks: number) {
    this.caches = request.cache > 0;
    this.#request = request;
    this.#blocks = blocks;
  }

  /** How many branches of guidance are computed at a time: all of them, or the prompt's alone. */
  branchesAt(time: number, all: number): number {
    const [start, end] = this.#request.guidanceInterval;
    const share = this.#request.path.shareAt(time);
    return share >= start && (share < end || end === 1) ? all : 1;
  }

  /** Counts a call of the velocity that computes some of the branches; call it before its passes. */
  count(computed: number, all: number): void {
    this.#all += all * this.#blocks;
    this.#ran += computed * this.#blocks;
  }

  /**
   * A pass of the transformer, with its cache where there is one.
   * @param context the number of the context that it reads: each has a cache
   * @param branches that the pass computes
   */
  async pass(
    context: number,
    branches: number,
    forward: (cache: StepCache | undefined) => Promise<Tensor>,
  ): Promise<Tensor> {
    if (!this.caches) return forward(undefined);
    const cache = this.#cacheOf.get(context) ?? new StepCache({ threshold: this.#request.cache });
    this.#cacheOf.set(context, cache);
    const { skipped } = cache;
    const result = await forward(cache);
    if (cache.skipped > skipped) this.#ran -= branches * (this.#blocks - 1);
    return result;
  }

  /** The share of blocks that ran. Undefined where nothing is left out. */
  get share(): number | undefined {
    return skipsAny(this.#request) && this.#all > 0 ? this.#ran / this.#all : undefined;
  }

  /** Forgets the last steps: the next passes are computed whole. For a change of the transformer. */
  reset(): void {
    for (const cache of this.#cacheOf.values()) cache.reset();
  }

  dispose(): void {
    for (const cache of this.#cacheOf.values()) cache.dispose();
  }
}
