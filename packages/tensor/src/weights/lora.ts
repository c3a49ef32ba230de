// LoRA: low-rank changes W + s B A of a model's weights, merged in f32 while the weights are loaded. Which tensors of a file
// change which weight is found in loraChanges.ts; the caller decides which files there are.
import { sizeOf } from '@moviegen/kernels';
import type { Device } from '../device/device.ts';
import { keep, scope } from '../device/scope.ts';
import { sizeClass } from '../gpu/pool.ts';
import { add } from '../ops/arithmetic.ts';
import { matmul } from '../ops/matmul.ts';
import { Tensor } from '../tensor.ts';
import type { WeightChanges } from './changes.ts';
import { changesOf, type Lora, type LoraChange } from './loraChanges.ts';
import { ModuleNames } from './loraNames.ts';
import { readFloats } from './source.ts';

/**
 * Finds the weight that every tensor of the LoRAs belongs to. No tensor is read.
 * @param shapes of the model's weights, by name.
 * @param otherName the name of a module in the layout of another library, which files may use as well.
 * @throws WeightsError, one line, where a tensor belongs to no weight or its shape does not fit it.
 */
export function loraChanges(
  loras: readonly Lora[],
  shapes: Readonly<Record<string, readonly number[]>>,
  otherName?: (module: string) => string,
): WeightChanges {
  const names = new ModuleNames(Object.keys(shapes), otherName);
  const changes = new Map<string, LoraChange[]>();
  for (const lora of loras) {
    for (const [name, change] of changesOf(lora, shapes, names))
      changes.set(name, [...(changes.get(name) ?? []), change]);
  }
  return {
    has: (name) => changes.has(name),
    apply: (name, weight, signal) => applied(changes.get(name) ?? [], weight, signal),
    bytes: (name) => bytesOf(changes.get(name) ?? [], shapes[name] ?? []),
  };
}

/** W + sum of s B A, all in f32. */
async function applied(
  changes: readonly LoraChange[],
  weight: Tensor,
  signal: AbortSignal | undefined,
): Promise<Tensor> {
  const { device } = weight;
  const [out = 0, ...inputs] = weight.shape;
  let result = weight;
  try {
    for (const change of changes) {
      const { source } = change;
      const read = (name: string) => readFloats(source, name, { signal });
      const before = result;
      const { alpha } = change;
      const s = alpha === undefined ? change.scale : change.scale * (await read(alpha))[0]!;
      if ('diff' in change) {
        const difference = await read(change.diff);
        for (let i = 0; i < difference.length; i++) difference[i]! *= s;
        result = keep(scope(device, () => add(before, Tensor.from(device, difference, weight.shape))));
      } else {
        const { down, up, rank } = change;
        const [a, b] = [await read(down), await read(up)];
        for (let i = 0; i < b.length; i++) b[i]! *= s;
        result = keep(merged(device, before, a, b, [out, rank, sizeOf(inputs)]));
      }
      if (before !== weight) before.dispose();
    }
    return result;
  } catch (error) {
    if (result !== weight) result.dispose();
    throw error;
  }
}

/** The most bytes that {@link applied} holds: the change, the sum, the previous sum and the factors of the change. */
function bytesOf(changes: readonly LoraChange[], shape: readonly number[]): number {
  const held = (size: number) => sizeClass(4 * size);
  const [out = 0, ...inputs] = shape;
  const factors = changes.map((change) =>
    'diff' in change ? 0 : held(change.rank * out) + held(change.rank * sizeOf(inputs)),
  );
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
