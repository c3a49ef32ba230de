// LoRA: low-rank changes W + s B A of a model's weights, found by the names that PEFT and diffusers give them and
// merged in f32 while the weights are loaded. The caller decides which files hold them.
import { bytesToFloats, sizeOf } from '@moviegen/kernels';
import type { Device } from '../device/device.ts';
import { keep, scope } from '../device/scope.ts';
import { sizeClass } from '../gpu/pool.ts';
import { add } from '../ops/arithmetic.ts';
import { matmul } from '../ops/matmul.ts';
import { Tensor } from '../tensor.ts';
import type { WeightChanges } from './changes.ts';
import { type WeightSource, WeightsError } from './source.ts';

/** A LoRA to merge. */
export interface Lora {
  readonly source: WeightSource;
  /** How strongly it is applied; a negative number subtracts it. Default 1. */
  readonly weight?: number;
  /** Its name in messages. */
  readonly label?: string;
  /** The scale s of a module without an `alpha` in the file. Default: 1, as where alpha equals the rank. */
  readonly scaleOf?: (module: string, rank: number) => number;
}

/** One low-rank change of one weight. */
interface Change {
  readonly source: WeightSource;
  readonly down: string; // A: [r, in, ...]
  readonly up: string; // B: [out, r, ...]
  readonly alpha: string | undefined;
  readonly scale: number;
  readonly rank: number;
}

const PARTS: Readonly<Record<string, 'down' | 'up'>> = {
  lora_A: 'down',
  lora_down: 'down',
  'lora.down': 'down',
  lora_B: 'up',
  lora_up: 'up',
  'lora.up': 'up',
};
const FACTOR = /^(.+)\.(lora_A|lora_B|lora_down|lora_up|lora\.down|lora\.up)(?:\.\w+)?\.weight$/;
/** Prefixes that libraries put before a module's own name. */
const PREFIX = /^(base_model\.model|base_model|transformer|diffusion_model|model|module)\./;
const MOST_LISTED = 5;

/**
 * Finds the weight that every tensor of the LoRAs belongs to. No tensor is read.
 * @param shapes of the model's weights, by name.
 * @throws WeightsError, one line, where a tensor belongs to no weight or its shape does not fit it.
 */
export function loraChanges(
  loras: readonly Lora[],
  shapes: Readonly<Record<string, readonly number[]>>,
): WeightChanges {
  const changes = new Map<string, Change[]>();
  for (const lora of loras) {
    for (const [name, change] of changesOf(lora, shapes))
      changes.set(name, [...(changes.get(name) ?? []), change]);
  }
  return {
    has: (name) => changes.has(name),
    apply: (name, weight, signal) => applied(changes.get(name) ?? [], weight, signal),
    bytes: (name) => bytesOf(changes.get(name) ?? [], shapes[name] ?? []),
  };
}

/** The tensors of a module found so far, by their names. */
interface Module {
  readonly down?: string;
  readonly up?: string;
  readonly alpha?: string;
}

