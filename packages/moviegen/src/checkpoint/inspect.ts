// The contents of a file of weights or a set of shards, as data and as a table for a terminal. No tensor is read.

import { sizeOf } from '@moviegen/kernels';
import { printable, type TensorSource } from '@moviegen/safetensors';
import { identifyWeights, identityText, type WeightsIdentity } from './identify.ts';

/** One tensor. */
export interface InspectedTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
}

/** Sums over some tensors. */
export interface InspectedTotal {
  readonly tensors: number;
  /** Elements. */
  readonly parameters: number;
  readonly bytes: number;
}

/** The result of `moviegen inspect`. It is plain data: `--json` prints it unchanged. */
export interface Inspection {
  /** What the weights are, where that is known. */
  readonly identity?: WeightsIdentity;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: readonly InspectedTensor[];
  readonly total: InspectedTotal;
  /** By element type, the largest share first. */
  readonly byDtype: readonly ({ readonly dtype: string } & InspectedTotal)[];
}

/** Lists the tensors of a file or a set of shards in the order of their data. */
export function inspect(source: TensorSource): Inspection {
  const tensors = source.names().map((name) => ({
    name,
    dtype: source.dtype(name),
    shape: source.shape(name),
    bytes: source.byteLength(name),
  }));
  const byDtype = [...new Set(tensors.map(({ dtype }) => dtype))]
    .map((dtype) => ({ dtype, ...totalOf(tensors.filter((tensor) => tensor.dtype === dtype)) }))
    .sort((a, b) => b.bytes - a.bytes);
  const identity = identifyWeights(source);
  return {
    ...(identity && { identity }),
    metadata: source.metadata,
    tensors,
    total: totalOf(tensors),
    byDtype,
  };
}

/**
 * An inspection as lines for a terminal: one row per tensor, metadata, totals. Control characters in the file's names are
 * escaped.
 */
export function inspectionTable({ identity, metadata, tensors, total, byDtype }: Inspection): string {
  const rows = tensors.map(({ name, dtype, shape, bytes }) => [
    printable(name),
    dtype,
    `[${shape.join(', ')}]`,
    grouped(bytes),
  ]);
  const lines = aligned([['name', 'dtype', 'shape', 'bytes'], ...rows]);
  if (identity) lines.push('', identityText(identity));
  const entries = Object.entries(metadata);
  if (entries.length > 0) lines.push('', 'metadata');
  for (const [key, text] of entries) lines.push(`  ${printable(key)}: ${printable(text)}`);
  lines.push('');
  if (byDtype.length > 1)
    for (const { dtype, ...sums } of byDtype) lines.push(`${dtype}: ${totalLine(sums)}`);
  lines.push(`total: ${totalLine(total)}`);
  return lines.join('\n');
}

function totalOf(tensors: readonly InspectedTensor[]): InspectedTotal {
  const parameters = tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  return { tensors: tensors.length, parameters, bytes: tensors.reduce((sum, { bytes }) => sum + bytes, 0) };
}

function totalLine({ tensors, parameters, bytes }: InspectedTotal): string {
  const noun = tensors === 1 ? 'tensor' : 'tensors';
  return `${grouped(tensors)} ${noun}, ${grouped(parameters)} parameters, ${grouped(bytes)} bytes (${short(bytes)})`;
}

/** Aligned columns; the last one holds numbers and is aligned to the right. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  '),
  );
}

const grouped = (n: number): string => n.toLocaleString('en-US');

/** Bytes for a person: `5.7 GB`. */
export function short(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}
