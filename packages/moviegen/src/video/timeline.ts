// From the times at which a file shows its frames to an even rate: models see frames at equal distances. Frames that already
// lie at equal distances stay as they are; others are repeated or left out, so that what is shown at a time stays.

/** Which frames of a file are shown, and how often in a second. */
export interface Timeline {
  /** Frames per second. */
  readonly fps: number;
  /** For each frame shown, the frame of the file, by its number in the order of presentation. */
  readonly frames: readonly number[];
  /** What a person should know: that frames were repeated or left out. */
  readonly note: string | undefined;
}

/** Rates that cameras and editors write, which container times round. */
const USUAL = [24000 / 1001, 24, 25, 30000 / 1001, 30, 48, 50, 60000 / 1001, 60, 120000 / 1001, 120];
/** A file of uneven times is shown at no more than this. */
const MOST_FPS = 60;

/**
 * The timeline of frames.
 * @param starts when each frame begins to be shown, in seconds, in order; the first one is where the video begins.
 * @param end when the last one is no longer shown.
 * @param resolution to how many seconds the file rounds times.
 */
export function timelineOf(starts: readonly number[], end: number, resolution = 0.001): Timeline {
  const first = starts[0] ?? 0;
  const times = starts.map((start) => start - first);
  const length = end - first;
  const all = times.map((_, k) => k);
  if (times.length < 2) return { fps: usual(length > 0 ? 1 / length : 1), frames: all, note: undefined };

  const even = evenRate(times, resolution);
  if (even !== undefined) return { fps: even, frames: all, note: undefined };
  // Times that jitter by less than half a frame: every frame is shown once.
  const mean = usual(1 / slope(times));
  if (times.every((time, k) => Math.round(time * mean) === k))
    return { fps: mean, frames: all, note: undefined };

  const intervals = [...times.slice(1), length].map((time, k) => time - times[k]!);
  const fps = Math.min(MOST_FPS, usual(1 / median(intervals)));
  const frames: number[] = [];
  const count = Math.max(1, Math.round(length * fps));
  for (let k = 0, shown = 0; k < count; k++) {
    while (shown + 1 < times.length && times[shown + 1]! <= k / fps + resolution) shown++;
    frames.push(shown);
  }
  const used = new Set(frames).size;
  const changes = [
    frames.length > used ? `${frames.length - used} repeated` : '',
    times.length > used ? `${times.length - used} left out` : '',
  ].filter((text) => text !== '');
  const rate = Number(fps.toFixed(3));
  const note = `its frames come at uneven times: shown at ${rate} per second, ${changes.join(', ')}`;
  return { fps, frames, note: changes.length > 0 ? note : undefined };
}

/** The rate at which frames come at equal distances, up to the rounding of their times; undefined where they do not. */
function evenRate(times: readonly number[], resolution: number): number | undefined {
  const mean = (times.length - 1) / times.at(-1)!;
  const off = (fps: number) => Math.max(...times.map((time, k) => Math.abs(time - k / fps)));
  const named = [...USUAL, Math.round(mean)].filter((fps) => Math.abs(fps - mean) < 0.1 * mean);
  const best = (rates: readonly number[]) =>
    rates.reduce((a, b) => (off(a) <= off(b) ? a : b), rates[0] ?? mean);
  // A rate with a name is meant wherever it explains the times as well as their rounding allows.
  return [best(named), mean].find((fps) => off(fps) <= 1.1 * resolution);
}

/** The usual or whole rate within a hundredth of this one, else this one. */
function usual(fps: number): number {
  const nearest = [...USUAL, Math.round(fps)].reduce((a, b) =>
    Math.abs(a - fps) <= Math.abs(b - fps) ? a : b,
  );
  return nearest > 0 && Math.abs(nearest - fps) < 0.01 * fps ? nearest : fps;
}

/** Seconds from one frame to the next, by least squares. */
function slope(times: readonly number[]): number {
  const middle = (times.length - 1) / 2;
  const [up, down] = times.reduce(
    ([up, down], time, k) => [up + (k - middle) * time, down + (k - middle) ** 2],
    [0, 0],
  );
  return up / down;
}

function median(values: readonly number[]): number {
  const sorted = values.filter((value) => value > 0).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 1;
}
