// Operands larger than the device binds: the ops take them part by part, and their callers never see it.
import { type Case, cases } from '@moviegen/kernels';
import {
  attention,
  columns,
  concat,
  embedding,
  linear,
  pack,
  permute,
  randn,
  rmsNorm,
  scopeAsync,
  slice,
  swiglu,
  Tensor,
  upsampleNearest,
} from '@moviegen/tensor';
import { caseTolerance, checkOpCase, compareArrays } from '@moviegen/tensor/checks';
import { openDevice } from '@moviegen/tensor/node';
import { afterAll, describe, expect, test } from 'vitest';
import { caseOperands } from '../src/checks/runCase.ts';

const device = await openDevice({ label: 'small limits' });
afterAll(() => device.destroy());

/** The limits that ops keep to; what the adapter has, at first. */
const limits = device.limits as { maxStorageBufferBindingSize: number; maxBufferSize: number };
const adapters = { ...limits };

/** Runs `fn` while bindings, and buffers, may be of so many bytes only. */
async function within<T>(binding: number, fn: () => Promise<T>, buffer = adapters.maxBufferSize): Promise<T> {
  Object.assign(limits, { maxStorageBufferBindingSize: binding, maxBufferSize: buffer });
  try {
    return await scopeAsync(device, fn);
  } finally {
    Object.assign(limits, adapters);
  }
}

/** Ops that take operands of any size; the others are for images, whose models tile. */
const whole = ['conv1d', 'conv2d', 'conv3d', 'groupNorm', 'averageDown', 'repeatUp'];

describe('a third of the largest operand', () => {
  const covered = cases.filter(({ op, use }) => use !== 'bench' && !whole.includes(op));
  test.each([...new Set(covered.map(({ op }) => op))])('%s', async (op) => {
    // A few of the products' many cases: each is two or three kernels to compile.
    for (const item of covered.filter((one) => one.op === op).slice(0, 4)) {
      const bytes = Object.values(caseOperands(item)).map(({ data }) => data.byteLength);
      const largest = Math.max(...bytes);
      if (largest < 1024) continue;
      const { k } = item.inputs;
      const keys =
        k && item.op === 'attention' ? (4 * k.shape[1]! * k.shape[2]!) / Number(item.options.heads) : 0;
      const most = Math.ceil(Math.max(largest / 3, keys) / 256) * 256;
      // Bindings alone; buffers too; buffers that end within a binding's range.
      for (const buffer of [adapters.maxBufferSize, most + 1, most + 257]) {
        const { error } = await within(most, () => checkOpCase(device, item), buffer);
        expect(error, `${item.name}, buffers of ${buffer}`).toBeLessThanOrEqual(caseTolerance(item));
      }
    }
  });
});

test('the first rows of an item keep their own vectors, wherever the parts end', async () => {
  for (const item of cases.filter(({ options }) => options.early !== undefined)) {
    const largest = Math.max(...Object.values(caseOperands(item)).map(({ data }) => data.byteLength));
    for (const share of [0.2, 0.35, 0.6]) {
      const most = Math.max(1024, Math.ceil((largest * share) / 256) * 256);
      const { error } = await within(most, () => checkOpCase(device, item));
      expect(error, `${item.op} ${item.name}, ${most}`).toBeLessThanOrEqual(caseTolerance(item));
    }
  }
});

describe('heads that share keys stay together, or come alone', () => {
  const shared = cases.filter(({ op, options }) => op === 'attention' && options.keyHeads !== undefined);
  test.each(shared.map((item): [string, Case] => [item.name, item]))('%s', async (_, item) => {
    const largest = Math.max(...Object.values(caseOperands(item)).map(({ data }) => data.byteLength));
    for (const share of [0.34, 0.45, 0.7]) {
      const { error } = await within(Math.ceil((largest * share) / 256) * 256, () =>
        checkOpCase(device, item),
      );
      expect(error, `${share} of the largest`).toBeLessThanOrEqual(caseTolerance(item));
    }
  });
});

