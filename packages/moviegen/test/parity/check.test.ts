// The checker itself: it names the first tensor that differs, and no tensor passes unchecked. It needs no device.

import { serialize } from '@moviegen/safetensors';
import type { Device } from '@moviegen/tensor';
import { expect, test } from 'vitest';
import {
  checkFixture,
  compareTensors,
  describeReport,
  type FixtureFiles,
  openFixture,
  type ParityModel,
  type Report,
} from '../../src/parity/parity.ts';

const reference: Record<string, number[]> = {
  'input.x': [1, 2, 3, 4],
  first: [2, 4, 6, 8],
  second: [0, 0, 100, 0],
  'output.y': [1, 1, 1, 1],
};
const record = {
  name: 'tiny',
  model: 'fake',
  config: { factor: 2 },
  cases: [{ name: 'one', file: 'one.safetensors', args: {}, order: Object.keys(reference) }],
};

function folder(fixture: unknown = record): FixtureFiles {
  const floats = (values: number[]) => ({
    dtype: 'F32' as const,
    shape: [2, 2],
    data: new Float32Array(values),
  });
  const tensors = Object.fromEntries(
    Object.entries(reference).map(([name, values]) => [name, floats(values)]),
  );
  const files: Record<string, () => Uint8Array<ArrayBuffer>> = {
    'tiny/fixture.json': () => new TextEncoder().encode(JSON.stringify(fixture)),
    'tiny/one.safetensors': () => serialize(tensors),
  };
  return {
    folders: async () => ['tiny'],
    read: async (path) => files[path]?.() ?? Promise.reject(new Error(`no ${path}`)),
  };
}

/** A model that reports the reference's values, or others for some names; `undefined` reports nothing. */
async function check(others: Record<string, number[] | undefined>, shape = [2, 2]) {
  const model: ParityModel = {
    run(given, report: Report) {
      for (const name of given.order.toReversed()) {
        const data = name in others ? others[name] : reference[name];
        if (data) report(name, { shape, data });
      }
    },
    dispose() {},
  };
  for await (const report of checkFixture({} as Device, folder(), 'tiny', async () => model)) return report;
  throw new Error('no report');
}

test('all tensors agree', async () => {
  const report = await check({ second: [0, 0, 100.005, 0] });
  expect(report).toMatchObject({
    fixture: 'tiny',
    case: 'one',
    compared: 3,
    unreported: [],
    first: undefined,
  });
  expect(report.worst).toMatchObject({ tensor: 'second', index: [1, 0] });
  expect(report.worst!.difference).toBeCloseTo(5e-5, 9);
  expect(describeReport(report)).toBe('tiny/one: 3 tensors agree, largest difference 5.0e-5 in second');
});

test("the first that differs is named, in the reference's order, not that of the reports", async () => {
  const report = await check({ second: [0, 0, 100.02, 0], 'output.y': [9, 1, 1, 1] });
  expect(report.first).toMatchObject({ tensor: 'second', index: [1, 0], got: 100.02, expected: 100 });
  expect(report.worst).toMatchObject({ tensor: 'output.y', index: [0, 0] });
  expect(describeReport(report)).toBe(
    'tiny/one: second is the first to differ, by 2.0e-4 of its largest value, most at [1, 0]: got 100.02, expected 100',
  );
});

test('what is not finite, of another shape or not reported differs', async () => {
  expect((await check({ second: [0, 0, Number.NaN, 0] })).first).toMatchObject({
    tensor: 'second',
    index: [1, 0],
  });
  expect((await check({ first: [2, 4, Number.POSITIVE_INFINITY, 8] })).first?.tensor).toBe('first');
  expect(describeReport(await check({}, [4, 1]))).toBe(
    'tiny/one: first: its shape is [4, 1], expected [2, 2]',
  );
  expect(describeReport(await check({ 'output.y': undefined }))).toContain(
    'output.y: the model does not report it',
  );
  expect((await check({ first: undefined })).unreported).toEqual(['first']);
});

test('zeros are held to an absolute bound', () => {
  const zeros = { shape: [2], data: [0, 0] };
  expect(compareTensors('x', { shape: [2], data: [0, 5e-5] }, zeros).difference).toBeCloseTo(5e-5);
  expect(compareTensors('x', zeros, zeros).difference).toBe(0);
});

test('a folder that is not a fixture is named', async () => {
  await expect(openFixture(folder({ ...record, model: 3 }), 'tiny')).rejects.toThrow(
    'must hold model and cases',
  );
  await expect(openFixture(folder({ ...record, cases: [{ name: 'one' }] }), 'tiny')).rejects.toThrow(
    'must hold',
  );
  const fixture = await openFixture(folder(), 'tiny');
  expect(fixture).toMatchObject({ name: 'tiny', model: 'fake', config: { factor: 2 }, cases: ['one'] });
  await expect(fixture.open('two')).rejects.toThrow('no case "two"');
  await expect(fixture.weights()).rejects.toThrow('holds none of weights.safetensors');
  expect((await fixture.open('one')).values('first').shape).toEqual([2, 2]);
});
