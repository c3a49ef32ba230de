// The progress of videos that are made, as bars: the prompt's number stands in a phase's name where there are several.

import type { Progress } from '../generate/progress.ts';
import type { Bars } from './bars.ts';

/** Shows what the pipeline tells. @param prompts how many there are */
export function showProgress(progress: Progress, bars: Bars, prompts: number): void {
  if (progress.phase === 'load') return;
  const phase = `${progress.phase}${countOf(progress.first, progress.count, prompts)}`;
  if (progress.phase === 'sample') {
    if (progress.step === 0) bars.begin(phase, progress.steps, { name: 'steps', each: 'step' });
    else bars.update(progress.step);
  } else if (progress.phase === 'decode') {
    if (progress.frames === 0) bars.begin(phase, progress.totalFrames, { name: 'frames' });
    else bars.update(progress.frames);
  } else bars.begin(phase);
}

/** ` 3-4/96` where there are several prompts. */
export function countOf(first: number, many: number, of: number): string {
  if (of === 1) return '';
  return many === 1 ? ` ${first + 1}/${of}` : ` ${first + 1}-${first + many}/${of}`;
}

/** Phases of several prompts, added up. */
export function mergedSeconds(seconds: Readonly<Record<string, number>>): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [name, value] of Object.entries(seconds)) {
    const phase = name.split(' ')[0]!;
    sums[phase] = (sums[phase] ?? 0) + value;
  }
  return sums;
}
