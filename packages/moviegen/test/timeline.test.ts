// Which frames are shown when: even rates by their names, uneven times by repeating and leaving out.

import { expect, test } from 'vitest';
import { timelineOf } from '../src/video/timeline.ts';

const even = (fps: number, count: number, first = 0, round = (time: number) => time) =>
  Array.from({ length: count }, (_, k) => round(first + k / fps));
const milliseconds = (time: number) => Math.round(time * 1000) / 1000;

test.each([24, 25, 30, 60, 12.5, 24000 / 1001, 30000 / 1001, 60000 / 1001])(
  'frames at %d per second, from any time on, also in whole milliseconds',
  (fps) => {
    for (const round of [(time: number) => time, milliseconds]) {
      const starts = even(fps, 90, 1.4833, round);
      const timeline = timelineOf(starts, starts.at(-1)! + 1 / fps);
      expect(timeline.fps).toBeCloseTo(fps, 3);
      expect(timeline.frames).toEqual(starts.map((_, k) => k));
      expect(timeline.note).toBeUndefined();
    }
  },
);

test('29.97 is not 30, and 23.976 is not 24', () => {
  expect(timelineOf(even(30000 / 1001, 60), 60 * (1001 / 30000)).fps).toBe(30000 / 1001);
  expect(timelineOf(even(24000 / 1001, 60), 60 * (1001 / 24000)).fps).toBe(24000 / 1001);
});

test('a little jitter keeps every frame', () => {
  const starts = even(30, 60).map((time, k) => time + (k % 3) * 0.004);
  const { fps, frames, note } = timelineOf(starts, 2);
  expect([fps, note]).toEqual([30, undefined]);
  expect(frames).toEqual(starts.map((_, k) => k));
});

test('a frame that is held is repeated, and said', () => {
  const starts = [0, 0.1, 0.2, 1.2, 1.3];
  const { fps, frames, note } = timelineOf(starts, 1.4);
  expect(fps).toBe(10);
  expect(frames).toEqual([0, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 4]);
  expect(note).toBe('its frames come at uneven times: shown at 10 per second, 9 repeated');
});

test('frames closer than the rate are left out, and said', () => {
  const starts = [...even(20, 10), 0.5, 0.501, 0.502, 0.55, 0.6];
  const { frames, note } = timelineOf(starts, 0.65);
  expect(frames.length).toBe(13);
  expect(note).toContain('2 left out');
});

test('one frame, and a long hold at a high rate', () => {
  expect(timelineOf([0.5], 1).fps).toBe(2);
  expect(timelineOf([0], 0)).toEqual({ fps: 1, frames: [0], note: undefined });
  expect(timelineOf([0, 0.001, 0.002, 2], 2.001).fps).toBe(60);
});
