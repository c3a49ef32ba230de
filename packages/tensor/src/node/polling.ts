// Dawn's Node binding resolves promises by polling: while one is pending it re-arms itself through
// `globalThis.setImmediate`, which takes a whole core, and on a software adapter a core that computes.
// Here the binding sees, only while it is being called, a `setImmediate` that spins for a short while and
// then waits a millisecond per turn. While user code runs, the global is unchanged.
import type { Host } from '../gpu/host.ts';

const immediate = globalThis.setImmediate;

/**
 * A host that polls Dawn.
 * @param spinMs how long after a call to poll without pause: short waits on a fast GPU then cost no timer.
 */
export function pollingHost(spinMs: number): Host {
  let spinUntil = 0;
  const rearm = (poll: () => void): void => {
    const turn = (): void => withRearm(poll);
    if (performance.now() < spinUntil) immediate(turn);
    else setTimeout(turn, 1);
  };
  const withRearm = <T>(call: () => T): T => {
    const original = globalThis.setImmediate;
    globalThis.setImmediate = rearm as unknown as typeof setImmediate;
    try {
      return call();
    } finally {
      globalThis.setImmediate = original;
    }
  };
  return {
    poll: (start) => {
      spinUntil = performance.now() + spinMs;
      return withRearm(start);
    },
  };
}
