// Weights under other names than their file's: one source in front of another, for layouts of other libraries. Which names belong
// together is said by the models. Nothing is read here.
import { piecesOf, type WeightPiece, type WeightSource, WeightsError } from './source.ts';

/** Names of modules or tensors in one layout, each with its name in another. `#` stands for a number, the same in both. */
export type NamePairs = readonly (readonly [from: string, to: string])[];

/**
 * Renames modules and what is inside of them (`.weight`, `.bias`). Names that no pair begins are returned as they are.
 *
 * ```ts
 * const rename = renaming([['blocks.#.self_attn.q', 'blocks.#.attn1.to_q']]);
 * rename('blocks.3.self_attn.q.weight');    // blocks.3.attn1.to_q.weight
 * ```
 */
export function renaming(pairs: NamePairs): (name: string) => string {
  const rules = pairs.map(([from, to]) => {
    const numbered = from.replaceAll('.', '\\.').replaceAll('#', '(\\d+)');
    let group = 0;
    return [new RegExp(`^${numbered}(?=\\.|$)`), to.replaceAll('#', () => `$${++group}`)] as const;
  });
  return (name) => {
    const rule = rules.find(([pattern]) => pattern.test(name));
    return rule === undefined ? name : name.replace(...rule);
  };
}

/** The same pairs, read from the second name to the first. */
export const reversed = (pairs: NamePairs): NamePairs => pairs.map(([from, to]) => [to, from]);

/**
 * The source under other names.
 * @param rename the new name of a tensor; undefined leaves it out.
 * @param shapeOf the shape of a tensor under its new name, where it is another view of the same bytes.
 * @throws WeightsError where two tensors get the same name.
 */
export function renamedSource(
  source: WeightSource,
  rename: (name: string) => string | undefined,
  shapeOf: (name: string, shape: readonly number[]) => readonly number[] = (_, shape) => shape,
): WeightSource {
  const originals = new Map<string, string>();
  const renamed = new Map<string, string>();
  for (const original of source.names()) {
    const name = rename(original);
    if (name === undefined) continue;
    const twin = originals.get(name);
    if (twin !== undefined) throw new WeightsError(`weights: ${twin} and ${original} are both ${name}`);
    originals.set(name, original);
    renamed.set(original, name);
  }
  const of = (name: string) => originals.get(name) ?? name;
  const range = source.range?.bind(source);
  return {
    names: () => [...originals.keys()],
    shape: (name) => shapeOf(name, source.shape(of(name))),
    dtype: (name) => source.dtype(of(name)),
    scale: (name) => source.scale?.(of(name)),
    read: (name, options) => source.read(of(name), options),
    ...(range && { range: (name, start, end, options) => range(of(name), start, end, options) }),
    async *pieces(names, options): AsyncGenerator<WeightPiece> {
      for await (const piece of piecesOf(source, names.map(of), options))
        yield { ...piece, name: renamed.get(piece.name) ?? piece.name };
    },
  };
}
