// Everything of the transformer outside of its blocks: patches, time, positions, text and image on the way in, the head on the
// way out. The model whose layers stay and the one whose layers are streamed share it.
//
// Legend: B batch, C latent channels, T H W latent frames, height, width, D model width, N video tokens.

import {
  batchOf,
  cast,
  type Device,
  type DType,
  Linear,
  layerNorm,
  type ModelModulation,
  observe,
  PatchEmbed,
  type StepCache,
  type Tensor,
  TimeModulation,
  type Trace,
  tokenGrid,
  tokensWithin,
  unpatchify,
  type WeightBook,
} from '@moviegen/tensor';
import type { WanBlock } from './block.ts';
import { ConditionEmbedder } from './conditions.ts';
import type { WanTransformerConfig } from './config.ts';
import type { WanContext } from './context.ts';
import { RotaryPositions } from './rotary.ts';

/** Options of a forward pass. */
export interface WanForwardOptions {
  /** The tokens of latent frame 0 are at time 0: the frame is given, not noise (Wan 2.2 TI2V from an image). */
  readonly firstFrameClean?: boolean | undefined;
  /** Called with every module's output. A traced pass takes all tokens at once. */
  readonly trace?: Trace | undefined;
  /**
   * Tokens that the projections and the FFN take at a time; fewer need less memory and read the weights more often. Default:
   * as many as have 256 MiB of hidden values.
   */
  readonly tokensAtOnce?: number | undefined;
}

/** Options of an asynchronous forward pass. */
export interface WanForwardAsyncOptions extends WanForwardOptions {
  /** Stops within a layer: the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Skips most blocks at steps that would hardly change. */
  readonly cache?: StepCache | undefined;
}

/** A forward pass between its ends. */
export interface WanPass {
  /** The stream before the first block, [B, N, D] in f32. */
  readonly x: Tensor;
  /** What block i does to the stream, which it releases. */
  step(x: Tensor, block: WanBlock, i: number): Tensor;
  /** The stream after the last block to the prediction. */
  end(x: Tensor): Tensor;
}

/** The modules outside of the blocks. */
export class WanEnds {
  readonly conditions: ConditionEmbedder;
  readonly positions: RotaryPositions;
  readonly dtype: DType;
  readonly #config: WanTransformerConfig;
  readonly #time: TimeModulation;
  readonly #patchEmbedding: PatchEmbed;
  readonly #projection: Linear; // [4 C, D]

  constructor(device: Device, weights: WeightBook, config: WanTransformerConfig) {
    const embedder = 'condition_embedder';
    this.dtype = weights.get('patch_embedding.weight').dtype;
    this.#config = config;
    this.conditions = new ConditionEmbedder(weights, config, this.dtype);
    this.positions = new RotaryPositions(device, config);
    this.#time = new TimeModulation(weights, {
      hiddenSize: config.hiddenSize,
      timestepDim: config.freqDim,
      scale: 1,
      sinusoid: `${embedder}.timesteps_proj`,
      hidden: `${embedder}.time_embedder.linear_1`,
      time: `${embedder}.time_embedder.linear_2`,
      embedder: `${embedder}.time_embedder`,
      adaLN: `${embedder}.time_proj`,
      tables: Array.from({ length: config.numLayers }, (_, i) => `blocks.${i}.scale_shift_table`),
      finalTable: 'scale_shift_table',
    });
    this.#patchEmbedding = new PatchEmbed(weights, 'patch_embedding', config.patchSize, this.dtype);
    this.#projection = new Linear(weights, 'proj_out');
  }

  /** @throws Error where latents, time and context do not fit the model, or one another. */
  begin(latents: Tensor, t: Tensor, context: WanContext, options: WanForwardOptions): WanPass {
    const grid = this.grid(latents.shape);
    const batch = batchOf('wan', latents, t, context.batch);
    const tokens = this.#tokensAtOnce(options);
    const early = options.firstFrameClean ? grid[1] * grid[2] : undefined;
    const modulation = this.#time.forward(t, { early });
    const rotary = this.positions.forward(grid); //                       [N, head size]
    return {
      x: this.#patchEmbedding.forward(latents, grid, batch), //           [B, N, D]
      step: (x, block, i) => block.forward(x, modulation.blocks[i]!, rotary, context.blocks[i]!, tokens),
      end: (x) => cast(unpatchify(this.#head(x, modulation), grid, this.#config.patchSize), latents.dtype),
    };
  }

  /** The grid of tokens of latents [B, C, T, H, W]. */
  grid(shape: readonly number[]) {
    return tokenGrid('wan', shape, this.#config.inChannels, this.#config.patchSize);
  }

  /** Releases what is not among the weights. */
  dispose(): void {
    this.positions.dispose();
  }

  /** [B, N, D] to [B, N, 4 C]. */
  #head(x: Tensor, { final }: ModelModulation): Tensor {
    const { eps } = this.#config;
    observe('norm_out', () => layerNorm(x, { eps }));
    return this.#projection.forward(layerNorm(x, { eps, ...final }));
  }

  #tokensAtOnce({ trace, tokensAtOnce }: WanForwardOptions): number {
    if (trace) return Number.POSITIVE_INFINITY;
    const { ffnDim, hiddenSize } = this.#config;
    return tokensAtOnce ?? tokensWithin(Math.max(ffnDim, 3 * hiddenSize), this.dtype);
  }
}