test('a weight larger than a binding is packed into several buffers, and gives the same', async () => {
  await scopeAsync(device, async () => {
    const [w1, w3, x] = [
      randn(device, [200, 96], { seed: 1 }),
      randn(device, [200, 96], { seed: 2 }),
      randn(device, [2, 5, 96], { seed: 3 }),
    ];
    const [gate, residual, bias] = [
      randn(device, [2, 400], { seed: 4 }),
      randn(device, [2, 5, 400], { seed: 5 }),
      randn(device, [400], { seed: 6 }),
    ];
    const both = async () => {
      const stacked = pack([w1, w3]);
      const gated = pack([w1, w3], { use: 'swiglu' });
      const options = { bias, gate, residual, activation: 'silu' } as const;
      const read = [linear(x, stacked, options), swiglu(x, gated)].map((tensor) => tensor.read());
      return { values: await Promise.all(read), parts: [stacked.parts?.length, gated.parts?.length] };
    };
    const expected = await both();
    const got = await within(20_000, both);
    expect(expected.parts).toEqual([undefined, undefined]);
    expect(got.parts).toEqual([8, 9]);
    for (const [i, values] of got.values.entries())
      expect(compareArrays(values, expected.values[i]!).error).toBeLessThan(1e-6);
  });
});

test('elements move as in one piece', async () => {
  const moves: Record<string, (x: Tensor) => Tensor> = {
    slice: (x) => slice(x, { start: [1, 3, 2], end: [6, 13, 31] }),
    'concat in front': (x) => concat([x, x], { axis: 0 }),
    'concat inside': (x) => concat([x, slice(x, { start: [0, 0], end: [7, 3] })], { axis: 1 }),
    permute: (x) => permute(x, [2, 0, 1]),
    upsample: (x) => upsampleNearest(x.reshape([1, 7, 15, 33]), { scale: [2, 3] }),
  };
  await scopeAsync(device, async () => {
    const x = randn(device, [7, 15, 33], { seed: 1 });
    for (const [name, move] of Object.entries(moves)) {
      const whole = [...(await move(x).read())];
      const parts = await within(1024, async () => [...(await move(x).read())]);
      expect(parts, name).toEqual(whole);
    }
  });
});

test('rows come from whichever part of a large table holds them', async () => {
  await within(2048, async () => {
    const table = randn(device, [50, 64], { seed: 1 });
    const ids = Tensor.from(device, [0, 49, 8, 7, 50, -1, 8, 31], [2, 4], { dtype: 'i32' });
    const [rows, all] = [await embedding(table, ids).read(), await table.read()];
    const expected = [0, 49, 8, 7, 50, 50, 8, 31].flatMap((id) => {
      return id < 50 ? [...all.slice(id * 64, (id + 1) * 64)] : new Array<number>(64).fill(0);
    });
    expect([...rows]).toEqual(expected);
  });
});

test('what is too large even so is said', async () => {
  await within(1024, async () => {
    const x = randn(device, [4, 1024], { seed: 1 });
    expect(() => rmsNorm(x)).toThrow('rmsNorm: one row of');
    expect(() => pack(x)).toThrow('pack: four outputs of 1024 inputs take more than the 1024 bytes');
    const [q] = [randn(device, [1, 300, 64], { seed: 1 })];
    expect(() => attention(q!, q!, q!, { heads: 1 })).toThrow('attention: the 300 keys of one head of 64');
  });
});

test('nothing is left behind', async () => {
  const { used } = device.memory();
  await within(4096, async () => {
    const x = randn(device, [2, 50, 96], { seed: 1 });
    const before = device.memory().used;
    const heads = { heads: 8 };
    for (const made of [
      attention(columns(x, 0, 32), columns(x, 32, 32), columns(x, 64, 32), heads),
      rmsNorm(x),
      concat([x, x], { axis: 1 }),
    ])
      made.dispose();
    expect(device.memory().used).toBe(before);
  });
  expect(device.memory().used).toBe(used);
});
