// Videos as the database keeps them. How the API shows them is in api/answers.ts.

import type { Kind } from '../models.ts';

/** A file that a job reads: its key in the store, and what it is for. */
export interface Media {
  readonly key: string;
  readonly role: 'image' | 'reference' | 'video';
}

/** What a job shall make: complete, checked, and never changed. */
export interface JobRequest {
  readonly kind: Kind;
  readonly prompt: string;
  readonly negativePrompt: string;
  readonly width: number;
  readonly height: number;
  /** Frames to be made. */
  readonly numFrames: number;
  /** Frames of the whole video: with those of the video that is continued. */
  readonly totalFrames: number;
  readonly fps: number;
  readonly steps: number;
  readonly guidanceScale: number;
  /** An integer of up to 64 bits, in decimal digits. */
  readonly seed: string;
  readonly media: readonly Media[];
  readonly remixedFrom: string | null;
}

/** Keys of a finished video's files in the store. */
export interface VideoFiles {
  readonly video: string;
  readonly thumbnail: string;
  readonly spritesheet: string;
}

/** A picture of a video that is being made: frames side by side. */
export interface Preview {
  /** A PNG in base64. */
  readonly png: string;
  readonly frames: number;
}

/** State of a video. */
export type Status = 'queued' | 'in_progress' | 'completed' | 'failed';

/** A video. */
export interface VideoRow {
  readonly id: string;
  readonly owner: string;
  readonly job: string;
  readonly queue: string;
  readonly model: string;
  readonly status: Status;
  readonly request: JobRequest;
  /** 0 .. 100. */
  readonly progress: number;
  readonly created: Date;
  readonly completed: Date | null;
  readonly expires: Date | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly files: VideoFiles | null;
  readonly fingerprint: string | null;
  readonly preview: Preview | null;
}

/** The columns of {@link VideoRow}. */
export const COLUMNS =
  'id, owner, job, queue, model, status, request, progress, created, completed, expires, error, files, fingerprint, preview';

/** A job that a worker has taken. */
export interface Claimed {
  readonly id: string;
  readonly model: string;
  readonly queue: string;
  readonly job: string;
  /** The attempt: only who has it may finish the video. */
  readonly lease: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  readonly request: JobRequest;
}

/** A character: pictures of what a video shall show, by a name. */
export interface CharacterRow {
  readonly id: string;
  readonly name: string;
  readonly media: Media;
  readonly created: Date;
}
