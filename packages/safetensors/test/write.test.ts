import { describe, expect, test } from 'vitest';
import { Safetensors, serialize, serializeChunks } from '../src/index.ts';

// Written by the official library (Python package safetensors 0.8.0, safetensors.numpy.save).
const OFFICIAL =
  'CAIAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJwdCJ9LCJjb3VudCI6eyJkdHlwZSI6Ikk2NCIsInNoYXBlIjpbXSwiZGF0YV9vZmZzZXRzIjpbMCw4XX0sImIud2VpZ2h0Ijp7ImR0eXBlIjoiRjMyIiwic2hhcGUiOlsyLDJdLCJkYXRhX29mZnNldHMiOls4LDI0XX0sImVtcHR5Ijp7ImR0eXBlIjoiRjMyIiwic2hhcGUiOlswLDRdLCJkYXRhX29mZnNldHMiOlsyNCwyNF19LCJhLndlaWdodCI6eyJkdHlwZSI6IkYxNiIsInNoYXBlIjpbM10sImRhdGFfb2Zmc2V0cyI6WzI0LDMwXX0sInF1b3RlXCJcbsOpf1x1MDAwMSI6eyJkdHlwZSI6IlU4Iiwic2hhcGUiOlsxXSwiZGF0YV9vZmZzZXRzIjpbMzAsMzFdfSwi77+9Ijp7ImR0eXBlIjoiVTgiLCJzaGFwZSI6WzFdLCJkYXRhX29mZnNldHMiOlszMSwzMl19LCLwn5iAIjp7ImR0eXBlIjoiVTgiLCJzaGFwZSI6WzFdLCJkYXRhX29mZnNldHMiOlszMiwzM119LCJmbGFncyI6eyJkdHlwZSI6IkJPT0wiLCJzaGFwZSI6WzEsM10sImRhdGFfb2Zmc2V0cyI6WzMzLDM2XX19BwAAAAAAAAAAAAAAAACAPwAAAEAAAEBAAAAAPABAAwIBAQAB';

const tensors = {
  'b.weight': { dtype: 'F32', shape: [2, 2], data: new Float32Array([0, 1, 2, 3]) },
  'a.weight': { dtype: 'F16', shape: [3], data: new Uint16Array([0, 0x3c00, 0x4000]) },
  flags: { dtype: 'BOOL', shape: [1, 3], data: new Uint8Array([1, 0, 1]) },
  count: { dtype: 'I64', shape: [], data: new BigInt64Array([7n]) },
  empty: { dtype: 'F32', shape: [0, 4], data: new Float32Array(0) },
  '\u{1f600}': { dtype: 'U8', shape: [1], data: new Uint8Array([1]) },
  '\ufffd': { dtype: 'U8', shape: [1], data: new Uint8Array([2]) },
  'quote"\n\u00e9\x7f\x01': { dtype: 'U8', shape: [1], data: new Uint8Array([3]) },
} as const;

async function joined(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of chunks) parts.push(new Uint8Array(chunk));
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

test('equal to the official writer, byte for byte', () => {
  expect(Buffer.from(serialize(tensors, { format: 'pt' })).toString('base64')).toBe(OFFICIAL);
});

test('the official file reads', async () => {
  const file = await Safetensors.open(Buffer.from(OFFICIAL, 'base64'));
  expect(new Set(file.names())).toEqual(new Set(Object.keys(tensors)));
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    expect(file.dtype(name)).toBe(dtype);
    expect(file.shape(name)).toEqual(shape);
    expect(await file.read(name)).toEqual(new Uint8Array(data.buffer));
  }
});

test('pieces give the same file, and are asked for one at a time', async () => {
  const order: string[] = [];
  const later = Object.entries(tensors).map(([name, { dtype, shape, data }], i) => {
    const bytes = new Uint8Array(data.buffer);
    const whole = async () => {
      order.push(name);
      return bytes;
    };
    async function* halves() {
      order.push(name);
      yield bytes.subarray(0, 1);
      yield bytes.subarray(1);
    }
    return [name, { dtype, shape, data: i % 2 === 0 ? whole : halves }] as const;
  });
  expect(order).toEqual([]);
  const file = await joined(serializeChunks(later, { metadata: new Map([['format', 'pt']]) }));
  expect(Buffer.from(file).toString('base64')).toBe(OFFICIAL);
  expect(order.slice(0, 2)).toEqual(['count', 'b.weight']);
});

describe('what no file can hold', () => {
  const u8 = (shape: readonly number[], bytes: number) =>
    ({ dtype: 'U8', shape, data: new Uint8Array(bytes) }) as const;
  const cases: [string, () => unknown, string][] = [
    [
      'wrong data',
      () => serialize({ a: u8([2], 3) }),
      'tensor "a": its data disagrees with U8 [2]: got 3 bytes, expected 2',
    ],
    [
      'a name twice',
      () =>
        serialize([
          ['a', u8([1], 1)],
          ['a', u8([1], 1)],
        ]),
      'tensor "a" appears twice',
    ],
    [
      'the reserved name',
      () => serialize({ __metadata__: u8([1], 1) }),
      'tensor "__metadata__": the name is taken by the format: got __metadata__, expected another name',
    ],
    [
      'half a surrogate pair',
      () => serialize({ '\ud800': u8([1], 1) }),
      'tensor "\\ud800": the name is not valid Unicode: got half a surrogate pair',
    ],
    [
      'a size of 1.5',
      () => serialize({ a: u8([1.5], 1) }),
      'tensor "a": not a size in shape: got 1.5, expected an integer of 0 or more',
    ],
    [
      'an odd number of F4',
      () => serialize({ a: { dtype: 'F4', shape: [3], data: new Uint8Array(2) } }),
      'tensor "a": its elements do not fill whole bytes: got F4 [3]',
    ],
    [
      'more bytes than there are numbers',
      () => serialize({ a: u8([2 ** 30, 2 ** 30], 1) }),
      'tensor "a": the file would be too large for JavaScript to count its bytes exactly',
    ],
    [
      'metadata that is not text',
      () => serialize({}, { a: 1 } as unknown as Record<string, string>),
      'metadata "a" is not a string: got number, expected text',
    ],
    [
      'a header beyond 100 MB',
      () => serialize({}, { a: 'x'.repeat(100_000_000) }),
      'the header is too large: got 100,000,032 bytes, expected at most 100,000,000',
    ],
  ];
  for (const [what, write, message] of cases) {
    test(what, () => expect(write).toThrow(`safetensors serialize: ${message}`));
  }
});
