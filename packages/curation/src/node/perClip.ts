// What takes time per kept clip: embeddings, by which concepts are balanced, and captions by a command. Both are looked up in the
// journal first.

import { InputError } from 'moviegen';
import type { Judged } from '../choose/candidate.ts';
import { clipEmbedding, refuseByConcepts } from '../choose/concepts.ts';
import { commandCaption, commandWords } from './captions.ts';
import { someFrames } from './clipFrames.ts';
import type { Journal } from './journal.ts';
import type { CurateOptions } from './options.ts';

/** How many frames of a clip are embedded. */
const EMBEDDED = 4;

/** A candidate, and where its file lies. */
export interface Placed {
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
export async function balance(
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
export async function completeCaptions(
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
