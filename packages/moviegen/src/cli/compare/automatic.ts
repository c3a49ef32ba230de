// The automatic measures of a comparison: by CLIP where there is a model, against true videos where there are, and by the judge of
// shapes world where all prompts are its own.

import {
  type AutomaticAxis,
  ByteErrors,
  type ClipModel,
  featureStatistics,
  frameConsistency,
  frechetDistance,
  judge,
  latentFeatures,
  NOT_HUMAN,
  pairedAxis,
  parsePrompt,
  promptSimilarity,
  ssim,
} from '@moviegen/evaluation';
import { type Device, Tensor } from '@moviegen/tensor';
import type { Autoencoder } from '../../autoencoder.ts';
import { InputError } from '../../errors.ts';
import { readVideo } from '../../node/inputs.ts';
import { type Frames, framesBetween, pixelsFromFrames } from '../../video/frames.ts';
import type { PromptPair } from './pairs.ts';

/** What measures need beside the videos. */
export interface AutomaticOptions {
  readonly clip?: ClipModel | undefined;
  /** True videos, by the number of the pair. */
  readonly truth?: readonly string[] | undefined;
  /** Opened where it is needed: for SSIM. */
  readonly device: () => Promise<Device>;
  /** Gives features for the Frechet distance. */
  readonly autoencoder?: Autoencoder | undefined;
  readonly signal: AbortSignal;
  readonly onPair: (count: number) => void;
}

interface Figures {
  readonly consistency: number[];
  readonly similarity: number[];
  readonly psnr: number[];
  readonly ssim: number[];
  readonly features: Float64Array[];
  readonly right: number[];
}

/** Measures all pairs. @returns the axes, and a line for each that was left out */
export async function automaticAxes(
  pairs: readonly PromptPair[],
  options: AutomaticOptions,
): Promise<{ axes: AutomaticAxis[]; notes: string[] }> {
  const { clip, truth, autoencoder, signal, onPair } = options;
  const worlds = isShapesWorld(pairs);
  const empty = (): Figures => ({
    consistency: [],
    similarity: [],
    psnr: [],
    ssim: [],
    features: [],
    right: [],
  });
  const sides: readonly [Figures, Figures] = [empty(), empty()];
  const trueFeatures: Float64Array[] = [];
  for (const [i, pair] of pairs.entries()) {
    signal.throwIfAborted();
    const real = truth === undefined ? undefined : await readVideo(truth[i]!, { signal });
    if (real !== undefined && autoencoder !== undefined)
      trueFeatures.push(await featuresOf(autoencoder, real, signal));
    const said = clip?.embedText === undefined ? undefined : await clip.embedText(pair.prompt);
    for (const [k, path] of [pair.a, pair.b].entries()) {
      const figures = sides[k]!;
      const video = await readVideo(path, { signal });
      if (clip !== undefined) {
        const frames = await clip.embed(video);
        figures.consistency.push(frameConsistency(frames));
        if (said !== undefined) figures.similarity.push(promptSimilarity(said, frames));
      }
      if (real !== undefined) {
        figures.psnr.push(psnrOf(video, real, path, truth![i]!));
        figures.ssim.push(await ssimOf(await options.device(), video, real));
        if (autoencoder !== undefined) figures.features.push(await featuresOf(autoencoder, video, signal));
      }
      if (worlds) figures.right.push(judge(video, parsePrompt(pair.prompt)).right ? 1 : 0);
    }
    onPair(i + 1);
  }
  const paired = (of: keyof Figures, title: string, note?: string): AutomaticAxis[] => {
    const [a, b] = [sides[0][of] as number[], sides[1][of] as number[]];
    return a.length === 0
      ? []
      : [
          pairedAxis(
            title,
            'higher',
            a.map((value, i) => [value, b[i]!] as const),
            note,
          ),
        ];
  };
  const axes = [
    ...paired('right', 'right, by the judge of shapes world'),
    ...paired('similarity', 'CLIP similarity of prompt and frames', NOT_HUMAN),
    ...paired('consistency', 'frame consistency (CLIP similarity of neighbours)', NOT_HUMAN),
    ...paired('psnr', 'PSNR against the truth, dB'),
    ...paired('ssim', 'SSIM against the truth'),
  ];
  if (trueFeatures.length > 1) {
    const [a, b] = sides.map(({ features }) =>
      frechetDistance(featureStatistics(features), featureStatistics(trueFeatures)),
    );
    const title = 'Frechet distance to the truth, by the autoencoder’s latents';
    axes.push({ title, better: 'lower', a, b, note: `not comparable with published FVD; ${NOT_HUMAN}` });
  }
  const notes = [
    ...(clip === undefined
      ? ['compare: CLIP similarity and frame consistency are left out: they need --clip']
      : []),
    ...(clip !== undefined && clip.embedText === undefined
      ? ['compare: CLIP similarity of prompts is left out: the model has no text tower here']
      : []),
    ...(truth === undefined
      ? ['compare: PSNR, SSIM and the Frechet distance are left out: they need --truth']
      : []),
    ...(truth !== undefined && autoencoder === undefined
      ? ['compare: the Frechet distance is left out: it needs --autoencoder']
      : []),
  ];
  return { axes, notes };
}

/** Whether every prompt is one of shapes world. */
function isShapesWorld(pairs: readonly PromptPair[]): boolean {
  try {
    for (const { prompt } of pairs) parsePrompt(prompt);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** No more than so many decibels, which equal videos have. */
const MOST_DB = 100;

function psnrOf(video: Frames, real: Frames, path: string, truth: string): number {
  if (video.shape.join() !== real.shape.join())
    throw new InputError(
      `compare: ${path} is [${video.shape.join(', ')}], its truth ${truth} [${real.shape.join(', ')}]`,
    );
  const errors = new ByteErrors();
  errors.add(video.data, real.data);
  return Math.min(MOST_DB, errors.psnr());
}

/** Values of a plane's frames that are compared at a time: memory does not grow with the length. */
const AT_A_TIME = 2 ** 21;

async function ssimOf(device: Device, video: Frames, real: Frames): Promise<number> {
  const [T, H, W] = video.shape;
  const step = Math.max(1, Math.floor(AT_A_TIME / (H * W)));
  let sum = 0;
  for (let k = 0; k < T; k += step) {
    const count = Math.min(step, T - k);
    const tensors = [video, real].map((frames) =>
      Tensor.from(device, pixelsFromFrames(framesBetween(frames, k, k + count)), [1, 3, count, H, W]),
    ) as [Tensor, Tensor];
    try {
      sum += count * (await ssim(...tensors));
    } finally {
      for (const tensor of tensors) tensor.dispose();
    }
  }
  return sum / T;
}

async function featuresOf(
  autoencoder: Autoencoder,
  video: Frames,
  signal: AbortSignal,
): Promise<Float64Array> {
  const { data, shape } = await autoencoder.encode(video, { signal });
  return latentFeatures(data, shape);
}
