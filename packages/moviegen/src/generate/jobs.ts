// The jobs beside and beyond text to video: their names, and the line that refuses one that a checkpoint cannot do. What a job
// is given is in given.ts.

import { InputError, shown } from '../errors.ts';

/** What a checkpoint may be able to do, each with the words that a person reads. */
export const JOBS = {
  text: 'text to video',
  video: 'video to video',
  image: 'image to video',
  lastImage: 'last image to video',
  mask: 'video inpainting',
  extend: 'extending',
  edit: 'editing',
  reference: 'video of a reference',
  upscale: 'upscaling',
} as const;

/** A job of a checkpoint. */
export type Job = keyof typeof JOBS;

/** Jobs as a person reads them. */
export const jobNames = (jobs: readonly Job[]): string => jobs.map((job) => JOBS[job]).join(', ');

/** @throws InputError where a checkpoint cannot do a job. @param op whose message it is */
export function checkJob(op: string, job: Job, jobs: readonly Job[]): void {
  if (jobs.includes(job)) return;
  throw new InputError(`${op}: this checkpoint has not learnt ${JOBS[job]}; it can do ${jobNames(jobs)}`);
}

/** @throws InputError where a checkpoint does not know a kind of edits by name. @param op whose message it is */
export function checkTask(op: string, task: string | undefined, tasks: readonly string[]): void {
  if (task === undefined || tasks.includes(task)) return;
  const known =
    tasks.length === 0 ? 'none: this checkpoint knows no tasks by name' : `one of ${tasks.join(', ')}`;
  throw new InputError(`${op}: unknown task ${shown(task)}, expected ${known}`);
}
