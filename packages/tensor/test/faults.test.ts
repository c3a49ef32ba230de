// The order in which a browser tells errors is not that in which they happened.
import { ShaderError } from '@moviegen/tensor';
import { expect, test } from 'vitest';
import { Faults } from '../src/gpu/faults.ts';
import { browser } from '../src/gpu/host.ts';

const SPOILED =
  'webgpu: [Invalid CommandBuffer from CommandEncoder "batch 5"] is invalid due to a previous error.\n' +
  ' - While calling [Queue].Submit([[Invalid CommandBuffer from CommandEncoder "batch 5"]])';

/** The faults of a device that does nothing but tell what it is given. */
function faultsOf(): { faults: Faults; tell: (message: string) => void } {
  const gpu = { lost: new Promise(() => undefined) } as unknown as GPUDevice;
  const faults = new Faults(gpu, browser);
  const event = (message: string) => ({ preventDefault: () => undefined, error: new Error(message) });
  return {
    faults,
    tell: (message) => gpu.onuncapturederror?.(event(message) as unknown as GPUUncapturedErrorEvent),
  };
}

const refuse = (): Promise<void> => Promise.reject(new ShaderError('broken', 'broken: line 2'));

test('a cause is told before the effects that came first', async () => {
  const { faults, tell } = faultsOf();
  tell(SPOILED);
  faults.watch(refuse());
  await expect(faults.settle(Promise.resolve())).rejects.toThrow('broken: line 2');
  await expect(faults.settle(Promise.resolve(3))).resolves.toBe(3);
});

test('an effect that comes after its cause was told is no news', async () => {
  const { faults, tell } = faultsOf();
  faults.watch(refuse());
  await expect(faults.settle(Promise.resolve())).rejects.toThrow('broken: line 2');
  tell(SPOILED);
  await expect(faults.settle(Promise.resolve(3))).resolves.toBe(3);
});

test('every other error is told, whatever was before it', async () => {
  const { faults, tell } = faultsOf();
  tell(SPOILED);
  await expect(faults.settle(Promise.resolve())).rejects.toThrow('is invalid due to a previous error');
  faults.watch(refuse());
  await expect(faults.settle(Promise.resolve())).rejects.toThrow('broken: line 2');
  tell(SPOILED);
  tell('[Buffer "x"] used in submit while destroyed.');
  await expect(faults.settle(Promise.resolve())).rejects.toThrow('used in submit while destroyed');
});
