// The progress of a generation, as bars. Where there are several prompts, the name of a phase holds the number of its prompt.

import type { Progress, UpscaleProgress } from '../generate/progress.ts';
import type { Bars } from './bars.ts';

/** Shows what the pipeline reports. @param prompts the number of prompts */
export function showProgress(progress: Progress, bars: Bars, prompts: number): void {
  if (progress.phase === 'load') return;
  if (progress.phase === 'upscale') {
    showUpscaling(progress, bars);
    return;
  }
  const phase = `${progress.phase}${countOf(progress.first, progress.count, prompts)}`;
  if (progress.phase === 'sample') {
    if (progress.step === 0) bars.begin(phase, progress.steps, { name: 'steps', each: 'step' });
    else bars.update(progress.step);
  } else if (progress.phase === 'decode') {
    if (progress.frames === 0) bars.begin(phase, progress.totalFrames, { name: 'frames' });
    else bars.update(progress.frames);
  } else bars.begin(phase);
}

const PARTS = {
  encode: { bar: 'enlarge', name: 'frames' },
  sample: { bar: 'upscale', name: 'windows' },
  decode: { bar: 'decode', name: 'frames' },
} as const;

/** Shows what an upsampler reports. */
export function showUpscaling({ part, done, total }: UpscaleProgress, bars: Bars): void {
  const { bar, name } = PARTS[part];
  if (bars.phase !== bar) bars.begin(bar, total, { name });
  bars.update(done, total);
}

/** ` 3-4/96` where there are several prompts. */
export function countOf(first: number, many: number, of: number): string {
  if (of === 1) return '';
  return many === 1 ? ` ${first + 1}/${of}` : ` ${first + 1}-${first + many}/${of}`;
}

/** Seconds per phase, added up over all prompts. */
export function mergedSeconds(seconds: Readonly<Record<string, number>>): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [name, value] of Object.entries(seconds)) {
    const phase = name.split(' ')[0]!;
    sums[phase] = (sums[phase] ?? 0) + value;
  }
  return sums;
}
