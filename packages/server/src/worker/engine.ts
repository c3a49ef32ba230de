// What a worker makes videos with, as its loop knows it. The library's pipelines are one (pipelines.ts); tests have another.

import type { Frames, VideoStream } from 'moviegen';
import type { Claimed } from '../jobs/rows.ts';
import type { ModelCard } from '../models.ts';

/** How far a group of jobs is. */
export interface EngineProgress {
  /** 0 .. 1, of the whole group. */
  readonly done: number;
  /** Roughly what the videos will look like, one after the other; call it before the callback's promise settles. */
  readonly preview?: () => Promise<readonly Frames[]>;
}

/** What an engine is given beside the jobs. */
export interface EngineContext {
  /** Aborts where the work is not wanted any more: an engine stops within a step. */
  readonly signal: AbortSignal;
  /** Is awaited. */
  readonly onProgress: (progress: EngineProgress) => Promise<void>;
  /** The bytes of a file that a job reads. */
  readonly read: (key: string) => Promise<Uint8Array<ArrayBuffer>>;
}

/** Makes videos. */
export interface Engine {
  readonly cards: readonly ModelCard[];
  /** The videos of jobs that go together, in order. Each stream is read before the next video is asked for. */
  make(jobs: readonly Claimed[], context: EngineContext): AsyncIterable<VideoStream>;
  /** Releases everything. */
  close(): void | Promise<void>;
}

/** The engine itself is broken, not the job: its device is lost. The worker ends, and the job is tried by another one. */
export class EngineBroken extends Error {
  override readonly name = 'EngineBroken';
}
