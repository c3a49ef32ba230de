// The bounds of what clients may ask for, with defaults that suit one machine.

import type { QueueLimits } from './jobs/videos.ts';

/** Bounds of a server. */
export interface Limits extends QueueLimits {
  /** Bytes of a request. */
  readonly bodyBytes: number;
  /** Pixels of one picture, or of one frame of a video, that a client sends. */
  readonly imagePixels: number;
  /** Letters of a prompt. */
  readonly promptLength: number;
  /** Width x height x frames x steps of a job. Default: 16 times what the checkpoint makes by itself. */
  readonly work?: number | undefined;
  /** Pixels of all frames of a video that a client sends. */
  readonly videoPixels: number;
  /** Seconds for which finished videos are kept. */
  readonly keepSeconds: number;
}

/** See `Limits.work`. */
export const WORK_FACTOR = 16;

/** Defaults. The pixels of a video are about those of a minute of 1280 x 720. */
export const LIMITS: Limits = {
  bodyBytes: 64 * 2 ** 20,
  imagePixels: 2 ** 24,
  promptLength: 10_000,
  videoPixels: 1.4e9,
  queued: 1000,
  perKey: 100,
  keepSeconds: 7 * 86_400,
};
