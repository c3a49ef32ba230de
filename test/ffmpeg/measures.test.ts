// Motion and cut scores of curation against FFmpeg's vmafmotion and scdet on the same files, frame by frame.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cutScores, type FilmMeasures, FilmMeter } from '@moviegen/curation';
import { readStored } from 'moviegen/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'moviegen-ffmpeg-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function ffmpeg(...args: string[]): string {
  try {
    return execFileSync('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-nostdin', ...args], {
      encoding: 'utf8',
    });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new Error('these tests need FFmpeg: apt-get install ffmpeg', { cause });
  }
}

/** Sources of frames, joined where there are several: where they join is a cut. */
const source = (...parts: string[]): string[] => {
  const inputs = parts.flatMap((part) => ['-f', 'lavfi', '-i', part]);
  if (parts.length === 1) return inputs;
  const all = parts.map((_, k) => `[${k}:v]`).join('');
  return [...inputs, '-filter_complex', `${all}concat=n=${parts.length}`];
};

const CLIPS: readonly [name: string, file: string, args: string[]][] = [
  [
    'cuts between three sources',
    'cuts.mp4',
    [
      ...source(
        'testsrc2=size=160x96:rate=24:duration=1',
        'mandelbrot=size=160x96:rate=24:end_pts=20,trim=duration=1,format=yuv420p,setsar=1',
        'color=c=orange:size=160x96:rate=24:duration=0.5',
      ),
      '-pix_fmt',
      'yuv420p',
    ],
  ],
  [
    'noise, an odd width',
    'noise.webm',
    [
      ...source('nullsrc=size=101x67:rate=10:duration=1,geq=random(1)*255:128:128'),
      '-c:v',
      'libvpx-vp9',
      '-b:v',
      '2M',
      '-pix_fmt',
      'yuv420p',
    ],
  ],
  [
    'full range',
    'full.mp4',
    [...source('testsrc=size=128x72:rate=25:duration=1,scale=out_range=full,format=yuvj420p')],
  ],
  ['4:4:4', 'whole.mkv', [...source('testsrc2=size=96x64:rate=30:duration=1'), '-pix_fmt', 'yuv444p']],
  ['ten bits', 'ten.mp4', [...source('testsrc2=size=96x64:rate=30:duration=1'), '-pix_fmt', 'yuv420p10le']],
];

describe.each(CLIPS)('%s', (_, name, args) => {
  const path = join(folder, name);
  let film: FilmMeasures;
  beforeAll(async () => {
    ffmpeg(...args, path);
    const opened = await readStored(path);
    const meter = new FilmMeter();
    for await (const { time, pixels, turned } of opened.frames()) meter.push(time, pixels, turned);
    film = meter.finish(opened.end);
    opened.close();
  });

  test('vmafmotion, within 1%', () => {
    const stats = join(folder, 'motion.txt');
    ffmpeg('-i', path, '-vf', `vmafmotion=stats_file=${stats}`, '-f', 'null', '-');
    const theirs = readFileSync(stats, 'utf8')
      .trim()
      .split('\n')
      .map((line) => Number(/motion:([\d.]+)/.exec(line)![1]));
    expect(film.motion.length).toBe(theirs.length);
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length;
    expect(mean(theirs)).toBeGreaterThan(0.1);
    expect(Math.abs(mean(film.motion) - mean(theirs))).toBeLessThan(0.01 * mean(theirs));
    // FFmpeg prints two digits, and counts in integers.
    for (const [k, value] of theirs.entries())
      expect(Math.abs(film.motion[k]! - value), `frame ${k}`).toBeLessThan(0.01 * value + 0.02);
  });

  test('scdet, within 1%', () => {
    const printed = ffmpeg('-i', path, '-vf', 'scdet=threshold=10,metadata=print:file=-', '-f', 'null', '-');
    const theirs = [...printed.matchAll(/lavfi\.scd\.score=([\d.]+)/g)].map(([, score]) => Number(score));
    const cuts = [...printed.matchAll(/lavfi\.scd\.time=([\d.]+)/g)].length;
    const ours = cutScores(film.differences);
    expect(ours.length).toBe(theirs.length);
    for (const [k, value] of theirs.entries())
      expect(Math.abs(ours[k]! - value), `frame ${k}`).toBeLessThan(0.01 * value + 0.002);
    expect(ours.filter((score) => score >= 10).length).toBe(cuts);
    if (name === 'cuts.mp4') expect(cuts).toBe(2);
  });
});