function changesOf(
  { source, weight = 1, label = 'lora', scaleOf = () => 1 }: Lora,
  shapes: Readonly<Record<string, readonly number[]>>,
): [string, Change][] {
  const modules = new Map<string, Module>();
  const problems: string[] = [];
  for (const name of source.names()) {
    const factor = FACTOR.exec(name);
    const alpha = /^(.+)\.alpha$/.exec(name);
    const module = factor?.[1] ?? alpha?.[1];
    if (module === undefined) problems.push(`${name} is not a lora_A, lora_B or alpha`);
    else modules.set(module, { ...modules.get(module), [factor ? PARTS[factor[2]!]! : 'alpha']: name });
  }
  if (modules.size === 0 && problems.length === 0) problems.push('it holds no lora_A and lora_B');

  const changes: [string, Change][] = [];
  for (const [module, { down, up, alpha }] of modules) {
    const name = weightOf(module, shapes);
    if (name === undefined) problems.push(`the model has no ${module}.weight`);
    else if (down === undefined || up === undefined)
      problems.push(`${module} has no ${down === undefined ? 'lora_A' : 'lora_B'}`);
    else {
      const [a, b] = [source.shape(down), source.shape(up)];
      const rank = a[0] ?? 0;
      if (!fits(a, b, shapes[name]!))
        problems.push(
          `${module}: A [${a.join(', ')}] and B [${b.join(', ')}] do not fit [${shapes[name]!.join(', ')}]`,
        );
      else if (alpha !== undefined && sizeOf(source.shape(alpha)) !== 1)
        problems.push(`${alpha} is not a single number`);
      else {
        const scale = weight * (alpha === undefined ? scaleOf(module, rank) : 1 / rank);
        changes.push([name, { source, down, up, alpha, scale, rank }]);
      }
    }
  }
  if (problems.length === 0) return changes;
  const more = problems.length > MOST_LISTED ? `; and ${problems.length - MOST_LISTED} more` : '';
  throw new WeightsError(
    `${label}: this LoRA does not fit the model: ${problems.slice(0, MOST_LISTED).join('; ')}${more}`,
  );
}

/** The weight of a module, under its own name or without the prefixes that libraries put before it. */
function weightOf(module: string, shapes: Readonly<Record<string, unknown>>): string | undefined {
  for (let path = module; ; path = path.replace(PREFIX, '')) {
    if (Object.hasOwn(shapes, `${path}.weight`)) return `${path}.weight`;
    if (!PREFIX.test(path)) return undefined;
  }
}

/** A [r, ...in] and B [out, r, ones] of a weight [out, ...in]; a convolution's A may be flat. */
function fits(a: readonly number[], b: readonly number[], [out = 0, ...inputs]: readonly number[]): boolean {
  const rank = a[0] ?? 0;
  return rank > 0 && sizeOf(a) === rank * sizeOf(inputs) && b[0] === out && sizeOf(b) === out * rank;
}

/** W + sum of s B A, all in f32. */
async function applied(
  changes: readonly Change[],
  weight: Tensor,
  signal: AbortSignal | undefined,
): Promise<Tensor> {
  const { device } = weight;
  const [out = 0, ...inputs] = weight.shape;
  let result = weight;
  try {
    for (const { source, down, up, alpha, scale, rank } of changes) {
      const read = async (name: string) => {
        const bytes = await source.read(name, signal ? { signal } : {});
        return bytesToFloats(bytes, source.dtype(name));
      };
      const [a, b] = [await read(down), await read(up)];
      const s = alpha === undefined ? scale : scale * (await read(alpha))[0]!;
      for (let i = 0; i < b.length; i++) b[i]! *= s;
      const before = result;
      result = keep(merged(device, before, a, b, [out, rank, sizeOf(inputs)]));
      if (before !== weight) before.dispose();
    }
    return result;
  } catch (error) {
    if (result !== weight) result.dispose();
    throw error;
  }
}

/** The most bytes that {@link applied} holds: the change, the sum, the previous sum and the factors of the change. */
function bytesOf(changes: readonly Change[], shape: readonly number[]): number {
  const held = (size: number) => sizeClass(4 * size);
  const [out = 0, ...inputs] = shape;
  const factors = changes.map(({ rank }) => held(rank * out) + held(rank * sizeOf(inputs)));
  return Math.min(changes.length + 1, 3) * held(sizeOf(shape)) + Math.max(...factors);
}

function merged(
  device: Device,
  weight: Tensor,
  a: Float32Array,
  b: Float32Array,
  [out, rank, inputs]: readonly [number, number, number],
): Tensor {
  return scope(device, () => {
    const change = matmul(Tensor.from(device, b, [out, rank]), Tensor.from(device, a, [rank, inputs])); // [out, in]
    return add(weight, change.reshape(weight.shape));
  });
}
