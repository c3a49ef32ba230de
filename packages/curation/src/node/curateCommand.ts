// What `moviegen curate` does: options become thresholds, progress is shown, the funnel printed, clips exported. Not here: the
// curation itself (curate.ts).

import { relative, resolve } from 'node:path';
import { ImageModel, InputError } from 'moviegen';
import { type CommonOptions, MEGABYTES, type Run } from 'moviegen/cli';
import type { ImageEmbedder } from '../choose/concepts.ts';
import { THRESHOLDS } from '../choose/filters.ts';
import { funnelTable } from '../choose/funnel.ts';
import { STAGES } from '../choose/stages.ts';
import { curate } from './curate.ts';
import { exportClips, sizeOf } from './export.ts';
import type { CurateProgress } from './options.ts';

/** Options of the command. */
export interface CurateFlags {
  readonly output: string;
  readonly stage?: 1 | 2 | 3;
  readonly duration: readonly [number, number];
  readonly clip: readonly [number, number];
  readonly skip: number;
  readonly minSize?: number;
  readonly cut: number;
  readonly maxBorder: number;
  readonly minMotion: number;
  readonly vectors?: readonly [number, number];
  readonly maxJitter: number;
  readonly brightness?: readonly [number, number];
  readonly minSharpness?: number;
  readonly landscape?: number;
  readonly people?: number;
  readonly imageModel?: string;
  readonly keep?: number;
  readonly clusters?: number;
  readonly caption?: string;
  readonly seed: number;
  readonly jobs?: number;
  readonly export?: string;
  readonly size?: string;
  readonly fps?: number;
}

/** Curates a folder as the options say. */
export async function curateCommand(
  run: Run,
  folder: string,
  flags: CurateFlags & CommonOptions,
): Promise<void> {
  check(folder, flags);
  const { output, json } = flags;
  const { signal, outputs, bars } = run;
  const stage = flags.stage === undefined ? undefined : STAGES[flags.stage];
  const landscape = flags.landscape ?? stage?.landscape;
  const size = flags.size === undefined ? undefined : sizeOf(flags.size);
  let phase: CurateProgress['phase'] | undefined;
  const done = await curate({
    folder,
    output,
    clips: { least: flags.clip[0], most: flags.clip[1], cut: flags.cut, skip: flags.skip, seed: flags.seed },
    limits: {
      ...THRESHOLDS,
      duration: flags.duration,
      size: flags.minSize ?? stage?.size,
      landscapeOnly: landscape === 1,
      border: flags.maxBorder,
      motion: flags.minMotion,
      vectors: flags.vectors,
      jitter: flags.maxJitter,
      brightness: flags.brightness,
      sharpness: flags.minSharpness,
    },
    shares: { landscape, people: flags.people ?? stage?.people },
    total: flags.keep,
    clusters: flags.clusters,
    embedder: flags.imageModel === undefined ? undefined : await imageModel(run, flags.imageModel, flags),
    caption: flags.caption,
    jobs: flags.jobs,
    outputs,
    signal,
    onProgress(progress) {
      if (phase !== progress.phase) {
        phase = progress.phase;
        bars.begin(phase, progress.total, phase === 'measure' ? MEGABYTES : { name: 'clips', each: 'clip' });
      }
      bars.update(progress.done, progress.total);
    },
  });
  bars.end();
  run.note(done.notes);
  const kept = done.lines.flatMap((line, i) => (line.kept ? [{ line, path: done.paths[i]! }] : []));
  if (flags.export !== undefined) {
    bars.begin('export', kept.length, { name: 'clips', each: 'clip' });
    const onClip = (count: number) => bars.update(count);
    await exportClips(kept, { folder: flags.export, size, fps: flags.fps, signal, outputs, onClip });
    bars.end();
  }
  const { files, known, frames, seconds, funnel } = done;
  const rate = frames === 0 ? undefined : Number((frames / seconds).toFixed(1));
  if (json)
    run.print({
      manifest: output,
      files,
      known,
      clips: done.lines.filter(({ start }) => start !== undefined).length,
      kept: kept.length,
      ...(flags.export !== undefined && { export: flags.export }),
      funnel,
      frames,
      ...(rate !== undefined && { framesPerSecond: rate }),
      notes: done.notes,
    });
  else {
    run.say(funnelTable(funnel));
    run.say('');
    const measured = rate === undefined ? '' : `, ${frames} frames measured at ${rate} per second`;
    run.say(`${files} files, ${known} of them known from before${measured}`);
    run.say(
      `${output}  ${kept.length} of ${done.lines.length} lines are kept; their funnel: ${output.replace(/(\.jsonl)?$/, '.svg')}`,
    );
    if (flags.export !== undefined) run.say(`${flags.export}  ${kept.length} clips`);
  }
}

/** @throws InputError where a number makes no sense */
function check(folder: string, flags: CurateFlags): void {
  const wrong = (what: string, expected: string, got: unknown) =>
    new InputError(`curate: ${what} must be ${expected}, got ${got}`);
  for (const name of ['landscape', 'people', 'maxBorder'] as const) {
    const share = flags[name];
    if (share !== undefined && !(share >= 0 && share <= 1))
      throw wrong(name === 'maxBorder' ? '--max-border' : `--${name}`, 'a share from 0 to 1', share);
  }
  for (const name of ['keep', 'clusters', 'jobs'] as const)
    if (flags[name] !== undefined && flags[name] < 1) throw wrong(`--${name}`, 'at least 1', flags[name]);
  if (flags.seed < 0) throw wrong('--seed', 'at least 0', flags.seed);
  if (flags.skip < 0) throw wrong('--skip', 'at least 0', flags.skip);
  if (!(flags.clip[0] > 0)) throw wrong('--clip', 'above 0', flags.clip.join('-'));
  if (flags.fps !== undefined && !(flags.fps > 0)) throw wrong('--fps', 'above 0', flags.fps);
  if (flags.export === undefined && (flags.size ?? flags.fps) !== undefined)
    throw new InputError('curate: --size and --fps are of exported clips: give --export FOLDER');
  if (flags.export !== undefined && !relative(resolve(folder), resolve(flags.export)).startsWith('..'))
    throw new InputError(
      `curate: --export ${flags.export} lies in ${folder}: the next run would read the clips as videos`,
    );
  if (flags.imageModel === undefined && (flags.keep ?? flags.clusters) !== undefined)
    throw new InputError('curate: --keep and --clusters balance concepts: give --image-model DIR');
}

/** Opens CLIP's image tower. */
async function imageModel(
  run: Run,
  source: string,
  options: CommonOptions,
): Promise<ImageEmbedder & { readonly name: string }> {
  const model = await ImageModel.fromPretrained(source, {
    device: await run.device(options),
    signal: run.signal,
  });
  return { name: source, embed: (frames) => model.embed(frames, { signal: run.signal }) };
}
