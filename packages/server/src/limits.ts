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
  /** Width x height x frames x steps of a job. */
  readonly work: number;
  /** Seconds for which finished videos are kept. */
  readonly keepSeconds: number;
}

/** Defaults. The work is about that of 256 frames of 1280 x 720 in 50 steps. */
export const LIMITS: Limits = {
  bodyBytes: 64 * 2 ** 20,
  imagePixels: 2 ** 24,
  promptLength: 10_000,
  work: 1.2e10,
  queued: 1000,
  perKey: 100,
  keepSeconds: 7 * 86_400,
};
