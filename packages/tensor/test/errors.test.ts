import { DeviceLostError, ShaderError, Tensor } from '@moviegen/tensor';
import { openDevice } from '@moviegen/tensor/node';
import { testDevice } from '@moviegen/testing/device';
import { describe, expect, test } from 'vitest';
import { affine } from './kernels.ts';

const device = await testDevice();

describe('a kernel that WGSL refuses', () => {
  const broken = { ...affine(1), label: 'broken f32' };
  const code = broken.code.replace('x[i] * 2', 'x[i] * nothing');
  const shown = /broken f32: unresolved value 'nothing'\n +\d+ \| {3}y\[i\] = x\[i\] \* nothing.*\n +\^/;

  test('rejects the next read, naming the kernel and the line, and the device goes on', async () => {
    const x = Tensor.from(device, [1]);
    const y = Tensor.zeros(device, [1]);
    device.run({ ...broken, code }, [x, y]);
    const error = await y.read().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ShaderError);
    expect((error as ShaderError).kernel).toBe('broken f32');
    expect(String(error)).toMatch(shown);
    device.run({ ...broken, code }, [x, y]);
    await expect(device.sync()).rejects.toThrow(shown); // told again
    device.run(affine(1), [x, y]);
    expect(await y.item()).toBe(3);
  });

  test('does not take with it what was queued before and after', async () => {
    const run = (text: string) => {
      const x = Tensor.from(device, new Float32Array(64).fill(7));
      const before = affine(64);
      const y = Tensor.empty(device, [64]);
      device.run({ ...before, code: `${before.code}// ${text}` }, [x, y]);
      device.run({ ...broken, code: `${code}// ${text}` }, [x, Tensor.empty(device, [64])]);
      x.dispose();
      const zeros = [Tensor.zeros(device, [64]), Tensor.zeros(device, [64])]; // one of them in the memory of x
      return { y, zeros };
    };
    const { y, zeros } = run('at once');
    await expect(device.sync()).rejects.toThrow(shown);
    expect(await y.read()).toEqual(new Float32Array(64).fill(15));
    for (const zero of zeros) expect(await zero.read()).toEqual(new Float32Array(64));
    const recording = device.record(() => run('recorded'));
    recording.run();
    await expect(device.sync()).rejects.toThrow(shown);
    expect(await recording.result.y.read()).toEqual(new Float32Array(64).fill(15));
    for (const zero of recording.result.zeros) expect(await zero.read()).toEqual(new Float32Array(64));
    recording.destroy();
  });

  test('rejects its compilation ahead', async () => {
    await expect(device.precompile([affine(1), { ...broken, code }])).rejects.toThrow(shown);
  });

  test('rejects where the bindings do not fit the text', async () => {
    const missing = {
      ...broken,
      bindings: broken.bindings.slice(0, 1),
      code: `${code.replace('nothing', '2')}//`,
    };
    const { uniforms: _, ...kernel } = missing;
    device.run(kernel, [Tensor.from(device, [1])]);
    await expect(device.sync()).rejects.toThrow('broken f32: ');
  });
});

describe('run checks', () => {
  const x = Tensor.from(device, [1], [1], { label: 'x' });
  const u = Tensor.from(device, new Uint32Array(1));

  test('the count, the type and the device of its tensors', async () => {
    expect(() => device.run(affine(1), [x])).toThrow('internal: affine: got 1 tensors for 2 bindings');
    expect(() => device.run(affine(1), [u, x])).toThrow('internal: affine: x is u32, not f32');
    const other = await openDevice();
    expect(() => other.run(affine(1), [x, x])).toThrow('affine: x is on another device');
    other.destroy();
  });

  test('that no binding shares a buffer with one that is written', () => {
    expect(() => device.run(affine(1), [x, x])).toThrow(
      'internal: affine: y is written and shares a buffer with x',
    );
  });

  test('that there are not too many of them', () => {
    const most = device.limits.maxStorageBuffersPerShaderStage;
    const bindings = Array.from({ length: most + 1 }, (_, i) => ({
      name: `x${i}`,
      dtype: 'f32' as const,
      access: 'read' as const,
    }));
    expect(() => device.run({ ...affine(1), code: 'many', bindings }, Array(most + 1).fill(x))).toThrow(
      `affine: ${most + 1} buffers, but this adapter binds at most ${most}`,
    );
  });

  test('that a binding is within the limit', async () => {
    const small = await openDevice({ limits: { maxStorageBufferBindingSize: 2 ** 27 } });
    const tensors = [2 ** 25, 2 ** 25 + 4].map((size) => Tensor.empty(small, [size], 'f32', 'logits'));
    expect(() => small.run(affine(1), tensors)).toThrow(
      'affine: y, logits f32 [33554436], has 134217744 bytes; this adapter binds at most 134217728',
    );
    small.destroy();
  });
});

test('errors of WebGPU itself reject the next wait, once', async () => {
  device.gpu.createBuffer({ label: 'odd', size: 4, usage: 0x1 | 0x2 });
  await expect(device.sync()).rejects.toThrow(/webgpu: .*odd/s);
  await device.sync();
});

describe('a lost device', () => {
  test('rejects what is waited for and refuses what comes', async () => {
    const lost = await openDevice();
    const x = Tensor.from(lost, [1]);
    const pending = x.read();
    lost.gpu.destroy();
    await expect(pending).rejects.toThrow(DeviceLostError);
    await expect(x.read()).rejects.toThrow(DeviceLostError);
    await expect(lost.sync()).rejects.toThrow(DeviceLostError);
    expect(() => lost.run(affine(1), [x, x])).toThrow(DeviceLostError);
    expect(() => Tensor.from(lost, [1])).toThrow(DeviceLostError);
    const error = await lost.lost;
    expect(error.reason).toBe('destroyed');
    expect(error.message).toMatch(/^device: lost \(destroyed\)/);
  });
});
