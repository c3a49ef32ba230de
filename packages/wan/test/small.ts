// A small transformer with random weights, and what it is given, for tests.

import { type Device, randn, type Tensor, type WeightSource } from '@moviegen/tensor';
import { parseTransformerConfig, WanTransformer, type WanTransformerConfig } from '@moviegen/wan';

/** @param changes keys of `config.json`. */
export const smallConfig = (changes: Readonly<Record<string, unknown>> = {}): WanTransformerConfig =>
  parseTransformerConfig({
    num_attention_heads: 2,
    attention_head_dim: 32,
    in_channels: 4,
    out_channels: 4,
    text_dim: 12,
    ffn_dim: 96,
    num_layers: 3,
    ...changes,
  });

/** Weights of a size that keeps the numbers near 1, in the order of the names; on the host. */
export async function smallWeights(
  device: Device,
  config: WanTransformerConfig,
): Promise<Map<string, Uint8Array>> {
  const values = new Map<string, Uint8Array>();
  for (const [i, [name, shape]] of Object.entries(WanTransformer.weightShapes(config)).entries()) {
    const noise = randn(device, shape, { seed: i });
    const gain = name.endsWith('.weight') && shape.length > 1 ? 1 / Math.sqrt(shape[1]!) : 0.3;
    const base = /norm[^.]*\.weight$/.test(name) ? 1 : 0;
    values.set(name, new Uint8Array((await noise.read()).map((value) => base + gain * value).buffer));
    noise.dispose();
  }
  return values;
}

/** The weights as a file, that notes which layers it is asked for. */
export function fileOf(
  config: WanTransformerConfig,
  values: ReadonlyMap<string, Uint8Array>,
  asked: string[] = [],
  wait = async () => {},
): WeightSource {
  const shapes = WanTransformer.weightShapes(config);
  return {
    names: () => Object.keys(shapes),
    shape: (name) => shapes[name]!,
    dtype: () => 'F32',
    read: async (name) => values.get(name)!,
    async *pieces(names, { signal } = {}) {
      for (const layer of new Set(names.map((name) => /^blocks\.(\d+)/.exec(name)?.[1] ?? 'base')))
        asked.push(`load ${layer}`);
      for (const name of names) {
        await wait();
        signal?.throwIfAborted();
        yield { name, data: values.get(name)! };
      }
    },
  };
}

/** Numbers on the device. */
export const noise = (device: Device, shape: readonly number[], seed: number): Tensor =>
  randn(device, shape, { seed });

/** The numbers of a tensor, which is released. */
export async function read(tensor: Tensor): Promise<Float32Array> {
  const values = Float32Array.from(await tensor.read());
  tensor.dispose();
  return values;
}
