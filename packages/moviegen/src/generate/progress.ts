// The progress that a caller is told about while a video is made. How it is shown is the caller's matter.

import type { Frames } from '../video/frames.ts';
import type { Latents } from './latents.ts';

/** The phases of making a video, in order. `load` belongs to `fromPretrained`. */
export const PHASES = ['load', 'text', 'compile', 'sample', 'decode'] as const;
/** A phase of making a video. */
export type Phase = (typeof PHASES)[number];

/** How far loading has come, in bytes of weights as in the files. */
export interface LoadProgress {
  readonly phase: 'load';
  /** The model being loaded: `transformer`, `tae`, `text_encoder_ul2` ... */
  readonly model: string;
  readonly bytes: number;
  readonly totalBytes: number;
  /** Bytes per second since loading began. */
  readonly bytesPerSecond: number;
}

/** A phase has begun or advanced for the prompts `first` .. `first + count - 1` of a call. */
interface GroupProgress {
  /** The group's first prompt, counted from 0, and its number of prompts: at most `batch`. */
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
   * Roughly what the videos will look like, from the first step on: at an eighth of their size, one frame per latent frame.
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

/** How far upscaling has come. */
export interface UpscaleProgress {
  readonly phase: 'upscale';
  /** Frames that are read and encoded, windows that are computed, frames that are decoded. */
  readonly part: 'encode' | 'sample' | 'decode';
  readonly done: number;
  /** Undefined for windows with `dopri5`, which cannot know. */
  readonly total: number | undefined;
}

/** All kinds of progress. */
export type Progress = LoadProgress | PlainProgress | StepProgress | DecodeProgress | UpscaleProgress;
/** Called with progress; loading, sampling and decoding await a promise that it returns. */
export type OnProgress = (progress: Progress) => void | Promise<void>;
