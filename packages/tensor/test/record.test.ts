import { ShaderError, scope, scopeAsync, Tensor } from '@moviegen/tensor';
import { openDevice } from '@moviegen/tensor/node';
import { afterAll, describe, expect, test } from 'vitest';
import { affine } from './kernels.ts';

const device = await openDevice({ submit: { maxDispatches: 5 } }); // so that a replay spans submits
afterAll(() => device.destroy());

/** `times` times 2 x + add, each result releasing the one before. */
function chain(x: Tensor, times: number, add = 1): Tensor {
  let value = x;
  for (let i = 0; i < times; i++) {
    const next = Tensor.empty(device, x.shape);
    device.run(affine(x.size, add), [value, next]);
    if (value !== x) value.dispose();
    value = next;
  }
  return value;
}

describe('record', () => {
  test('runs nothing until it is run, then with the inputs of the moment', async () => {
    const x = Tensor.from(device, [1]);
    const recording = device.record(() => chain(x, 3));
    recording.run();
    expect(await recording.result.item()).toBe(15);
    x.write([2]);
    expect(await recording.run().item()).toBe(23);
    expect(await recording.result.item()).toBe(23); // reading does not run
    recording.destroy();
    x.dispose();
  });

  test('keeps the uniforms of every dispatch apart, recorded and not', async () => {
    const x = Tensor.from(device, [1]);
    const work = () => Array.from({ length: 12 }, (_, i) => chain(x, 1, i));
    const expected = Array.from({ length: 12 }, (_, i) => 2 + i);
    const recording = device.record(work);
    for (const results of [recording.run(), work()]) {
      expect(await Promise.all(results.map((result) => result.item()))).toEqual(expected);
    }
    recording.destroy();
    x.dispose();
  });

  test('shares memory between intermediates, and takes none while replaying', async () => {
    const x = Tensor.from(device, new Float32Array(100));
    const recording = device.record(() => chain(x, 20));
    expect(recording.size.dispatches).toBe(20);
    expect(recording.size.bytes).toBe(2 * 512);
    recording.run();
    await device.sync();
    const before = device.memory();
    for (let i = 0; i < 100; i++) recording.run();
    await device.sync();
    expect(device.memory()).toEqual(before);
    recording.destroy();
    expect(device.memory().used).toBeLessThan(before.used);
    x.dispose();
  });

  test('gives everything back', () => {
    const { used } = device.memory();
    const x = Tensor.from(device, [1]);
    const recording = device.record(() => {
      const unused = Tensor.empty(device, [9]);
      return { y: chain(x, 2), view: unused.reshape([3, 3]), x };
    });
    recording.destroy();
    recording.destroy();
    expect(recording.result.y.disposed).toBe(true);
    expect(x.disposed).toBe(false);
    expect(() => recording.run()).toThrow('recording: run after destroy');
    x.dispose();
    expect(device.memory().used).toBe(used);
  });

  test('what others hold of it outlives it', async () => {
    const { used } = device.memory();
    const x = Tensor.from(device, [3]);
    const first = device.record(() => ({ y: chain(x, 1), constant: Tensor.from(device, [40]) }));
    const second = device.record(() => [chain(first.result.y, 1), chain(first.result.constant, 1)] as const);
    const view = first.run().y.reshape([1, 1]);
    first.destroy();
    const others = Array.from({ length: 8 }, () => Tensor.from(device, [Number.NaN])); // takes what is free
    expect(await Promise.all(second.run().map((tensor) => tensor.item()))).toEqual([15, 81]);
    expect(await view.item()).toBe(7);
    second.destroy();
    for (const tensor of [view, x, ...others]) tensor.dispose();
    expect(device.memory().used).toBe(used);
  });

  test('of its result only what it made is its own', () => {
    const { used } = device.memory();
    const x = Tensor.from(device, [1]);
    const make = () => device.record(() => ({ x, view: x.reshape([1, 1]), y: chain(x, 1) }));
    const recording = scope(device, () => {
      const inner = Tensor.from(device, [2]);
      const passing = device.record(() => ({ inner, y: chain(inner, 1) }));
      passing.destroy();
      expect(inner.disposed).toBe(false);
      const made = make();
      return { made, inner };
    });
    expect(recording.inner.disposed).toBe(false);
    recording.inner.dispose();
    recording.made.result.y.dispose();
    recording.made.destroy();
    expect(recording.made.result.view.disposed).toBe(true);
    expect(x.disposed).toBe(false);
    const gone = make();
    x.dispose();
    gone.destroy();
    expect(device.memory().used).toBe(used);
  });

  test('a scope left open inside is told, and takes nothing along', async () => {
    const { used } = device.memory();
    const x = Tensor.from(device, [1]);
    await scopeAsync(device, async () => {
      const outer = Tensor.from(device, [5]);
      let end = () => {};
      let open: Promise<void> | undefined;
      expect(() =>
        device.record(() => {
          open = scopeAsync(device, () => new Promise<void>((resolve) => (end = resolve)));
          return chain(x, 1);
        }),
      ).toThrow('scope: ended while a younger scope of the same device is open');
      end();
      await open;
      expect(outer.disposed).toBe(false);
    });
    x.dispose();
    expect(device.memory().used).toBe(used);
  });

  test('keeps the inputs alive, and its own memory to itself', async () => {
    const x = Tensor.from(device, [1]);
    const recording = device.record(() => scope(device, () => chain(x, 4)));
    x.dispose();
    const others = [5, 6, 7, 8].map((value) => Tensor.from(device, [value]));
    expect(await recording.run().item()).toBe(31);
    expect(await Promise.all(others.map((other) => other.item()))).toEqual([5, 6, 7, 8]);
    recording.destroy();
    for (const other of others) other.dispose();
  });

  test('replays constants and zeros made inside', async () => {
    const recording = device.record(() => {
      const zero = Tensor.zeros(device, [1]);
      const y = scope(device, () => chain(Tensor.from(device, [3]), 3));
      const z = chain(zero, 1);
      device.run(affine(1), [y, zero]); // dirties what the next replay must clear
      return [y, z, zero];
    });
    for (let i = 0; i < 3; i++) {
      const [y, z, zero] = recording.run();
      expect([await y!.item(), await z!.item(), await zero!.item()]).toEqual([31, 1, 63]);
    }
    recording.destroy();
  });

  test('tells of a kernel that is refused, also to those who do not wait for it', async () => {
    const x = Tensor.from(device, [1]);
    const broken = { ...affine(1), code: 'fn main() {' };
    const recording = device.record(() => {
      const y = Tensor.empty(device, [1]);
      device.run(broken, [x, y]);
      return y;
    });
    await new Promise((resolve) => setTimeout(resolve, 100)); // long enough for its compilation to fail
    await expect(recording.run().read()).rejects.toThrow(ShaderError);
    await expect(recording.ready()).rejects.toThrow('affine: ');
    recording.destroy();
    x.dispose();
  });

  test('belongs to no scope', async () => {
    const x = Tensor.from(device, [1]);
    const recording = scope(device, () => device.record(() => chain(x, 1)));
    const later = Tensor.from(device, [50]);
    expect(await recording.run().item()).toBe(3);
    expect(await later.item()).toBe(50);
    recording.destroy();
    x.dispose();
  });

  test('refuses what it cannot replay, and recovers', async () => {
    const x = Tensor.from(device, [1]);
    expect(() => device.record(() => x.write([2]))).toThrow('write inside a recording');
    expect(() => device.record(() => device.record(() => 1))).toThrow('a recording is being made already');
    expect(() => device.record(() => x.read())).toThrow('record: fn returned a promise');
    let read: Promise<unknown> | undefined;
    device
      .record(() => {
        read = x.read();
      })
      .destroy();
    await expect(read).rejects.toThrow('read inside a recording');
    expect(await chain(x, 1).item()).toBe(3);
  });

  test('compiles ahead', async () => {
    const kernel = affine(1);
    const other = { ...kernel, code: `${kernel.code}\n// another text` };
    const x = Tensor.from(device, [1]);
    const y = Tensor.empty(device, [1]);
    await device.warmUp(() => device.run(other, [x, y]));
    device.run(other, [x, y]);
    expect(await y.item()).toBe(3);
    await expect(device.warmUp(() => device.run({ ...kernel, code: 'fn main() {' }, [x, y]))).rejects.toThrow(
      'affine:',
    );
  });
});

test('time measures what it runs', async () => {
  const small = Tensor.from(device, new Float32Array(1 << 6));
  const large = Tensor.from(device, new Float32Array(1 << 15));
  const measured = [
    { x: small, kernels: 1 },
    { x: large, kernels: 4 }, // one pass, too
    { x: large, kernels: 12 }, // several
  ].map((work) => ({ ...work, least: Number.POSITIVE_INFINITY }));
  // In turns, and the least of several: what else the machine does can only add.
  for (let turn = 0; turn < 8; turn++) {
    for (const work of measured) {
      const { ms, source } = await device.time(() => chain(work.x, work.kernels).dispose());
      expect(source).toBe(device.features.has('timestamp-query') ? 'gpu' : 'host');
      work.least = Math.min(work.least, ms);
    }
  }
  const [little, much, more] = measured.map(({ least }) => least) as [number, number, number];
  expect(little).toBeGreaterThan(0);
  expect(much).toBeGreaterThan(3 * little);
  expect(more).toBeGreaterThan(1.2 * much);
  small.dispose();
  large.dispose();
});
