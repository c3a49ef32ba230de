// What a video is made of besides its prompt: a picture or a video that a person gives, or a result that is sent on, and what is
// to be done with it. Not here: how files are read and used (worker/given.ts).

import type { CheckpointSummary, Job, Video } from 'moviegen';
import { EXAMPLES } from './settings.ts';

/** The jobs that begin with a picture or a video, in the order in which they are offered. */
export const GIVEN_JOBS = ['image', 'lastImage', 'video', 'extend', 'edit'] as const satisfies readonly Job[];
/** A job that begins with a picture or a video. */
export type GivenJob = (typeof GIVEN_JOBS)[number];

/** What the checkpoint can do. */
export interface Abilities extends Pick<CheckpointSummary, 'jobs' | 'tasks'> {
  /** The jobs as a person reads them. */
  readonly named: string;
}

/** A picture or a video that is there to be used. */
export interface Source {
  readonly name: string;
  /** What it was read from; a result has none. */
  readonly file?: Blob;
  /** All of a result; of a file small frames of its beginning, to be seen. */
  readonly video: Video;
  readonly still: boolean;
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
}

/** What a generation is given besides its settings. */
export interface Given extends Choice {
  readonly name: string;
  readonly from: Blob | Video;
}

/** The jobs that the checkpoint can do with it. */
export function jobsFor({ still }: Pick<Source, 'still'>, jobs: readonly Job[]): readonly GivenJob[] {
  const fitting: readonly GivenJob[] = still ? ['image', 'lastImage', 'video'] : ['video', 'extend', 'edit'];
  return GIVEN_JOBS.filter((job) => fitting.includes(job) && jobs.includes(job));
}

/** Words for a choice. */
export const CHOICES: Readonly<Record<GivenJob, string>> = {
  image: 'First frame',
  lastImage: 'Last frame',
  video: 'Start from it',
  extend: 'Go on from it',
  edit: 'Edit it',
};

/** Words for sending a result on. */
export const SENDS: Readonly<Record<GivenJob, string>> = {
  image: 'Use as first frame',
  lastImage: 'Use as last frame',
  video: 'Start from this',
  extend: 'Extend this',
  edit: 'Edit this',
};

/** `80%` */
export const percent = (share: number): string => `${Math.round(share * 100)}%`;

/** What a video was made of, in words. */
export function described({ job, name, strength, task }: Omit<Given, 'from'>): string {
  if (job === 'video') return `${percent(strength)} of ${name} made anew`;
  if (job === 'extend') return `goes on from ${name}`;
  if (job === 'edit') return task === '' ? `an edit of ${name}` : `an edit (${task}) of ${name}`;
  return `${CHOICES[job].toLowerCase()}: ${name}`;
}

/** What stands in the empty box, and is made where nothing is typed. */
export function exampleFor(job: GivenJob | undefined): string {
  if (job === 'edit') return 'make it blue';
  return job === undefined || job === 'video' ? EXAMPLES[0]! : 'it moves left';
}
