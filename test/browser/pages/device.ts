// In the page: what a browser's device does apart from computing.

import {
  add,
  Device,
  DeviceLostError,
  mul,
  OutOfMemoryError,
  randn,
  ShaderError,
  scope,
  Tensor,
} from '@moviegen/tensor';

let device = await Device.create({ label: 'device' });

/** Bytes in use before, during and after a scope's work, and its result. */
export async function scoped() {
  const before = device.memory().used;
  const kept = scope(device, () => mul(add(Tensor.from(device, [1, 2, 3]), 1), 10));
  const during = device.memory().used;
  const values = [...(await kept.read())];
  kept.dispose();
  return { before, during, after: device.memory().used, values };
}

/** A recording replayed with other content of its operand. */
export async function recorded(): Promise<number[]> {
  const x = Tensor.from(device, [1]);
  const recording = device.record(() => mul(add(x, 1), 2));
  const results: number[] = [];
  for (const value of [1, 5, -1]) {
    x.write([value]);
    recording.run();
    results.push(await recording.result.item());
  }
  recording.destroy();
  x.dispose();
  return results;
}

/** Normals of a seed, which are the same on every adapter. */
export const normals = async (seed: number): Promise<number[]> => [
  ...(await randn(device, [64], { seed }).read()),
];

/** The error of a kernel with a fault in its text, and whether the device still works. */
export async function refused(): Promise<{ kind: boolean; message: string; after: number }> {
  const y = Tensor.zeros(device, [1]);
  const bindings = [{ name: 'y', dtype: 'f32', access: 'read_write' }] as const;
  const code = `@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(1) fn main() { y[0] = nothing; }`;
  device.run({ label: 'broken f32', code, bindings, workgroups: 1 }, [y]);
  const error: unknown = await y.read().catch((caught: unknown) => caught);
  return { kind: error instanceof ShaderError, message: String(error), after: await add(y, 3).item() };
}

/** The error of a memory limit that is too small. */
export async function crowded(): Promise<{ kind: boolean; message: string }> {
  const small = await Device.create({ memoryLimit: 1000 });
  try {
    Tensor.zeros(small, [1000]);
    return { kind: false, message: 'no error' };
  } catch (error) {
    return { kind: error instanceof OutOfMemoryError, message: String(error) };
  } finally {
    small.destroy();
  }
}

/** Waits until the device is lost. @returns the reason, and the error of the next op */
export async function lost(): Promise<{ reason: string; kind: boolean; message: string }> {
  const { reason } = await device.lost;
  try {
    Tensor.from(device, [1]);
    return { reason, kind: false, message: 'no error' };
  } catch (error) {
    return { reason, kind: error instanceof DeviceLostError, message: String(error) };
  }
}

/** Destroys the device. */
export const destroy = (): void => device.destroy();

/** Opens a new device in its place. */
export async function reopen(): Promise<void> {
  device = await Device.create({ label: 'device again' });
}
