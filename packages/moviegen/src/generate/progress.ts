// What a caller is told while a video is made.

import type { Frames } from '../video/frames.ts';
import type { Latents } from './latents.ts';

/** The phases of making a video, in order. `load` is `fromPretrained`'s. */
export const PHASES = ['load', 'text', 'compile', 'sample', 'decode'] as const;
/** A phase of making a video. */
export type Phase = (typeof PHASES)[number];

/** How far loading is: bytes of weights, as in the files. */
export interface LoadProgress {
  readonly phase: 'load';
  /** The model being loaded: `transformer`, `tae`, `text_encoder_ul2` ... */
  readonly model: string;
  readonly bytes: number;
  readonly totalBytes: number;
  /** Bytes a second since loading began. */
  readonly bytesPerSecond: number;
}

/** A phase of prompts `first` .. `first + count - 1` of a call has begun or gone on. */
interface GroupProgress {
  /** The first prompt of the group being worked on, from 0, and how many it has; `batch` of them at most. */
  readonly first: number;
  readonly count: number;
}

/** A phase with nothing to count. */
export interface PlainProgress extends GroupProgress {
  readonly phase: 'text' | 'compile';
}

/** A step of the solver is done. */
export interface StepProgress extends GroupProgress {
  readonly phase: 'sample';
  /** Steps done, from 0. */
  readonly step: number;
  /** Undefined for `dopri5`, which cannot know. */
  readonly steps: number | undefined;
  /** The flow's time: 1 at the end. */
  readonly t: number;
  /**
   * What the videos will about look like, an eighth of their size, a frame for a latent frame (from the first step on).
   * Call it before the callback's promise settles.
   */
  preview(): Promise<Frames[]>;
  /** X_t of each video. Call it before the callback's promise settles. */
  latents(): Promise<Latents[]>;
}

/** Frames are done. */
export interface DecodeProgress extends GroupProgress {
  readonly phase: 'decode';
  /** Of one video. */
  readonly frames: number;
  readonly totalFrames: number;
}

/** What is told while videos are made. */
export type Progress = LoadProgress | PlainProgress | StepProgress | DecodeProgress;
/** Is told; loading, sampling and decoding wait for a promise that it gives. */
export type OnProgress = (progress: Progress) => void | Promise<void>;
