// What a video is made of besides its prompt: a picture or a video that a person gives, or a result that is sent on, and what is
// to be done with it. Not here: how files are read and used (worker/given.ts).

import type { Job, Video } from 'moviegen';

/** The jobs that begin with a picture or a video, in the order in which they are offered. */
export const GIVEN_JOBS = [
  'image',
  'lastImage',
  'reference',
  'video',
  'mask',
  'extend',
  'edit',
  'upscale',
] as const satisfies readonly Job[];
/** A job that begins with a picture or a video. */
export type GivenJob = (typeof GIVEN_JOBS)[number];

/** A picture or a video that is there to be used. */
export interface Source {
  readonly name: string;
  /** What it was read from; a result has none. */
  readonly file?: File;
  /** All of a result; of a file small frames of its beginning, to be seen. */
  readonly video: Video;
  readonly still: boolean;
  /** Pixels of all of it. */
  readonly width: number;
  readonly height: number;
  /** Its size and length, and what a person should know of it, a line each. */
  readonly notes: readonly string[];
}

/** What is to be done with it. */
export interface Choice {
  readonly job: GivenJob;
  /** How much is made anew, where it is started from: above 0, up to 1. */
  readonly strength: number;
  /** The kind of edit; empty for any. */
  readonly task: string;
  /** How many times as wide and high it becomes, where it is made larger; not below 1. */
  readonly scale: number;
  /** Strength of guidance by a reference picture; undefined: the same as guidance by the prompt. */
  readonly referenceScale?: number | undefined;
}

/** What a generation is given besides its settings. */
export interface Given extends Choice {
  readonly name: string;
  readonly from: Blob | Video;
  /** A last frame beside a first one, or a mask. */
  readonly second?: File;
}

/** The same in words that can be kept. */
export interface GivenWords extends Choice {
  readonly name: string;
  /** The name of the second file. */
  readonly second?: string | undefined;
}

/** The jobs that the checkpoint can do with it. */
export function jobsFor({ still }: Pick<Source, 'still'>, jobs: readonly Job[]): readonly GivenJob[] {
  const fitting: readonly GivenJob[] = still
    ? ['image', 'lastImage', 'reference', 'video', 'upscale']
    : ['video', 'mask', 'extend', 'edit', 'upscale'];
  return GIVEN_JOBS.filter((job) => fitting.includes(job) && jobs.includes(job));
}

/** Words for a choice. */
export const CHOICES: Readonly<Record<GivenJob, string>> = {
  image: 'First frame',
  lastImage: 'Last frame',
  video: 'Start from it',
  mask: 'Keep a part of it',
  extend: 'Go on from it',
  edit: 'Edit it',
  reference: 'Reference picture',
  upscale: 'Make it larger',
};

/** The second file of a job: the button that chooses it, and what it is for. */
export const SECONDS: Readonly<Partial<Record<GivenJob, { readonly label: string; readonly hint: string }>>> =
  {
    image: { label: 'Add a last frame', hint: 'It may be left out.' },
    mask: {
      label: 'Choose a mask',
      hint: 'A picture or a video: what is white in it stays, what is black is made anew.',
    },
  };

/** Words for sending a result on. */
export const SENDS: Readonly<Record<GivenJob, string>> = {
  image: 'Use as first frame',
  lastImage: 'Use as last frame',
  video: 'Start from this',
  mask: 'Keep a part of this',
  extend: 'Extend this',
  edit: 'Edit this',
  reference: 'Use as reference picture',
  upscale: 'Upscale this',
};

/** `80%` */
export const percent = (share: number): string => `${Math.round(share * 100)}%`;

/** What a video was made of, in words. */
export function described({ job, name, strength, task, scale, referenceScale, second }: GivenWords): string {
  if (job === 'video') return `${percent(strength)} of ${name} made anew`;
  if (job === 'mask') return `${name}, of which ${second} keeps a part`;
  if (job === 'extend') return `goes on from ${name}`;
  if (job === 'edit') return task === '' ? `an edit of ${name}` : `an edit (${task}) of ${name}`;
  if (job === 'upscale') return `${name}, ${scale} times as large`;
  const frame = `${CHOICES[job].toLowerCase()}: ${name}`;
  if (job === 'reference' && referenceScale !== undefined)
    return `${frame}, guidance by it ${referenceScale}`;
  return second === undefined ? frame : `${frame}, last frame: ${second}`;
}

/** What is made where nothing is typed. @param examples of the model */
export function exampleFor(job: GivenJob | undefined, examples: readonly string[]): string {
  if (job === 'edit') return 'make it blue';
  if (job === 'upscale') return '';
  return job === undefined || job === 'video' || job === 'mask' ? (examples[0] ?? '') : 'it moves left';
}
