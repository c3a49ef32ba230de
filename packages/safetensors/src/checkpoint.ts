// The weights in a folder, by the names that transformers and diffusers give them: one file or shards, and variants of them, such
// as `model.fp16.safetensors`. Not here: what the files hold (safetensors.ts, sharded.ts).

import { isAbsent, quoted, SafetensorsError } from './errors.ts';
import { Safetensors, type TensorSource } from './safetensors.ts';
import { type OpenFile, ShardedSafetensors } from './sharded.ts';
import type { ReadOptions } from './source.ts';

/** Options of {@link openCheckpoint}. */
export interface CheckpointOptions extends ReadOptions {
  /** Names to try. Default: those that transformers and diffusers use. */
  readonly bases?: readonly string[] | undefined;
  /** Which weights, where there are several: `fp16`. Default: the plain ones, else the only variant that is there. */
  readonly variant?: string | undefined;
}

/** Variants that are looked for where files cannot be listed. */
const USUAL_VARIANTS = ['fp16', 'bf16', 'fp32'];

/**
 * Opens the checkpoint of a folder: `BASE.safetensors` or, if there is none, `BASE.safetensors.index.json` and its shards; or a
 * variant of these: `BASE.VARIANT.safetensors`, `BASE.safetensors.index.VARIANT.json`.
 * @param openFile finds a file of the folder: `httpFolder(url)`, or `folder(path)` of `@moviegen/safetensors/node`
 * @throws SafetensorsError
 */
export async function openCheckpoint(
  openFile: OpenFile,
  { bases = ['model', 'diffusion_pytorch_model'], variant, signal }: CheckpointOptions = {},
): Promise<TensorSource> {
  const refused: SafetensorsError[] = [];
  const attempt = async (name: string): Promise<TensorSource | undefined> => {
    try {
      const file = await openFile(name, signal);
      if (file === undefined) return undefined;
      return name.endsWith('.json')
        ? await ShardedSafetensors.open(file, openFile, { signal })
        : await Safetensors.open(file, { signal });
    } catch (error) {
      if (!isAbsent(error)) throw error;
      refused.push(error);
      return undefined;
    }
  };
  for (const base of bases)
    for (const name of namesOf(base, variant)) {
      const source = await attempt(name);
      if (source) return source;
    }

  const listed = (await openFile.list?.())?.filter((name) => /\.safetensors(\.index.*\.json)?$/.test(name));
  const variants = variant === undefined ? (listed ? variantsIn(listed, bases) : USUAL_VARIANTS) : [];
  const found: { readonly variant: string; readonly source: TensorSource }[] = [];
  for (const one of variants)
    for (const name of bases.flatMap((base) => namesOf(base, one))) {
      const source = await attempt(name);
      if (source) found.push({ variant: one, source });
    }
  if (found.length === 1) return found[0]!.source;
  for (const { source } of found) await source.close();
  if (found.length > 1) {
    const got = found.map((one) => one.variant).join(', ');
    throw new SafetensorsError({
      op: 'open',
      what: 'there are several variants',
      got,
      expected: 'one of them as the variant (--variant on the command line)',
    });
  }
  if (refused.length > 0) throw refused[0]!;
  const got = listed && listed.length > 0 ? listed.slice(0, 5).map(quoted).join(', ') : undefined;
  const expected = bases.map((base) => namesOf(base, variant).join(' or ')).join(', or ');
  throw new SafetensorsError({ op: 'open', what: 'there is no checkpoint', got, expected });
}

/** The names of one file and of an index. */
const namesOf = (base: string, variant: string | undefined): [single: string, index: string] =>
  variant === undefined
    ? [`${base}.safetensors`, `${base}.safetensors.index.json`]
    : [`${base}.${variant}.safetensors`, `${base}.safetensors.index.${variant}.json`];

const VARIANT = /^\.([\w-]+)\.safetensors$|^\.safetensors\.index\.([\w-]+)\.json$/;

/** The variants among files; a shard's name is not one. */
function variantsIn(files: readonly string[], bases: readonly string[]): string[] {
  const found = bases.flatMap((base) =>
    files
      .filter((file) => file.startsWith(`${base}.`))
      .map((file) => VARIANT.exec(file.slice(base.length)))
      .flatMap((match) => match?.[1] ?? match?.[2] ?? [])
      .filter((name) => !/-of-\d+$/.test(name)),
  );
  return [...new Set(found)];
}
