// moviegen judge --tiling: what tiles cost in quality. Attention and norms see all frames as a whole, or only a tile. The
// autoencoder with tiles is compared with itself without tiles, on clips of shapes world that are played forth and back.

import { ByteErrors, FRAMES } from '@moviegen/evaluation';
import type { TileOptions } from '@moviegen/tae';
import type { Autoencoder } from '../../autoencoder.ts';
import { type Frames, frameOf, joinFrames } from '../../video/frames.ts';
import { adapterName, adapterRecord, type ModelOptions, type Run, secondsRecord } from '../run.ts';

/** How many times a clip is played, every second time backwards: 64 frames in all. */
const PLAYED = 4;
const WHOLE: TileOptions = { tile: (PLAYED * FRAMES) / 8, overlap: 0 };

/** The runs that are compared. */
const RUNS: readonly { readonly name: string; readonly tiles: TileOptions }[] = [
  { name: 'whole', tiles: WHOLE },
  { name: 'tiles of 32 frames, 16 shared', tiles: {} },
  { name: 'tiles of 32x32 pixels, 8 shared', tiles: { ...WHOLE, spatialTile: 4, spatialOverlap: 1 } },
];

/** PSNR of a run over all clips, in dB. */
export interface TilingRow {
  readonly name: string;
  /** Against the run without tiles. */
  readonly againstWhole: number | undefined;
  readonly againstClip: number;
}

/** Encodes and decodes clips of 16 frames, played forth and back, without tiles and with them. */
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

/** Measures and prints. @param clips true clips of shapes world */
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

/** A clip played forth and back, twice: it never jumps. */
function forthAndBack(clip: Frames): Frames {
  const [T, H, W] = clip.shape;
  const one = (k: number): Frames => ({ data: frameOf(clip, k), shape: [1, H, W, 3] });
  const forth = Array.from({ length: T }, (_, k) => one(k));
  return joinFrames(
    Array.from({ length: PLAYED }, (_, i) => (i % 2 === 0 ? forth : forth.toReversed())).flat(),
  );
}
