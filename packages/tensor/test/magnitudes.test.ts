// Products, convolutions and attention, in every variant: NaN and infinity pass as in the reference, and large
// operands do not overflow on the way to a result that fits.
import { type Case, type Fill, fill, type NDArray, spec } from '@moviegen/kernels';
import { scopeAsync } from '@moviegen/tensor';
import {
  caseReference,
  caseVariants,
  compareArrays,
  prepareCase,
  uploadOperands,
} from '@moviegen/tensor/checks';
import { testDevice } from '@moviegen/testing/device';
import { expect, test } from 'vitest';

const device = await testDevice();
const { f16, software } = device.target;
// A software adapter with f16 is there for f16 alone: it compiles slowly.
const types = f16 ? (software ? (['f16'] as const) : (['f32', 'f16'] as const)) : (['f32'] as const);

type Shapes = Readonly<Record<string, readonly [shape: readonly number[], fill?: Fill]>>;

function use(op: string, shapes: Shapes, options: Case['options'] = {}): Case {
  const inputs = Object.fromEntries(
    Object.entries(shapes).map(([name, [shape, how = 'normal']]) => [name, spec(shape, how)]),
  );
  const tolerance = { f32: 2e-5, f16: 8e-3, why: 'sums in f32; f16 rounds operands and result' };
  return { op, name: op, inputs, options, tolerance, flops: 0, bytes: 0, use: 'test' };
}

/** Runs every variant in every type against the reference, on operands that `change` has touched. */
async function check(item: Case, change: (operands: Record<string, NDArray>) => void = () => undefined) {
  for (const dtype of types) {
    const operands = Object.fromEntries(
      Object.entries(item.inputs).map(([name, one], k) => [name, fill({ ...one, dtype }, 77 + k)]),
    );
    change(operands);
    for (const [name, array] of Object.entries(operands)) {
      const stored = uploadOperands(device, { [name]: array })[name]!;
      operands[name] = { ...array, data: await stored.read() }; // as halves hold it
      stored.dispose();
    }
    const expected = caseReference(item, operands).data;
    for (const variant of caseVariants(device, item, dtype)) {
      const got = await scopeAsync(device, () => {
        return prepareCase(device, item, uploadOperands(device, operands), { dtype, variant })().read();
      });
      const { error, index, got: value, expected: right } = compareArrays(got, expected);
      const where = `${item.op} ${dtype} ${variant}: at ${index} got ${value}, expected ${right}`;
      expect(error, where).toBeLessThanOrEqual(item.tolerance[dtype]);
      if (dtype === 'f16')
        expect(Math.max(...Array.from(expected, Math.abs).filter(Number.isFinite))).toBeLessThan(65504);
    }
  }
}

const conv = { layout: 'channels-last', packed: true, padding: 1 };

test.each([
  use('matmul', { a: [[11, 20]], b: [[20, 12]] }),
  use('linear', { x: [[11, 20]], weight: [[12, 20]], residual: [[11, 12]] }, { packed: true }),
  use('swiglu', { x: [[11, 20]], w1: [[12, 20]], w3: [[12, 20]] }),
  use('conv2d', { x: [[1, 4, 5, 8]], weight: [[12, 8, 3, 3]] }, conv),
  use('attention', { q: [[1, 11, 16]], k: [[1, 9, 16]], v: [[1, 9, 16]] }, { heads: 2 }),
])('NaN and infinity pass through $op', async (item) => {
  await check(item, (operands) => {
    const [first, , third] = Object.values(operands);
    first!.data[21] = Number.NaN;
    first!.data[67] = Number.POSITIVE_INFINITY;
    if (item.op === 'attention') third!.data[5] = Number.NaN;
  });
});

const large = { normalTimes: 1e4 } as const;

test.each([
  // products of about 1e5, which halves do not hold, and a gate that brings the result back
  use(
    'linear',
    { x: [[11, 64], large], weight: [[12, 64]], gate: [[12], { normalTimes: 0.01 }] },
    { packed: true },
  ),
  use('swiglu', { x: [[11, 64], large], w1: [[12, 64]], w3: [[12, 64], { normalTimes: 2e-6 }] }),
  use('matmul', { a: [[11, 64], large], b: [[64, 12], { normalTimes: 0.1 }] }),
  use('conv2d', { x: [[1, 4, 5, 8], large], weight: [[12, 8, 3, 3], { normalTimes: 0.1 }] }, conv),
  // scores of about 1e5 before they are scaled; values near 1e4 whose weighted sums exceed halves before the division
  use(
    'attention',
    {
      q: [[1, 11, 32], { normalTimes: 300 }],
      k: [[1, 40, 32], { normalTimes: 100 }],
      v: [[1, 40, 32], large],
    },
    { heads: 2, scale: 2e-5 },
  ),
])('large operands of $op give a result that fits', (item) => check(item));

test('growing scores: a row’s largest score rises by more than e^8 from tile to tile', () =>
  check(
    use(
      'attention',
      { q: [[1, 20, 16], 'ones'], k: [[1, 70, 16], 'ones'], v: [[1, 70, 16]] },
      { heads: 1, scale: 1 },
    ),
    ({ k }) => {
      for (let i = 0; i < k!.data.length; i++) k!.data[i] = Math.floor(i / 16) / 16; // scores 0, 1, 2 ... 69
    },
  ));
