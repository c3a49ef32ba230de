// The levels of encoder and decoder: the names and widths of their modules, in order. The list of weights (weights.ts) and the
// coders (coders.ts) are both built from it.

import { pictureChannels, type WanAutoencoderConfig } from './config.ts';

/** A module from one width to another. */
export interface Module {
  /** Its name in the checkpoint. */
  readonly path: string;
  readonly from: number;
  readonly to: number;
}

/** Residual blocks at one resolution, then a step to the next one. */
export interface LevelPlan {
  /** The level's own name; in 2.1's encoder blocks and steps are one flat list, and a level has no name. */
  readonly path: string | undefined;
  readonly from: number;
  readonly to: number;
  readonly blocks: readonly Module[];
  /** `time`: frames are halved or doubled too. */
  readonly step: (Module & { readonly time: boolean }) | undefined;
  /** The name of the shortcut around the level (2.2). */
  readonly shortcut: string | undefined;
}

/** Encoder or decoder. */
export interface CoderPlan {
  readonly path: 'encoder' | 'decoder';
  readonly input: number;
  /** Width of the middle. */
  readonly middle: number;
  /** Width after the first convolution, and before the last. */
  readonly first: number;
  readonly last: number;
  readonly output: number;
  readonly levels: readonly LevelPlan[];
}

/** Pictures to the moments of their latents. */
export function encoderPlan(config: WanAutoencoderConfig): CoderPlan {
  const { baseDim, dimMult, numResBlocks, temperalDownsample, isResidual } = config;
  const widths = [1, ...dimMult].map((factor) => factor * baseDim);
  let flat = 0; // 2.1: the place in the list of blocks and steps
  const levels = dimMult.map((_, i): LevelPlan => {
    const [from, to] = [widths[i]!, widths[i + 1]!];
    const level = `encoder.down_blocks.${i}`;
    const next = (own: string) => (isResidual ? `${level}.${own}` : `encoder.down_blocks.${flat++}`);
    const blocks = blocksOf(numResBlocks, from, to, (r) => next(`resnets.${r}`));
    const steps = i < dimMult.length - 1;
    return {
      path: isResidual ? level : undefined,
      from,
      to,
      blocks,
      step: steps ? { path: next('downsampler'), from: to, to, time: temperalDownsample[i]! } : undefined,
      shortcut: isResidual ? `${level}.avg_shortcut` : undefined,
    };
  });
  const middle = widths.at(-1)!;
  const outside = { input: pictureChannels(config), output: 2 * config.zDim };
  return { path: 'encoder', first: widths[0]!, middle, last: middle, levels, ...outside };
}

/** Latents to pictures. */
export function decoderPlan(config: WanAutoencoderConfig): CoderPlan {
  const { decoderBaseDim, dimMult, numResBlocks, temperalDownsample, isResidual } = config;
  const reversed = dimMult.toReversed().map((factor) => factor * decoderBaseDim);
  const widths = [reversed[0]!, ...reversed];
  const levels = reversed.map((to, i): LevelPlan => {
    const path = `decoder.up_blocks.${i}`;
    const halved = i > 0 && !isResidual; // by the step before
    const from = halved ? widths[i]! / 2 : widths[i]!;
    const steps = i < reversed.length - 1;
    const sampler = isResidual ? 'upsampler' : 'upsamplers.0';
    const time = temperalDownsample.at(-1 - i)!;
    return {
      path,
      from,
      to,
      blocks: blocksOf(numResBlocks + 1, from, to, (r) => `${path}.resnets.${r}`),
      step: steps ? { path: `${path}.${sampler}`, from: to, to: isResidual ? to : to / 2, time } : undefined,
      shortcut: isResidual && steps ? `${path}.avg_shortcut` : undefined,
    };
  });
  const outside = { input: config.zDim, output: pictureChannels(config) };
  return { path: 'decoder', first: widths[0]!, middle: widths[0]!, last: widths.at(-1)!, levels, ...outside };
}

function blocksOf(count: number, from: number, to: number, path: (r: number) => string): Module[] {
  return Array.from({ length: count }, (_, r) => ({ path: path(r), from: r === 0 ? from : to, to }));
}
