import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { dryDevice, keep, OutOfMemoryError, scope, scopeAsync, Tensor } from '@moviegen/tensor';
import { openDevice } from '@moviegen/tensor/node';
import { afterAll, describe, expect, test } from 'vitest';
import { sizeClass } from '../src/gpu/pool.ts';
import { affine } from './kernels.ts';

const device = await openDevice();
afterAll(() => device.destroy());

/** Runs `fn` and says how much more memory is in use after it. */
function growth(fn: () => void): number {
  const before = device.memory().used;
  fn();
  return device.memory().used - before;
}

describe('size classes', () => {
  test('hold what they must and waste at most a sixteenth above 4 KiB', () => {
    for (let bytes = 1; bytes < 1e9; bytes = Math.ceil(bytes * 1.01)) {
      const size = sizeClass(bytes);
      expect(size).toBeGreaterThanOrEqual(bytes);
      expect(size % 256).toBe(0);
      if (bytes > 4096) expect(size - bytes).toBeLessThan(Math.min(bytes / 16, 2 ** 20));
      expect(sizeClass(size)).toBe(size);
    }
  });
});

describe('memory', () => {
  test('counts every byte', () => {
    device.trim();
    const before = device.memory();
    expect(before.allocated).toBe(before.used + before.pooled + 64 * 1024); // the uniforms
    const x = Tensor.empty(device, [1024, 1024]);
    const y = Tensor.empty(device, [10]);
    const during = device.memory();
    expect(during.used - before.used).toBe(4 * 2 ** 20 + 256);
    expect(during.allocated - before.allocated).toBe(4 * 2 ** 20 + 256);
    expect(during.buffers - before.buffers).toBe(2);
    x.dispose();
    y.dispose();
    expect(device.memory()).toMatchObject({
      used: before.used,
      pooled: 4 * 2 ** 20 + 256,
      peak: during.allocated,
    });
    device.trim();
    expect(device.memory()).toMatchObject({
      pooled: 0,
      buffers: before.buffers,
      allocated: before.allocated,
    });
    device.resetPeak();
    expect(device.memory().peak).toBe(before.allocated);
  });

  test('reuses released buffers', () => {
    Tensor.empty(device, [1000]).dispose();
    const { allocated } = device.memory();
    for (let i = 0; i < 100; i++) Tensor.empty(device, [1000 - (i % 20)]).dispose();
    expect(device.memory().allocated).toBe(allocated);
  });

  test('stays within its budget, giving pooled buffers back before it fails', async () => {
    const small = await openDevice({ memoryLimit: 2 ** 20 });
    Tensor.empty(small, [200_000]).dispose();
    const x = Tensor.empty(small, [150_000]); // fits once the pooled 200,000 go
    let error: unknown;
    try {
      Tensor.empty(small, [150_000], 'f32', 'activations');
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(OutOfMemoryError);
    expect(String(error)).toMatch(
      /activations: out of memory: needs \d+ bytes, but \d+ of memoryLimit=1048576 are in use/,
    );
    expect((error as OutOfMemoryError).bytes).toBeGreaterThanOrEqual(600_000);
    x.dispose();
    Tensor.empty(small, [150_000]);
    small.destroy();
  });

  test('memory that the adapter refuses rejects the next wait, by name, and is not pooled', async () => {
    const software = await openDevice({ adapter: 'swiftshader' });
    const { gpu } = software;
    const create = gpu.createBuffer.bind(gpu);
    gpu.createBuffer = (descriptor) => create({ ...descriptor, size: 2 ** 30 }); // within its limits, but refused
    const x = Tensor.empty(software, [2 ** 28 - 64], 'f32', 'video');
    gpu.createBuffer = create;
    const error = await software.sync().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(OutOfMemoryError);
    expect(String(error)).toMatch(/video: out of memory: no room for 1073741568 bytes/);
    expect((error as OutOfMemoryError).bytes).toBe(2 ** 30 - 256);
    x.dispose();
    expect(software.memory()).toMatchObject({ used: 0, pooled: 0 });
    const y = Tensor.from(software, [1]);
    expect(await y.item()).toBe(1);
    software.destroy();
  });

  test('the pool makes room for other sizes once it holds much', () => {
    const before = device.memory();
    const sizes = Array.from({ length: 40 }, (_, i) => 2 ** 22 + i * 2 ** 19); // 16 to 94 MiB: 2.2 GiB in all
    for (const size of sizes) Tensor.empty(device, [size]).dispose();
    expect(device.memory().peakUsed).toBe(before.used + 4 * sizes.at(-1)!);
    expect(device.memory().peak).toBeLessThan(1.25 * device.memory().peakUsed + 257 * 2 ** 20);
    device.trim();
    device.resetPeak();
  });

  test('what the pool keeps beyond what was needed does not grow with a large model', async () => {
    const dry = await dryDevice();
    const GIB = 2 ** 30;
    const weights = Array.from({ length: 40 }, () => Tensor.empty(dry, [GIB / 4], 'f32'));
    for (let megabytes = 1000; megabytes < 1020; megabytes++)
      Tensor.empty(dry, [(megabytes * 2 ** 20) / 4], 'f32').dispose(); // each in a class of its own
    const { used, peak, peakUsed } = dry.memory();
    expect(used).toBe(40 * GIB);
    expect(peak - peakUsed).toBeGreaterThan(GIB);
    expect(peak - peakUsed).toBeLessThanOrEqual(2.25 * GIB);
    for (const tensor of weights) tensor.dispose();
    dry.destroy();
  });

  test('a tensor larger than any device is refused by name', () => {
    const elements = 1025 * Math.floor(device.limits.maxBufferSize / 4);
    expect(() => Tensor.empty(device, [elements], 'f32', 'huge')).toThrow(OutOfMemoryError);
    expect(() => Tensor.empty(device, [elements], 'f32', 'huge')).toThrow(/huge: needs \d+ bytes/);
  });
});

describe('a tensor that nobody can reach', () => {
  const collect = async (): Promise<void> => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    for (let i = 0; i < 3; i++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      gc();
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  };

  test('gives its memory back, once, and not while a view of it lives', async () => {
    const { used } = device.memory();
    const view = (() => {
      Tensor.empty(device, [1000]);
      scope(device, () => keep(Tensor.empty(device, [2000])));
      scope(device, () => scope(device, () => Tensor.empty(device, [3000])));
      Tensor.empty(device, [4000]).dispose();
      return Tensor.from(device, [1, 2, 3, 4], [4]).reshape([2, 2]);
    })();
    await collect();
    expect(device.memory().used - used).toBe(256);
    expect([...(await view.read())]).toEqual([1, 2, 3, 4]);
    view.dispose();
    await collect();
    expect(device.memory().used).toBe(used);
  });
});

describe('scope', () => {
  test('releases what it made, except the result', () => {
    let inner: Tensor | undefined;
    const grown = growth(() => {
      const kept = scope(device, () => {
        inner = Tensor.empty(device, [1000]);
        inner.reshape([10, 100]);
        return Tensor.empty(device, [64]);
      });
      expect(inner!.disposed).toBe(true);
      expect(kept.disposed).toBe(false);
      kept.dispose();
    });
    expect(grown).toBe(0);
  });

  test('lets tensors out of arrays, objects, instances, maps and sets', () => {
    class Pair {
      readonly a = Tensor.empty(device, [1]);
      readonly b = [Tensor.empty(device, [1])];
    }
    const grown = growth(() => {
      const result = scope(device, () => ({
        list: [Tensor.empty(device, [1]), 3, null],
        pair: new Pair(),
        map: new Map([['x', Tensor.empty(device, [1])]]),
        set: new Set([Tensor.empty(device, [1])]),
      }));
      const all = [
        result.list[0] as Tensor,
        result.pair.a,
        result.pair.b[0]!,
        result.map.get('x')!,
        ...result.set,
      ];
      expect(all.map((tensor) => tensor.disposed)).toEqual(Array(5).fill(false));
      for (const tensor of all) tensor.dispose();
    });
    expect(grown).toBe(0);
  });

  test('nests: what escapes the inner one belongs to the outer one', () => {
    let escaped: Tensor | undefined;
    scope(device, () => {
      escaped = scope(device, () => Tensor.empty(device, [1]));
      expect(escaped.disposed).toBe(false);
    });
    expect(escaped!.disposed).toBe(true);
  });

  test('keep takes a tensor out of all scopes', () => {
    let kept: Tensor | undefined;
    scope(device, () => {
      scope(device, () => {
        kept = keep(Tensor.empty(device, [1]));
      });
    });
    expect(kept!.disposed).toBe(false);
    kept!.dispose();
  });

  test('does not release what came from outside', () => {
    const x = Tensor.empty(device, [1]);
    expect(scope(device, () => x)).toBe(x);
    expect(x.disposed).toBe(false);
    x.dispose();
  });

  test('releases everything where fn throws', async () => {
    const before = device.memory().used;
    const fail = (): never => {
      Tensor.empty(device, [1000]);
      throw new Error('no');
    };
    expect(() => scope(device, fail)).toThrow('no');
    await expect(scopeAsync(device, async () => fail())).rejects.toThrow('no');
    expect(device.memory().used).toBe(before);
  });

  test('works across awaits, and refuses a promise where it cannot', async () => {
    const before = device.memory().used;
    const sum = await scopeAsync(device, async () => {
      const x = Tensor.from(device, [1, 2]);
      const [a, b] = await x.read();
      Tensor.empty(device, [50]);
      return a! + b!;
    });
    expect(sum).toBe(3);
    expect(device.memory().used).toBe(before);
    expect(() => scope(device, async () => 1)).toThrow('use scopeAsync');
  });

  test('finds scopes that interleave', async () => {
    let finish = (): void => undefined;
    const first = scopeAsync(device, () => new Promise<void>((resolve) => (finish = resolve)));
    const second = scopeAsync(device, () => new Promise<void>((resolve) => setTimeout(resolve, 20)));
    finish();
    await expect(first).rejects.toThrow('scope: ended while a younger scope of the same device is open');
    await second;
  });

  test('reuses a buffer within one batch without disturbing its last reader', async () => {
    const x = Tensor.from(device, [1]);
    const y = scope(device, () => {
      let value = x;
      for (let i = 0; i < 20; i++) {
        const next = scope(device, () => {
          const out = Tensor.empty(device, [1]);
          device.run(affine(1, 0), [value, out]);
          return out;
        });
        if (value !== x) value.dispose();
        value = next;
      }
      return value;
    });
    expect(await y.item()).toBe(2 ** 20);
    x.dispose();
    y.dispose();
  });
});
