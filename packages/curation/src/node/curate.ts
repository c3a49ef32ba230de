// Curation of a folder: measures what is new, refuses, completes captions, writes the manifest. What took time is in the journal
// as soon as it is known, so a run that is stopped goes on where it was. Not here: options of the command line (cli.ts).

import { availableParallelism } from 'node:os';
import { dirname, relative, resolve, sep } from 'node:path';
import { InputError } from 'moviegen';
import type { Outputs } from 'moviegen/node';
import type { Candidate, Judged } from '../choose/candidate.ts';
import { clipEmbedding, type ImageEmbedder, refuseByConcepts } from '../choose/concepts.ts';
import { refuseCopies } from '../choose/copies.ts';
import { refusalOf, refusedByIndex, type Thresholds } from '../choose/filters.ts';
import { funnelOf, funnelSvg, type Step } from '../choose/funnel.ts';
import { type ManifestLine, manifestLine } from '../choose/manifest.ts';
import { refuseForShares, type Shares } from '../choose/shares.ts';
import type { ClipOptions } from '../measures/clips.ts';
import { commandCaption, commandWords, sideCaption } from './captions.ts';
import { someFrames } from './clipFrames.ts';
import { Journal } from './journal.ts';
import type { MeasuredFile } from './measureFile.ts';
import { CAN_THREAD, here, inThread } from './measurers.ts';
import { type FoundFile, videoFiles } from './videoFiles.ts';

/** What is asked of a curation. */
export interface CurateOptions {
  readonly folder: string;
  /** The manifest; the journal and the funnel's picture lie beside it. */
  readonly output: string;
  readonly clips: ClipOptions;
  readonly limits: Thresholds;
  readonly shares: Shares;
  /** The wanted number of clips, and of clusters. */
  readonly total?: number | undefined;
  readonly clusters?: number | undefined;
  /** Gives embeddings, and says which model it is; without it concepts are left out. */
  readonly embedder?: (ImageEmbedder & { readonly name: string }) | undefined;
  /** A command that prints a caption. */
  readonly caption?: string | undefined;
  /** How many files are measured at a time. Default: one per core. */
  readonly jobs?: number | undefined;
  readonly outputs: Outputs;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: CurateProgress) => void;
}

/** How far a curation is: bytes of files while they are measured, else clips. */
export interface CurateProgress {
  readonly phase: 'measure' | 'concepts' | 'caption';
  readonly done: number;
  readonly total: number;
}

/** What came of it. */
export interface Curation {
  readonly lines: readonly ManifestLine[];
  /** The paths of the lines' files. */
  readonly paths: readonly string[];
  readonly funnel: readonly Step[];
  /** What a person should know, a line each: steps that were left out, captions that failed. */
  readonly notes: readonly string[];
  /** Files, those known from before, and the frames that were measured now, with the seconds that it took. */
  readonly files: number;
  readonly known: number;
  readonly frames: number;
  readonly seconds: number;
}

/** How many frames of a clip are embedded. */
const EMBEDDED = 4;
/** Counts up when measures change: files are then read anew. */
const VERSION = 1;

/**
 * Curates a folder of videos.
 * @throws InputError where the folder or the output makes no sense; the signal's reason where it was aborted: what was
 *   measured until then is kept, and the next run goes on from there
 */
export async function curate(options: CurateOptions): Promise<Curation> {
  const { folder, output, outputs, signal } = options;
  if (options.caption !== undefined) commandWords(options.caption);
  const files = await videoFiles(folder);
  await outputs.check(output);
  const journal = await Journal.open(output.replace(/(\.jsonl)?$/, '.journal.jsonl'));
  try {
    const notes: string[] = [];
    const { measured, known, frames, seconds } = await measureAll(files, journal, options);
    const judged: { one: Judged; path: string }[] = [];
    for (const [i, file] of files.entries())
      for (const candidate of await candidatesOf(nameFrom(output, file.path), file.path, measured[i]!, notes))
        judged.push({
          one: { candidate, refusal: refusalOf(candidate, options.limits) },
          path: file.path,
        });
    const all = judged.map(({ one }) => one);
    refuseCopies(all);
    await balance(judged, journal, options, notes);
    await completeCaptions(judged, journal, options, notes);
    notes.push(...refuseForShares(all, options.shares, options.clips.seed));
    const lines = all.map(manifestLine);
    const funnel = funnelOf(all);
    const bytes = (text: string) => new TextEncoder().encode(text);
    await outputs.write(
      [
        { path: output, bytes: bytes(lines.map((line) => `${JSON.stringify(line)}\n`).join('')) },
        { path: output.replace(/(\.jsonl)?$/, '.svg'), bytes: bytes(funnelSvg(funnel)) },
      ],
      signal,
    );
    const paths = judged.map(({ path }) => path);
    return { lines, paths, funnel, notes, files: files.length, known, frames, seconds };
  } finally {
    await journal.close();
  }
}

/** The path of a file from the folder of the manifest, with slashes. */
const nameFrom = (output: string, path: string): string =>
  relative(dirname(resolve(output)), resolve(path))
    .split(sep)
    .join('/');

