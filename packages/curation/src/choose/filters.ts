// The filters that look at one candidate at a time, in the order of the paper's table, as far as no learned model is needed. Marks
// say whose a number is: [reported] is the paper's appendix by the report of one reader, [ours] completes what is not known.
// Not here: copies, concepts and shares, which look at all candidates.

import { STATIC } from '../measures/clips.ts';
import type { Candidate, FileInfo, Refusal } from './candidate.ts';

/** Limits; undefined ones do not apply. */
export interface Thresholds {
  /** Seconds of a whole file. [reported] */
  readonly duration: readonly [least: number, most: number];
  /** Pixels of the shorter side; the stages have one (stages.ts). */
  readonly size?: number | undefined;
  /** Refuses every clip that is higher than wide. */
  readonly landscapeOnly?: boolean | undefined;
  /** The widest border, as a share of its side. [ours] */
  readonly border: number;
  /** The motion score is above this. [reported] */
  readonly motion: number;
  /** Mean length of motion vectors in pixels at 360 rows: above the first, below the second. [ours]: the paper's unit is not known. */
  readonly vectors?: readonly [above: number, below: number] | undefined;
  /** Cuts per second by hue, saturation and value are below this. [reported] */
  readonly jitter: number;
  /** Mean luma, from and to. [ours] */
  readonly brightness?: readonly [least: number, most: number] | undefined;
  /** Variance of the Laplacian, at least. [ours] */
  readonly sharpness?: number | undefined;
}

/** The thresholds where the caller names none: seconds of a file, share of a side, motion score, cuts per second. */
export const THRESHOLDS: Thresholds = { duration: [4, 120], border: 0.02, motion: 2, jitter: 0.85 };

/** A slideshow: at least this share of pairs static, and a cut every so many seconds or more often. [ours] */
const SLIDES = { still: 0.8, seconds: 10 };

interface Filter {
  readonly name: string;
  /** The reason to refuse; undefined to keep. */
  readonly refuse: (candidate: Candidate, limits: Thresholds) => string | undefined;
}

/** What the index of a file decides: files that it refuses are not decoded. */
const OF_INDEX: readonly Filter[] = [
  { name: 'unreadable', refuse: ({ error }) => error },
  {
    name: 'duration',
    refuse: ({ info }, { duration: [least, most] }) =>
      within(info!.duration, least, most)
        ? undefined
        : `${text(info!.duration)} s, expected ${least} to ${most} s`,
  },
  {
    name: 'size',
    refuse: ({ info }, { size = 0 }) =>
      Math.min(info!.width, info!.height) < size
        ? `${info!.width}x${info!.height}, expected at least ${size} pixels on each side`
        : undefined,
  },
  {
    name: 'aspect',
    refuse: ({ info }, { landscapeOnly }) =>
      landscapeOnly && info!.width < info!.height
        ? `${info!.width}x${info!.height} is higher than wide`
        : undefined,
  },
];

const OF_FRAMES: readonly Filter[] = [
  {
    name: 'borders',
    refuse: (candidate, { border }) => {
      const { border: share } = measuresOf(candidate);
      return share >= border
        ? `a border takes ${text(100 * share)}% of a side, below ${text(100 * border)}% is kept`
        : undefined;
    },
  },
  {
    name: 'slideshow',
    refuse: ({ film }) =>
      film!.still >= SLIDES.still && film!.cuts >= 1 / SLIDES.seconds
        ? `${text(100 * film!.still)}% of its pairs of frames are static, between ${text(film!.cuts)} cuts per second`
        : undefined,
  },
  {
    name: 'scene',
    refuse: ({ clip }) => (clip === undefined ? 'no scene is long enough for a clip' : undefined),
  },
  {
    name: 'static',
    refuse: ({ clip }) =>
      clip!.measures.motion < STATIC
        ? `motion score ${text(clip!.measures.motion)} is below ${STATIC}`
        : undefined,
  },
  {
    name: 'motion',
    refuse: ({ clip }, { motion }) =>
      clip!.measures.motion > motion
        ? undefined
        : `motion score ${text(clip!.measures.motion)}, expected above ${motion}`,
  },
  {
    name: 'vectors',
    refuse: ({ clip }, { vectors: [above, below] = [-1, Number.POSITIVE_INFINITY] }) => {
      const { vectors } = clip!.measures;
      return vectors > above && vectors < below
        ? undefined
        : `motion vectors of ${text(vectors)} pixels at 360 rows, expected above ${above} and below ${below}`;
    },
  },
  {
    name: 'jitter',
    refuse: ({ clip }, { jitter }) =>
      clip!.measures.jitter < jitter
        ? undefined
        : `shakes: ${text(clip!.measures.jitter)} cuts per second, expected below ${jitter}`,
  },
  {
    name: 'brightness',
    refuse: ({ clip }, { brightness: [least, most] = [0, 255] }) =>
      within(clip!.measures.brightness, least, most)
        ? undefined
        : `mean luma ${text(clip!.measures.brightness)}, expected ${least} to ${most}`,
  },
  {
    name: 'sharpness',
    refuse: ({ clip }, { sharpness = 0 }) =>
      clip!.measures.sharpness >= sharpness
        ? undefined
        : `sharpness ${text(clip!.measures.sharpness)}, expected at least ${sharpness}`,
  },
];

/** The names of all filters here, in their order. */
export const FILTERS: readonly string[] = [...OF_INDEX, ...OF_FRAMES].map(({ name }) => name);

/** Whether a file is refused by its index alone. */
export const refusedByIndex = (info: FileInfo, limits: Thresholds): boolean =>
  first(OF_INDEX, { file: '', info }, limits) !== undefined;

/** The first filter that refuses a candidate. */
export const refusalOf = (candidate: Candidate, limits: Thresholds): Refusal | undefined =>
  first(OF_INDEX, candidate, limits) ?? first(OF_FRAMES, candidate, limits);

function first(filters: readonly Filter[], candidate: Candidate, limits: Thresholds): Refusal | undefined {
  for (const { name, refuse } of filters) {
    const reason = refuse(candidate, limits);
    if (reason !== undefined) return { filter: name, reason };
  }
  return undefined;
}

/** The measures of the clip; where a file has no clip, those of the file. */
const measuresOf = ({ clip, film }: Candidate) => clip?.measures ?? film!;
const within = (value: number, least: number, most: number): boolean => value >= least && value <= most;
const text = (value: number): string => String(Number(value.toPrecision(3)));
