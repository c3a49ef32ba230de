// Curation of a folder: measures what is new, refuses, completes captions, writes the manifest. What took time is in the journal
// as soon as it is known, so a run that is stopped goes on where it was. Not here: options of the command line (cli.ts).

import type { Candidate } from '../choose/candidate.ts';
import { refuseCopies } from '../choose/copies.ts';
import { refusalOf } from '../choose/filters.ts';
import { funnelOf, funnelSvg, type Step } from '../choose/funnel.ts';
import { type ManifestLine, manifestLine } from '../choose/manifest.ts';
import { refuseForShares } from '../choose/shares.ts';
import { commandWords, sideCaption } from './captions.ts';
import { Journal } from './journal.ts';
import { measureAll, nameFrom } from './measureAll.ts';
import type { MeasuredFile } from './measureFile.ts';
import type { CurateOptions } from './options.ts';
import { balance, completeCaptions, type Placed } from './perClip.ts';
import { videoFiles } from './videoFiles.ts';

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

/**
 * Curates a folder of videos.
 * @throws InputError where the folder or the output makes no sense; the signal's reason where it was aborted: what was
 *   measured until then is kept, and the next run goes on from there
 */
export async function curate(options: CurateOptions): Promise<Curation> {
  const { folder, output, outputs, signal } = options;
  if (options.caption !== undefined) commandWords(options.caption);
  await outputs.check(output);
  const files = await videoFiles(folder);
  const journal = await Journal.open(output.replace(/(\.jsonl)?$/, '.journal.jsonl'));
  try {
    const notes: string[] = [];
    const { measured, known, frames, seconds } = await measureAll(files, journal, options);
    const judged: Placed[] = [];
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
