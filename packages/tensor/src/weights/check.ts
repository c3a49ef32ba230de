// Whether a source, or tensors, hold what a model needs. One error holds every tensor at fault. Nothing is read
// here.
import { canQuantize, convertibleTypes, isQuantFormat } from '@moviegen/kernels';
import { type WeightOptions, type WeightSource, WeightsError } from './source.ts';

/** Tensors at fault, one line each, by the kind of fault. */
type Faults = Readonly<Record<string, readonly string[]>>;
type Shapes = Readonly<Record<string, readonly number[]>>;

/** The tensors that are missing, extra or misshapen. */
function shapeFaults(
  held: ReadonlyMap<string, readonly number[]>,
  wanted: Shapes,
  { optional = [], ignore = () => false }: Pick<WeightOptions, 'optional' | 'ignore'> = {},
): Faults {
  const mayMiss = new Set(optional);
  const missing = Object.entries(wanted)
    .filter(([name]) => !held.has(name) && !mayMiss.has(name))
    .map(([name, shape]) => `${name} ${show(shape)}`);
  const extra: string[] = [];
  const misshapen: string[] = [];
  for (const [name, shape] of held) {
    const expected = Object.hasOwn(wanted, name) ? wanted[name] : undefined;
    if (expected === undefined) {
      if (!ignore(name)) extra.push(`${name} ${show(shape)}`);
    } else if (shape.length !== expected.length || shape.some((length, axis) => length !== expected[axis]))
      misshapen.push(`${name} ${show(shape)}, expected ${show(expected)}`);
  }
  return { missing, extra, misshapen };
}

/** How many tensors of a kind of fault the message names. */
const MOST_NAMED = 5;

/** @throws WeightsError that holds all faults, if there are any; its message names the first of each kind. */
function throwAny(subject: string, faults: Faults): void {
  const found = Object.fromEntries(Object.entries(faults).filter(([, list]) => list.length > 0));
  const lists = Object.entries(found);
  if (lists.length === 0) return;
  const head = lists.map(([kind, list]) => `${list.length} ${kind}`).join(', ');
  const body = lists.map(([kind, list]) => {
    const more = list.length - MOST_NAMED;
    const named = more > 1 ? [...list.slice(0, MOST_NAMED), `and ${more} more`] : list;
    return `  ${kind}:${named.map((line) => `\n    ${line}`).join('')}`;
  });
  throw new WeightsError(`${subject}: ${head}\n${body.join('\n')}`, { faults: found });
}

const show = (shape: readonly number[]) => `[${shape.join(', ')}]`;

/**
 * Holds tensors that are loaded already against the shapes that a model needs.
 * @param subject begins the message.
 * @throws WeightsError listing every tensor that is missing, extra or misshapen.
 */
export function checkShapes(
  subject: string,
  tensors: Readonly<Record<string, { readonly shape: readonly number[] }>>,
  wanted: Shapes,
): void {
  const held = new Map(Object.entries(tensors).map(([name, { shape }]) => [name, shape]));
  throwAny(subject, shapeFaults(held, wanted));
}

/**
 * Holds a source against what a model needs, before anything is read.
 * @param source has its quantised weights under their plain names, as `quantizedSource` gives it.
 * @param spec shapes by name.
 * @returns the spec's names that the source holds, in the source's order.
 * @throws WeightsError listing every tensor that is missing, extra, misshapen or of a type that cannot be loaded.
 */
export function checkWeights(source: WeightSource, spec: Shapes, options: WeightOptions): string[] {
  const { prefix = '', linear = () => false, quantize } = options;
  const present = source.names().filter((name) => name.startsWith(prefix));
  const held = new Map(present.map((name) => [name.slice(prefix.length), source.shape(name)]));
  const names = [...held.keys()].filter((name) => Object.hasOwn(spec, name));
  const untyped: string[] = [];
  const quantized: string[] = [];
  const otherwise: string[] = [];
  for (const name of names) {
    const type = source.dtype(prefix + name);
    const format = type.toLowerCase();
    const shape = held.get(name)!;
    if (isQuantFormat(format)) {
      if (!linear(name) || !canQuantize(shape)) quantized.push(`${name} ${type} ${show(shape)}`);
      if ((quantize ?? format) !== format) otherwise.push(`${name} ${type}`);
    } else if (!convertibleTypes.includes(type)) untyped.push(`${name} ${type}`);
  }
  throwAny('weights', {
    ...shapeFaults(held, spec, options),
    'of a type that cannot be read': untyped,
    'quantised where this model reads plain numbers': quantized,
    [`quantised in another format than ${quantize} (quantise the original file)`]: otherwise,
  });
  return names;
}
