import { Safetensors, serialize } from '@moviegen/safetensors';
import { expect, test } from 'vitest';
import { inspect, inspectionTable } from '../src/checkpoint/inspect.ts';

const file = await Safetensors.open(
  serialize(
    [
      ['layers.0.weight', { dtype: 'F32', shape: [20, 30], data: new Float32Array(600) }],
      ['scale', { dtype: 'F16', shape: [], data: new Uint16Array(1) }],
      ['\u001b[2Jred\u202e', { dtype: 'F16', shape: [0, 3], data: new Uint16Array(0) }],
    ],
    { format: 'pt', note: 'two\nlines "quoted" \\' },
  ),
);

test('as data', () => {
  const inspection = inspect(file);
  expect(JSON.parse(JSON.stringify(inspection))).toEqual({
    metadata: { format: 'pt', note: 'two\nlines "quoted" \\' },
    tensors: [
      { name: 'layers.0.weight', dtype: 'F32', shape: [20, 30], bytes: 2400 },
      { name: '\u001b[2Jred\u202e', dtype: 'F16', shape: [0, 3], bytes: 0 },
      { name: 'scale', dtype: 'F16', shape: [], bytes: 2 },
    ],
    total: { tensors: 3, parameters: 601, bytes: 2402 },
    byDtype: [
      { dtype: 'F32', tensors: 1, parameters: 600, bytes: 2400 },
      { dtype: 'F16', tensors: 2, parameters: 1, bytes: 2 },
    ],
  });
});

test('as a table, harmless to a terminal', () => {
  expect(inspectionTable(inspect(file)).split('\n')).toEqual([
    'name                dtype  shape     bytes',
    'layers.0.weight     F32    [20, 30]  2,400',
    '\\u001b[2Jred\\u202e  F16    [0, 3]        0',
    'scale               F16    []            2',
    '',
    'metadata',
    '  format: pt',
    '  note: two\\nlines "quoted" \\',
    '',
    'F32: 1 tensor, 600 parameters, 2,400 bytes (2.4 kB)',
    'F16: 2 tensors, 1 parameters, 2 bytes (2 B)',
    'total: 3 tensors, 601 parameters, 2,402 bytes (2.4 kB)',
  ]);
});

test('a file without tensors', async () => {
  const empty = inspect(await Safetensors.open(serialize({})));
  expect(inspectionTable(empty).split('\n')).toEqual([
    'name  dtype  shape  bytes',
    '',
    'total: 0 tensors, 0 parameters, 0 bytes (0 B)',
  ]);
});
