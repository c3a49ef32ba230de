// NaN and infinities in every operand of every op of the case list: they arrive where the CPU reference has them, which
// follows PyTorch. How near finite numbers are is the matter of ops.test.ts.
import { type Case, cases } from '@moviegen/kernels';
import * as ops from '@moviegen/tensor';
import { scopeAsync, Tensor } from '@moviegen/tensor';
import {
  caseOperands,
  caseReference,
  caseVariants,
  prepareCase,
  uploadOperands,
} from '@moviegen/tensor/checks';
import { testDevice } from '@moviegen/testing/device';
import { describe, expect, test } from 'vitest';

const device = await testDevice();
const { f16, software } = device.target;
// A software adapter with f16 is there for f16 alone.
const dtype = f16 && software ? 'f16' : 'f32';
const [inf, nan] = [Number.POSITIVE_INFINITY, Number.NaN];

const tested = cases.filter(({ use, inputs }) => use !== 'bench' && Object.keys(inputs).length > 0);
const seen = new Set<string>();

/** The chosen variant, and each other one with the first case of its op that has it. */
const variantsOf = (item: Case): (string | undefined)[] => {
  const unseen = caseVariants(device, item, dtype).filter((name) => !seen.has(`${item.op} ${name}`));
  for (const name of unseen) seen.add(`${item.op} ${name}`);
  return [undefined, ...unseen];
};

const kind = (v: number): string => (Number.isFinite(v) ? 'finite' : String(v));

/** Column of an element in a head of v or of the result, whose last axis has this many heads. */
const columnOf = (i: number, width: number, heads: number): number => i % (width / heads);

describe.each([...new Set(tested.map(({ op }) => op))])('%s', (op) => {
  const list = tested.filter((item) => item.op === op);
  test.each(list.map((item): [string, Case] => [item.name, item]))('%s', async (_, item) => {
    const operands = caseOperands(item, { dtype });
    const floats = Object.entries(operands).filter(([, { dtype: type }]) => type === 'f32' || type === 'f16');
    const variants = variantsOf(item);
    for (const [name, array] of floats) {
      for (const value of [nan, inf, -inf]) {
        const place = Math.floor((array.data.length * 2) / 3);
        const given = { ...operands, [name]: { ...array, data: array.data.with(place, value) } };
        const { data: expected, shape } = caseReference(item, given);
        for (const variant of variants) {
          const got = await scopeAsync(device, () =>
            prepareCase(device, item, uploadOperands(device, given), { dtype, variant })().read(),
          );
          // The tiles of an attention multiply values that a query does not see by 0, as PyTorch does.
          const mayBeNaN = (i: number) => {
            if (op !== 'attention' || name !== 'v' || !Number.isNaN(got[i]!)) return false;
            const { heads, keyHeads = heads } = item.options as { heads: number; keyHeads?: number };
            const head = columnOf(i, shape[2]!, heads);
            return head === columnOf(place, array.shape[2]!, item.options.columns ? 3 * heads : keyHeads);
          };
          const at = got.findIndex((v, i) => kind(v) !== kind(expected[i]!) && !mayBeNaN(i));
          const where = `${name} ${value} at ${place}, variant ${variant}: at ${at} got ${got[at]}`;
          expect(at, `${where}, expected ${expected[at]}`).toBe(-1);
        }
      }
    }
  });
});

test('what PyTorch gives, said by hand', async () => {
  const read = async (op: (x: Tensor) => Tensor, ...x: number[]) => [
    ...(await op(Tensor.from(device, x)).read()),
  ];
  expect(await read(ops.exp, nan, inf, -inf, 100, -200)).toEqual([nan, inf, 0, inf, 0]);
  expect(await read(ops.sqrt, nan, inf, -1)).toEqual([nan, inf, nan]);
  expect(await read(ops.relu, nan, inf, -inf)).toEqual([nan, inf, 0]);
  expect(await read(ops.silu, nan, inf, -inf)).toEqual([nan, inf, nan]);
  expect(await read((x) => ops.clamp(x, -1, 1), nan, inf, -inf)).toEqual([nan, 1, -1]);
  expect(await read((x) => ops.max(x), 1, nan, inf)).toEqual([nan]);
  expect(await read((x) => ops.softmax(x), 1, -inf)).toEqual([1, 0]);
  expect(await read((x) => ops.softmax(x), 1, inf)).toEqual([nan, nan]);
  const sigmoid = (x: Tensor) => ops.div(1, ops.add(1, ops.exp(ops.mul(x, -1))));
  expect(await read(sigmoid, nan, inf, -inf)).toEqual([nan, 1, 0]);
});

test('a subnormal number stays itself or becomes 0', async () => {
  const tiny = Math.fround(1e-40);
  const x = Tensor.from(device, [tiny, -tiny]);
  for (const y of [ops.add(x, 0), ops.mul(x, 1), ops.relu(x), ops.clamp(x, -1, 1), ops.permute(x, [0])]) {
    const [up, down] = await y.read();
    expect([0, tiny]).toContain(up);
    expect([0, tiny]).toContain(Math.abs(down!));
  }
});
