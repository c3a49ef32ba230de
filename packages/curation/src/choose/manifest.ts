// Lines of the manifest: a clip, or a file without one, with every measure and the verdict.

import type { Measures } from '../measures/clips.ts';
import type { Candidate, FileInfo, Judged } from './candidate.ts';

/** A line of the manifest. */
export interface ManifestLine {
  /** The path from the folder of the manifest. */
  readonly file: string;
  /** In seconds; absent where the file has no clip. */
  readonly start?: number;
  readonly end?: number;
  readonly kept: boolean;
  /** The first filter that refused it, and why. */
  readonly refused?: string;
  readonly reason?: string;
  /** With the frame rate and words for the camera in front: `FPS-24. pan left. a dog runs`. */
  readonly caption?: string;
  readonly camera?: string;
  readonly video?: FileInfo;
  /** Measures of the clip; where a file has no clip, of the whole file. */
  readonly measures?: Measures;
}

/** The line of a candidate. */
export function manifestLine({ candidate, refusal }: Judged): ManifestLine {
  const { file, clip, info, film, caption } = candidate;
  const measures = clip?.measures ?? film;
  return {
    file,
    ...(clip && { start: clip.start, end: clip.end }),
    kept: refusal === undefined,
    ...(refusal && { refused: refusal.filter, reason: refusal.reason }),
    ...(caption !== undefined && { caption: fullCaption(candidate, caption) }),
    ...(clip?.camera !== undefined && { camera: clip.camera }),
    ...(info && { video: info }),
    ...(measures && { measures }),
  };
}

/** A caption with the frame rate, as the text encoders read it, and what the camera does, where that is sure, in front. */
export function fullCaption({ clip, info }: Candidate, caption: string): string {
  const rate = info === undefined ? [] : [`FPS-${Math.round(info.fps)}.`];
  const camera = clip?.camera === undefined ? [] : [`${clip.camera}.`];
  return [...rate, ...camera, caption].join(' ');
}
