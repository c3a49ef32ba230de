// What is chosen from: the clips of measured files, and files that gave none. A candidate becomes a line of the manifest.

import type { Clip, Measures } from '../measures/clips.ts';

/** What a file's index says. */
export interface FileInfo {
  /** In seconds. */
  readonly duration: number;
  /** As the file is meant to be seen. */
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly frames: number;
}

/** A clip, or a file without one. */
export interface Candidate {
  /** The path from the folder of the manifest. */
  readonly file: string;
  /** Undefined where the file could not be read. */
  readonly info?: FileInfo;
  /** Why the file could not be read. */
  readonly error?: string;
  /** The whole file's; undefined where only its index was read. */
  readonly film?: Measures;
  readonly clip?: Clip;
  readonly caption?: string;
}

/** The first filter that refused a candidate, and why. */
export interface Refusal {
  readonly filter: string;
  readonly reason: string;
}

/** A candidate and what became of it: it is kept if nothing refuses it. */
export interface Judged {
  candidate: Candidate;
  refusal: Refusal | undefined;
}
