// The upsampler's job in shapes world, 64 to 128 px: true clips of twice the size, the fixed set, and the judge of what was made.
// It draws the same bytes and gives the same figures as reference/moviegen_reference/upscale.py and judge_upscale.py.

import type { Clip, TimedClip } from '../clip.ts';
import { ByteErrors } from '../measures/byteErrors.ts';
import { Draws } from './draws.ts';
import { judge } from './judge.ts';
import { flicker } from './judgeJobs.ts';
import { mean } from './measure.ts';
import { CENTRE, COLOURS, coverage, type Facts, OFFSET, paint, path, SIZE } from './world.ts';

const SCALE = 2;
/** Pixels of a large clip along each side. */
export const LARGE = SCALE * SIZE;
const SEED = 2410_13735;

/** The clip of `draw`, of twice as many pixels along each side. */
export function drawLarge(facts: Facts, [dx, dy]: readonly [number, number] = [0, 0]): TimedClip {
  const at = (value: number) => SCALE * (value + 0.5) - 0.5; // a pixel's centre is at its whole number
  const covers = path(facts.motion, facts.size).map(({ x, y, r }) =>
    coverage(facts.shape, at(CENTRE + x + dx), at(CENTRE + y + dy), SCALE * r, LARGE, LARGE),
  );
  return paint(covers, COLOURS[facts.colour], facts.background, LARGE);
}

/** A clip of the fixed set. */
export interface UpscaleSample {
  readonly facts: Facts;
  readonly offset: readonly [number, number];
}

/** The fixed set: 48 clips, the even ones of trained facts, the odd ones of held-out facts. Sample i has seed i. */
export function upscaleSamples(): UpscaleSample[] {
  const draws = new Draws(SEED);
  return Array.from({ length: 48 }, (_, i) => ({
    facts: draws.facts(i % 2 === 1),
    offset: [draws.uniform(-OFFSET, OFFSET), draws.uniform(-OFFSET, OFFSET)] as const,
  }));
}

/** Of an upscaled video; PSNR in dB, against the true clip. */
export interface UpscaleVerdict {
  /** Whether colour, shape, motion and background are right in the large video. */
  readonly right: boolean;
  /** The same of the small video that was given. */
  readonly rightBefore: boolean;
  readonly psnr: number;
  /** PSNR of the given video, enlarged by bilinear interpolation. */
  readonly bilinear: number;
  /** Flicker over that of the true clip; undefined where the true clip stands still. */
  readonly flicker: number | undefined;
}

/** Judges an upscaled video. @param given the small video @param enlarged it, by bilinear interpolation */
export function judgeUpscaled(
  video: Clip,
  given: Clip,
  enlarged: Clip,
  { facts, offset }: UpscaleSample,
): UpscaleVerdict {
  const truth = drawLarge(facts, offset);
  const still = mean(flicker(truth));
  return {
    right: judge(video, facts).right,
    rightBefore: judge(given, facts).right,
    psnr: psnrOf(video, truth),
    bilinear: psnrOf(enlarged, truth),
    flicker: still < 1e-6 ? undefined : mean(flicker(video)) / still,
  };
}

/** PSNR of a video against another one, in dB. */
export function psnrOf({ data }: Clip, truth: Clip): number {
  const errors = new ByteErrors();
  errors.add(data, truth.data);
  return errors.psnr();
}