/** Measures the files that the journal does not know, several at a time. */
async function measureAll(
  files: readonly FoundFile[],
  journal: Journal,
  { output, clips, limits, jobs = availableParallelism(), signal, onProgress }: CurateOptions,
): Promise<{ measured: MeasuredFile[]; known: number; frames: number; seconds: number }> {
  if (!(Number.isSafeInteger(jobs) && jobs > 0))
    throw new InputError(`curate: jobs must be an integer of at least 1, got ${jobs}`);
  const keys = files.map(({ path, bytes, changed }) =>
    JSON.stringify(['measures', VERSION, nameFrom(output, path), bytes, changed, clips]),
  );
  const measured = keys.map((key) => journal.get<MeasuredFile>(key));
  const enough = ({ info, film, error }: MeasuredFile) =>
    error !== undefined || film !== undefined || (info !== undefined && refusedByIndex(info, limits));
  const open = files.flatMap((file, i) => {
    const found = measured[i];
    return found !== undefined && enough(found) ? [] : [{ file, i }];
  });
  const known = files.length - open.length;
  const total = open.reduce((sum, { file }) => sum + file.bytes, 0);
  const began = performance.now();
  let [done, frames] = [0, 0];
  const running = new Map<number, number>();
  const tell = () => {
    const parts = [...running.values()].reduce((sum, part) => sum + part, 0);
    onProgress?.({ phase: 'measure', done: done + parts, total });
  };
  const threads = Math.min(jobs, open.length);
  const queue = [...open];
  const options = { clips, limits };
  const work = async () => {
    const measurer = CAN_THREAD && threads > 1 ? inThread(options, signal) : here(options, signal);
    try {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        signal.throwIfAborted();
        const { file, i } = next;
        const found = await measurer.measure(file.path, (frame, of) => {
          running.set(i, (file.bytes * frame) / of);
          tell();
        });
        await journal.put(keys[i]!, found);
        measured[i] = found;
        frames += found.film?.frames ?? 0;
        running.delete(i);
        done += file.bytes;
        tell();
      }
    } finally {
      queue.length = 0; // an error of one ends all
      await measurer.close();
    }
  };
  tell();
  const ended = await Promise.allSettled(Array.from({ length: threads }, work));
  const failed = ended.find((one) => one.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  const seconds = (performance.now() - began) / 1000;
  return { measured: measured as MeasuredFile[], known, frames, seconds };
}

/** The clips of a file, or the file itself where it has none. */
async function candidatesOf(
  file: string,
  path: string,
  { info, error, film, clips = [] }: MeasuredFile,
  notes: string[],
): Promise<Candidate[]> {
  const caption = await sideCaption(path).catch((reason: Error) => {
    notes.push(reason.message);
    return undefined;
  });
  const whole: Candidate = {
    file,
    ...(info && { info }),
    ...(error !== undefined && { error }),
    ...(film && { film }),
    ...(caption !== undefined && { caption }),
  };
  return clips.length === 0 ? [whole] : clips.map((clip) => ({ ...whole, clip }));
}

interface Placed {
  readonly one: Judged;
  readonly path: string;
}

const keptOf = (judged: readonly Placed[]): Placed[] => judged.filter(({ one }) => one.refusal === undefined);
const partOf = ({ one, path }: Placed) => ({
  path,
  start: one.candidate.clip!.start,
  end: one.candidate.clip!.end,
});
const clipKey = ({ one }: Placed): unknown[] => {
  const { file, clip } = one.candidate;
  return [file, clip!.start, clip!.end, clip!.hashes];
};

/** Refuses clips of common concepts. */
async function balance(
  judged: readonly Placed[],
  journal: Journal,
  { embedder, total, clusters, clips: { seed }, signal, onProgress }: CurateOptions,
  notes: string[],
): Promise<void> {
  if (embedder === undefined) {
    notes.push('concepts: left out, since they need an image model (--image-model)');
    return;
  }
  const kept = keptOf(judged);
  const embeddings = new Map<Judged, readonly number[]>();
  for (const [i, placed] of kept.entries()) {
    signal.throwIfAborted();
    onProgress?.({ phase: 'concepts', done: i, total: kept.length });
    const key = JSON.stringify(['embedding', embedder.name, EMBEDDED, ...clipKey(placed)]);
    let embedding = journal.get<readonly number[]>(key);
    if (embedding === undefined) {
      const each: ArrayLike<number>[] = [];
      for (const frame of await someFrames(partOf(placed), EMBEDDED, signal))
        each.push(...(await embedder.embed(frame)));
      embedding = [...clipEmbedding(each)].map((value) => Number(value.toPrecision(6)));
      await journal.put(key, embedding);
    }
    embeddings.set(placed.one, embedding);
  }
  onProgress?.({ phase: 'concepts', done: kept.length, total: kept.length });
  const sizes = refuseByConcepts(
    judged.map(({ one }) => one),
    embeddings,
    { total, clusters, seed },
  );
  notes.push(`concepts: ${sizes.length} clusters of ${sizes.join(', ')} clips`);
}

/** Has the user's command caption the kept clips that have no caption. A command that fails leaves its clip without one. */
async function completeCaptions(
  judged: readonly Placed[],
  journal: Journal,
  { caption: command, signal, onProgress }: CurateOptions,
  notes: string[],
): Promise<void> {
  if (command === undefined) return;
  const words = commandWords(command);
  const open = keptOf(judged).filter(({ one }) => one.candidate.caption === undefined);
  for (const [i, placed] of open.entries()) {
    signal.throwIfAborted();
    onProgress?.({ phase: 'caption', done: i, total: open.length });
    const key = JSON.stringify(['caption', command, ...clipKey(placed)]);
    try {
      const known = journal.get<string>(key);
      const caption = known ?? (await commandCaption(words, partOf(placed), signal));
      if (known === undefined) await journal.put(key, caption);
      placed.one.candidate = { ...placed.one.candidate, caption };
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof InputError) throw error;
      notes.push(`${placed.one.candidate.file}: no caption: ${(error as Error).message}`);
    }
  }
  onProgress?.({ phase: 'caption', done: open.length, total: open.length });
}
