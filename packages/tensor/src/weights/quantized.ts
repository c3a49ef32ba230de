// Quantised files (kernels/src/quantize.ts has the format) under the names of the model: the tensors NAME.q8 or NAME.q4
// and NAME.scale become one weight NAME of type `Q8` or `Q4`, its codes first, its scales after them.
import { BYTES, codeBytes, isQuantFormat, QUANT_BLOCK, type QuantFormat, sizeOf } from '@moviegen/kernels';
import { piecesOf, type WeightPiece, type WeightSource, WeightsError } from './source.ts';

/** A quantised weight of a file. */
interface Entry {
  readonly format: QuantFormat;
  readonly shape: readonly number[];
  /** Names in the file, in the order of the weight's bytes. */
  readonly codes: string;
  readonly scale: string;
}

/**
 * The formats of the quantised weights that a source holds, by the weights' plain names: `layers.0.attention.wq.weight`.
 * Empty where it holds none. Code that reads the raw tensors of a source to compute with them (to average, to merge)
 * must ask this first: codes are not numbers.
 * @throws WeightsError where the tensors of a quantised weight do not fit together.
 */
export function quantizedWeights(source: WeightSource): ReadonlyMap<string, QuantFormat> {
  return new Map([...entriesOf(source)].map(([name, { format }]) => [name, format]));
}

/**
 * The source with quantised weights under their plain names; the source itself where it holds none.
 * @throws WeightsError where the tensors of a quantised weight do not fit together.
 */
export function quantizedSource(source: WeightSource): WeightSource {
  const entries = entriesOf(source);
  if (entries.size === 0) return source;
  const parts = new Map<string, { readonly name: string; readonly offset: number }>();
  for (const [name, { format, shape, codes, scale }] of entries) {
    parts.set(codes, { name, offset: 0 });
    parts.set(scale, { name, offset: codeBytes(sizeOf(shape), format) });
  }
  const inFile = source.names();
  return {
    names: () => [...new Set(inFile.map((name) => parts.get(name)?.name ?? name))],
    shape: (name) => entries.get(name)?.shape ?? source.shape(name),
    dtype: (name) => entries.get(name)?.format.toUpperCase() ?? source.dtype(name),
    scale: (name) => source.scale?.(name),
    async read(name, options) {
      const entry = entries.get(name);
      if (entry === undefined) return source.read(name, options);
      const bytes = new Uint8Array(sizeOf(entry.shape) * BYTES[entry.format]);
      for (const part of [entry.codes, entry.scale])
        bytes.set(await source.read(part, options), parts.get(part)!.offset);
      return bytes;
    },
    async *pieces(names, options): AsyncGenerator<WeightPiece> {
      // In the file's order, so that it is read from front to back: codes and scales of a weight lie apart.
      const wanted = new Set(names);
      const ordered = inFile.filter((name) => wanted.has(parts.get(name)?.name ?? name));
      let [current, read] = ['', 0];
      for await (const { name, data } of piecesOf(source, ordered, options)) {
        if (name !== current) [current, read] = [name, 0];
        const part = parts.get(name);
        yield { name: part?.name ?? name, offset: (part?.offset ?? 0) + read, data };
        read += data.length;
      }
    },
  };
}

function entriesOf(source: WeightSource): Map<string, Entry> {
  const present = new Set(source.names());
  const entries = new Map<string, Entry>();
  const faults: string[] = [];
  for (const codes of present) {
    const [, name, format] = /^(.+)\.(q[84])$/.exec(codes) ?? [];
    if (name === undefined || format === undefined || !isQuantFormat(format)) continue;
    const scale = `${name}.scale`;
    const [rows = 0, width = 0, ...rest] = source.shape(codes);
    const shape = [rows, format === 'q8' ? width : 2 * width];
    const type = format === 'q8' ? 'I8' : 'U8';
    const wantedScale = `F16 [${rows}, ${shape[1]! / QUANT_BLOCK}]`;
    const found = present.has(scale)
      ? `${source.dtype(scale)} [${source.shape(scale).join(', ')}]`
      : 'missing';
    if (source.dtype(codes) !== type || rest.length > 0 || shape[1]! % QUANT_BLOCK !== 0)
      faults.push(
        `${codes} is ${source.dtype(codes)} [${source.shape(codes).join(', ')}], expected ${type} [out, ${format === 'q8' ? 'in' : 'in / 2'}], in a multiple of ${QUANT_BLOCK}`,
      );
    else if (found !== wantedScale) faults.push(`${scale} is ${found}, expected ${wantedScale}`);
    else if (present.has(name)) faults.push(`${name} is there twice, as plain numbers and as ${codes}`);
    else if (entries.has(name)) faults.push(`${name} is there twice, as q8 and as q4`);
    entries.set(name, { format, shape, codes, scale });
  }
  if (faults.length === 0) return entries;
  throw new WeightsError(`weights: quantised tensors do not fit together:\n  ${faults.join('\n  ')}`);
}
