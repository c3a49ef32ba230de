// Every case of the list, with every variant that this adapter can run, against the CPU reference.
import { type Case, cases } from '@moviegen/kernels';
import { caseTolerance, caseVariants, checkCase, scopeAsync } from '@moviegen/tensor';
import { describe, expect, test } from 'vitest';
import { testDevice } from './device.ts';

const device = await testDevice();
const types = device.target.f16 ? (['f32', 'f16'] as const) : (['f32'] as const);

const tested = new Map<string, Case[]>();
for (const item of cases) {
  if (item.use === 'bench') continue;
  const list = tested.get(item.op) ?? [];
  tested.set(item.op, list);
  list.push(item);
}

describe.each([...tested])('%s', (_, list) => {
  test.each(list.map((item): [string, Case] => [item.name, item]))('%s', async (_, item) => {
    for (const dtype of types) {
      for (const variant of [undefined, ...caseVariants(device, item)]) {
        const { error, index, got, expected } = await scopeAsync(device, () =>
          checkCase(device, item, { dtype, variant }),
        );
        const where = `${dtype}, variant ${variant ?? 'chosen'}: at ${index} got ${got}, expected ${expected}`;
        expect(error, where).toBeLessThanOrEqual(caseTolerance(item, dtype));
      }
    }
  });
});

test('names are unique within an op', () => {
  const names = cases.map(({ op, name }) => `${op} ${name}`);
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
});
