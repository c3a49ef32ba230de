// The judges of the jobs against those in Python: the same verdicts on clips where the job was done, and where it was not.

import { readFileSync } from 'node:fs';
import {
  type Clip,
  draw,
  drawEmpty,
  EXTENDED_FRAMES,
  FRAMES,
  givenClip,
  JOB_SAMPLES,
  type JobSample,
  judgeEdit,
  judgeExtension,
  judgeImage,
} from '@moviegen/evaluation';
import { describe, expect, test } from 'vitest';

type Job = keyof typeof JOB_SAMPLES;
interface Case {
  readonly job: Job;
  readonly sample: number;
  readonly done: boolean;
  readonly noise: number;
  readonly verdict: Readonly<
    Partial<Record<'first_frame' | 'seam' | 'outside', number> & Record<'right' | 'end', boolean>>
  >;
}
const cases: Case[] = JSON.parse(readFileSync(new URL('jobs.json', import.meta.url), 'utf8')); // reference/make_job_samples.py

/** What a perfect model makes, or the given clip as if nothing had been done. */
function clipOf(job: Job, { before, after, offset }: JobSample, done: boolean): Clip {
  if (job === 'edit') {
    const facts = done ? after : before;
    return facts ? draw(facts, offset) : drawEmpty((before ?? after)!.background);
  }
  const frames = job === 'extend' ? EXTENDED_FRAMES : FRAMES;
  const whole = draw(after!, offset, frames);
  if (done) return whole;
  const size = whole.data.length / frames;
  const data = new Uint8Array(whole.data.length);
  for (let k = 0; k < frames; k++) {
    const from = job === 'extend' ? k % FRAMES : 0;
    data.set(whole.data.subarray(from * size, (from + 1) * size), k * size);
  }
  return { data, shape: whole.shape };
}

function noisy(clip: Clip, amplitude: number, seed: number): Clip {
  if (amplitude === 0) return clip;
  let state = seed;
  const data = clip.data.map((value) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.min(
      255,
      Math.max(0, value + Math.floor(((state >>> 24) * amplitude) / 255) - Math.floor(amplitude / 2)),
    );
  });
  return { ...clip, data };
}

const near = (value: number | undefined) => (value === undefined ? undefined : expect.closeTo(value, 3));

describe.each(['image', 'extend', 'edit'] as const)('%s', (job) => {
  test('the verdicts of the reference', () => {
    for (const { sample: i, done, noise, verdict } of cases.filter((one) => one.job === job)) {
      const sample = JOB_SAMPLES[job][i]!;
      const video = noisy(clipOf(job, sample, done), noise, i);
      const title = `${sample.prompt} (${i})`;
      if (job === 'image') {
        const { right, firstFrame } = judgeImage(video, sample);
        expect(right, title).toBe(verdict.right);
        expect(Math.min(firstFrame, 148.1308), title).toEqual(near(verdict.first_frame));
      } else if (job === 'extend') {
        const { right, end, seam } = judgeExtension(video, sample);
        expect({ right, end, seam }, title).toEqual({
          right: verdict.right,
          end: verdict.end,
          seam: near(verdict.seam),
        });
      } else {
        const { right, outside } = judgeEdit(video, sample);
        expect(right, title).toBe(verdict.right);
        if (outside !== Number.POSITIVE_INFINITY) expect(outside, title).toEqual(near(verdict.outside));
      }
    }
  });

  test('every fourth sample: done is right, undone is wrong', () => {
    const judged = { image: judgeImage, extend: judgeExtension, edit: judgeEdit }[job];
    for (const sample of JOB_SAMPLES[job].filter((_, i) => i % 4 === 0)) {
      expect(judged(clipOf(job, sample, true), sample).right, sample.prompt).toBe(true);
      const still = job === 'image' && sample.after!.motion === 'stays still';
      expect(judged(clipOf(job, sample, false), sample).right, sample.prompt).toBe(
        still || (job === 'extend' && sample.after!.motion === 'stays still'),
      );
    }
  });

  test('what is given', () => {
    for (const sample of JOB_SAMPLES[job]) {
      const given = givenClip(job, sample);
      expect(given.shape).toEqual([job === 'image' ? 1 : FRAMES, 64, 64, 3]);
      const whole = clipOf(job, sample, job !== 'edit');
      expect(Buffer.compare(given.data, whole.data.subarray(0, given.data.length))).toBe(0);
    }
  });
});
