// The progress of a generation, phase by phase, and the time that each still takes. Pure functions: the time is an
// argument.

import { type GenerateNews, PHASES, type Phase, UPSCALE_PHASES } from './protocol.ts';

/** A phase as it is shown. */
export interface PhaseState {
  readonly phase: Phase;
  readonly state: 'waiting' | 'running' | 'done';
  /** Milliseconds, by the page's clock. */
  readonly began?: number;
  readonly ended?: number;
  /** When its count last changed, and when it first rose above zero. */
  readonly told?: number;
  readonly first?: { readonly at: number; readonly done: number };
  readonly done?: number;
  readonly total?: number;
}

/** Words for phases. */
export const LABELS: Readonly<Record<Phase, string>> = {
  fetch: 'Fetch the model',
  load: 'Load it onto the GPU',
  text: 'Read the prompt',
  compile: 'Compile kernels',
  sample: 'Denoise',
  decode: 'Decode frames',
  encode: 'Read the video',
  windows: 'Compute windows',
};

/** Before anything has begun. @param upscales whether a video is made larger */
export const waiting = (upscales = false): readonly PhaseState[] =>
  (upscales ? UPSCALE_PHASES : PHASES).map((phase) => ({ phase, state: 'waiting' }));

/** The phases after some news. All phases before the one in the news are done. */
export function advanced(states: readonly PhaseState[], news: GenerateNews, now: number): PhaseState[] {
  const at = states.findIndex(({ phase }) => phase === news.phase);
  return states.map((state, i) => {
    if (i > at) return state;
    if (i < at) return state.state === 'done' ? state : { ...state, state: 'done', ended: now };
    const { began = now, first } = state;
    const { done, total } = news;
    const counts = done !== undefined && done > 0;
    return {
      phase: state.phase,
      state: 'running',
      began,
      told: now,
      ...(done !== undefined && { done }),
      ...(total !== undefined && { total }),
      ...(first !== undefined ? { first } : counts ? { first: { at: now, done } } : {}),
    };
  });
}

/**
 * Seconds that a running phase will still take, from its rate so far; undefined while that is unknown. The rate leaves out the
 * first count, which includes the work that a phase does only once.
 */
export function secondsLeft(
  { state, began, first, told, done, total }: PhaseState,
  now: number,
): number | undefined {
  if (state !== 'running' || began === undefined || told === undefined) return undefined;
  if (done === undefined || total === undefined || first === undefined || total <= done) return undefined;
  const since = done > first.done ? first : { at: began, done: 0 };
  const each = (told - since.at) / (done - since.done);
  return Math.max(0, ((total - done) * each - (now - told)) / 1000);
}

/** The share of a phase that is done; undefined if there is nothing to count. */
export function share({ state, done, total }: PhaseState): number | undefined {
  if (state === 'done') return 1;
  if (state === 'waiting') return 0;
  return done === undefined || !total ? undefined : Math.min(1, done / total);
}

/** `12 of 50`, `3.1 of 15.7 MB`, `40%` of a whole, and the like; empty if there is nothing to count. */
export function counted({ phase, done, total }: PhaseState): string {
  if (done === undefined || total === undefined) return '';
  if (total === 1 && done % 1 !== 0) return `${Math.round(100 * done)}%`;
  if (phase !== 'fetch' && phase !== 'load') return `${done} of ${total}`;
  const mb = (bytes: number) => (bytes / 1e6).toFixed(1);
  return `${mb(done)} of ${mb(total)} MB`;
}

/** `8 s`, `2 min`: rounded as people say it. */
export function spoken(seconds: number): string {
  if (seconds < 100) return `${Math.ceil(seconds)} s`;
  return `${Math.round(seconds / 60)} min`;
}
