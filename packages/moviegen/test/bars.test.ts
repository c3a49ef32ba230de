// Progress without a terminal: plain lines, or nothing. The terminal's bars are cli-progress's.

import { expect, test, vi } from 'vitest';
import { type BarMode, Bars } from '../src/cli/bars.ts';

/** What a run prints, on a clock of its own. */
function printed(mode: BarMode, run: (bars: Bars, seconds: (n: number) => void) => void): string {
  const now = vi.spyOn(performance, 'now').mockReturnValue(0);
  let text = '';
  const stream = { write: (part: string) => (text += part) } as unknown as NodeJS.WriteStream;
  let time = 0;
  run(new Bars(mode, stream), (n) => {
    time += 1000 * n;
    now.mockReturnValue(time);
  });
  now.mockRestore();
  return text;
}

const steps = { name: 'steps', each: 'step' };
const megabytes = { name: 'MB', show: (bytes: number) => (bytes / 1e6).toFixed(1) };

test('a line every five seconds, and one at the end of each phase', () => {
  const text = printed('lines', (bars, seconds) => {
    bars.begin('load', undefined, megabytes);
    bars.update(2e6, 8e6);
    seconds(6);
    bars.update(6e6, 8e6);
    bars.begin('sample', 50, steps);
    for (let step = 1; step <= 50; step++) {
      seconds(0.4);
      bars.update(step);
    }
    bars.begin('write');
    seconds(0.06);
    bars.end();
    bars.end();
    expect(bars.seconds).toEqual({ load: 6, sample: expect.closeTo(20), write: expect.closeTo(0.06) });
  });
  expect(text).toBe(
    [
      'load: 6.0 of 8.0 MB, 1.0 MB/s, 2 s left',
      'load: 6.0 MB, 6.0 s',
      'sample: step 13 of 50, 2.5/s, 15 s left',
      'sample: step 26 of 50, 2.5/s, 10 s left',
      'sample: step 39 of 50, 2.5/s, 5 s left',
      'sample: 50 steps, 20.0 s',
      'write: 0.1 s',
      '',
    ].join('\n'),
  );
});

test('nothing where nothing is wanted, but the seconds', () => {
  const text = printed('none', (bars, seconds) => {
    bars.begin('sample', 2, steps);
    seconds(9);
    bars.update(1);
    bars.end();
    expect(bars.seconds).toEqual({ sample: 9 });
  });
  expect(text).toBe('');
});

test('a phase without an end in sight counts on', () => {
  const text = printed('lines', (bars, seconds) => {
    bars.begin('sample', undefined, steps);
    seconds(10);
    bars.update(25);
    bars.end();
  });
  expect(text).toBe('sample: step 25, 2.5/s\nsample: 25 steps, 10.0 s\n');
});
