// Whether a source holds what a model needs: everything at fault in one error, before anything is read.
import { canQuantize, convertibleTypes, isQuantFormat } from '@moviegen/kernels';
import type { WeightOptions, WeightSource } from './weights.ts';

/** A source does not hold what a model needs. The message lists every tensor at fault. */
export class WeightsError extends Error {
  override readonly name = 'WeightsError';
}

/** The spec's names that the source holds, in the source's order. @throws WeightsError. */
export function checkWeights(
  source: WeightSource,
  spec: Readonly<Record<string, readonly number[]>>,
  { prefix = '', optional = [], ignore = () => false, linear = () => false, quantize }: WeightOptions,
): string[] {
  const mayMiss = new Set(optional);
  const present = source.names().filter((name) => name.startsWith(prefix));
  const held = new Set(present);
  const wanted = new Map(Object.entries(spec));
  const missing = [...wanted].filter(([name]) => !held.has(prefix + name) && !mayMiss.has(name));
  const extra: string[] = [];
  const misshapen: string[] = [];
  const untyped: string[] = [];
  const quantized: string[] = [];
  const otherwise: string[] = [];
  const names: string[] = [];
  for (const full of present) {
    const name = full.slice(prefix.length);
    const expected = wanted.get(name);
    const shape = source.shape(full);
    if (!expected) {
      if (!ignore(name)) extra.push(`${name} [${shape.join(', ')}]`);
      continue;
    }
    if (shape.length !== expected.length || shape.some((length, i) => length !== expected[i])) {
      misshapen.push(`${name} [${shape.join(', ')}], expected [${expected.join(', ')}]`);
    }
    const type = source.dtype(full);
    if (isQuantFormat(type.toLowerCase())) {
      if (!linear(name) || !canQuantize(shape)) quantized.push(`${name} ${type} [${shape.join(', ')}]`);
      if ((quantize ?? type.toLowerCase()) !== type.toLowerCase()) otherwise.push(`${name} ${type}`);
    } else if (!convertibleTypes.includes(type)) untyped.push(`${name} ${type}`);
    names.push(name);
  }
  const faults = {
    missing: missing.map(([name, shape]) => `${name} [${shape.join(', ')}]`),
    extra,
    misshapen,
    'of a type that cannot be read': untyped,
    'quantised, which this model does not read so': quantized,
    [`quantised in another format than ${quantize} (quantise the original file)`]: otherwise,
  };
  const lists = Object.entries(faults).filter(([, list]) => list.length > 0);
  if (lists.length === 0) return names;
  const head = lists.map(([kind, list]) => `${list.length} ${kind}`).join(', ');
  const body = lists.map(([kind, list]) => `  ${kind}:${list.map((line) => `\n    ${line}`).join('')}`);
  throw new WeightsError(`weights: ${head}\n${body.join('\n')}`);
}
