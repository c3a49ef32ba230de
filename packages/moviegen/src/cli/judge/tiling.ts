// moviegen judge --tiling: what tiles cost. Attention and norms see a whole frame and all frames, or those of a tile: the
// autoencoder in tiles is held against itself without any, on clips of the world played forth and back.

import { ByteErrors, FRAMES } from '@moviegen/evaluation';
import type { TileOptions } from '@moviegen/tae';
import type { Autoencoder } from '../../autoencoder.ts';
import { type Frames, frameOf, joinFrames } from '../../video/frames.ts';
import { adapterName, adapterRecord, type ModelOptions, type Run, secondsRecord } from '../run.ts';

/** Times that a clip is played, every second time backwards: 64 frames. */
const PLAYED = 4;
const WHOLE: TileOptions = { tile: (PLAYED * FRAMES) / 8, overlap: 0 };

/** What is compared. */
const RUNS: readonly { readonly name: string; readonly tiles: TileOptions }[] = [
  { name: 'whole', tiles: WHOLE },
  { name: 'tiles of 32 frames, 16 shared', tiles: {} },
  { name: 'tiles of 32x32 pixels, 8 shared', tiles: { ...WHOLE, spatialTile: 4, spatialOverlap: 1 } },
];

/** PSNR in dB of a run over all clips. */
export interface TilingRow {
  readonly name: string;
  /** Against the run without tiles. */
  readonly againstWhole: number | undefined;
  readonly againstClip: number;
}

/** Brings clips of 16 frames, played forth and back, through an autoencoder, without tiles and with. */
export async function measureTiling(
  autoencoder: Autoencoder,
  clips: readonly Frames[],
  { signal, onClip }: { readonly signal?: AbortSignal; readonly onClip?: (done: number) => void } = {},
): Promise<TilingRow[]> {
  const ofClip = RUNS.map(() => new ByteErrors());
  const ofWhole = RUNS.map(() => new ByteErrors());
  for (const [k, clip] of clips.entries()) {
    const video = forthAndBack(clip);
    let whole: Frames | undefined;
    for (const [i, { tiles }] of RUNS.entries()) {
      const options = { tiles, ...(signal && { signal }) };
      const back = await autoencoder.decode(await autoencoder.encode(video, options), options);
      whole ??= back;
      ofClip[i]!.add(back.data, video.data);
      ofWhole[i]!.add(back.data, whole.data);
    }
    onClip?.(k + 1);
  }
  return RUNS.map(({ name }, i) => ({
    name,
    againstWhole: i === 0 ? undefined : ofWhole[i]!.psnr(),
    againstClip: ofClip[i]!.psnr(),
  }));
}

/** Measures and prints; `clips` are of the world. */
export async function judgeTiling(run: Run, clips: readonly Frames[], options: ModelOptions): Promise<void> {
  const { bars, signal } = run;
  const autoencoder = await run.autoencoder(options);
  bars.begin('tiling', clips.length, { name: 'clips', each: 'clip' });
  const rows = await measureTiling(autoencoder, clips, { signal, onClip: (done) => bars.update(done) });
  bars.end();
  const frames = PLAYED * FRAMES;
  const { device } = autoencoder;
  if (options.json) {
    const seconds = secondsRecord(bars.seconds);
    run.print({ frames, clips: clips.length, rows, adapter: adapterRecord(device), seconds });
    return;
  }
  run.say(`| ${clips.length} clips of ${frames} frames | PSNR against the whole run | against the clip |`);
  run.say('|---|---|---|');
  const text = (decibels: number | undefined) => (decibels === undefined ? '' : `${decibels.toFixed(2)} dB`);
  for (const { name, againstWhole, againstClip } of rows)
    run.say(`| ${name} | ${text(againstWhole)} | ${text(againstClip)} |`);
  run.say('');
  run.say(`adapter: ${adapterName(device)}, ${(performance.now() / 1000).toFixed(0)} s`);
}

/** A clip, backwards, forth and back again: it moves all the time. */
function forthAndBack(clip: Frames): Frames {
  const [T, H, W] = clip.shape;
  const one = (k: number): Frames => ({ data: frameOf(clip, k), shape: [1, H, W, 3] });
  const forth = Array.from({ length: T }, (_, k) => one(k));
  return joinFrames(
    Array.from({ length: PLAYED }, (_, i) => (i % 2 === 0 ? forth : forth.toReversed())).flat(),
  );
}
