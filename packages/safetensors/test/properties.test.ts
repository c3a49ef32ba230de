// Properties (fast-check): what is written can be read back; a broken file always gives a SafetensorsError, and quickly.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DTYPE_BITS, DTYPES, parseIndex, Safetensors, SafetensorsError, serialize } from '../src/index.ts';
import { parseJson } from '../src/json.ts';

const text = fc.string({ unit: 'binary', maxLength: 12 });
const name = fc
  .oneof(text, fc.constantFrom('__proto__', 'constructor', '../x', 'a.weight', ' ', ''))
  .filter((n) => n !== '__metadata__');
const tensor = fc
  .tuple(fc.constantFrom(...DTYPES), fc.array(fc.nat({ max: 4 }), { maxLength: 3 }), fc.boolean())
  .map(([dtype, sizes, whole]) => ({ dtype, shape: whole ? [...sizes, 4] : [...sizes, 8] }))
  .chain(({ dtype, shape }) => {
    const bytes = (shape.reduce((a, b) => a * b, 1) * DTYPE_BITS[dtype]) / 8;
    return fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((data) => ({ dtype, shape, data }));
  });
const tensors = fc.uniqueArray(fc.tuple(name, tensor), { selector: ([n]) => n, maxLength: 6 });
const metadata = fc.option(
  fc
    .uniqueArray(fc.tuple(text, text), { selector: ([key]) => key, maxLength: 4 })
    .map((pairs) => new Map(pairs)),
  { nil: undefined },
);

test('round trip', async () => {
  await fc.assert(
    fc.asyncProperty(tensors, metadata, async (entries, meta) => {
      const bytes = serialize(entries, meta);
      expect(serialize([...entries].reverse(), meta)).toEqual(bytes);
      const file = await Safetensors.open(bytes);
      expect(new Map(Object.entries(file.metadata))).toEqual(meta ?? new Map());
      expect(new Set(file.names())).toEqual(new Set(entries.map(([n]) => n)));
      for (const [n, { dtype, shape, data }] of entries) {
        expect([file.dtype(n), file.shape(n)]).toEqual([dtype, shape]);
        expect(await file.read(n)).toEqual(new Uint8Array(data));
      }
    }),
    { numRuns: 200 },
  );
});

type Mutation = { kind: 'set' | 'insert' | 'delete' | 'cut' | 'length'; at: number; byte: number };
const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom('set', 'insert', 'delete', 'cut', 'length'),
  at: fc.nat({ max: 400 }),
  byte: fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(...Buffer.from('{}[]":,0123456789\\u-.e '))),
});

function mutate(bytes: Uint8Array, { kind, at, byte }: Mutation): Uint8Array {
  const list = [...bytes];
  if (kind === 'set') list[at % list.length] = byte;
  if (kind === 'insert') list.splice(at % list.length, 0, byte);
  if (kind === 'delete') list.splice(at % list.length, 1);
  if (kind === 'cut') list.length = at % list.length;
  if (kind === 'length' && list.length > 8) list[at % 8] = byte;
  return new Uint8Array(list.length > 0 ? list : [0]);
}

test('a mutated file opens, whole, or is refused with a SafetensorsError', async () => {
  await fc.assert(
    fc.asyncProperty(
      tensors,
      fc.array(mutation, { minLength: 1, maxLength: 4 }),
      async (entries, mutations) => {
        const bytes = mutations.reduce(mutate, serialize(entries, { format: 'pt' }) as Uint8Array);
        try {
          const file = await Safetensors.open(bytes);
          let end = 0;
          for (const { start, byteLength } of file.tensors) end = Math.max(end, start + byteLength);
          if (file.tensors.length > 0) expect(end).toBe(bytes.length);
          for (const n of file.names()) await file.read(n);
        } catch (error) {
          expect(error).toBeInstanceOf(SafetensorsError);
        }
      },
    ),
    { numRuns: 1500 },
  );
});

test('an index of any bytes is read or refused with a SafetensorsError', () => {
  const good = Buffer.from(
    '{"metadata":{"total_size":12},"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors"}}',
  );
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
      try {
        for (const file of parseIndex(mutations.reduce(mutate, new Uint8Array(good))).files.values()) {
          expect(file).not.toMatch(/[/\\]/);
        }
      } catch (error) {
        expect(error).toBeInstanceOf(SafetensorsError);
      }
    }),
    { numRuns: 500 },
  );
});

test('the JSON parser agrees with JSON.parse on whatever JSON.stringify gives', () => {
  const plain = (value: unknown): unknown => {
    if (value instanceof Map) return Object.fromEntries([...value].map(([k, v]) => [k, plain(v)]));
    if (Array.isArray(value)) return value.map(plain);
    return typeof value === 'bigint' ? Number(value) : value;
  };
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), fc.constantFrom(undefined, 2), (value, indent) => {
      const json = JSON.stringify(value, null, indent);
      expect(plain(parseJson(json))).toEqual(JSON.parse(json));
    }),
  );
});

// A tenth of a second each on a quiet machine; work that grows with the square of the length takes minutes.
const SOON = 10_000;

test('hostile headers take no time', async () => {
  const open = async (header: string) => {
    const bytes = Buffer.alloc(8 + header.length);
    bytes.writeBigUInt64LE(BigInt(header.length));
    bytes.write(header, 8, 'latin1');
    const start = performance.now();
    await expect(Safetensors.open(bytes)).rejects.toThrow(SafetensorsError);
    return performance.now() - start;
  };
  expect(await open(`{"a":${'9'.repeat(2_000_000)}}`)).toBeLessThan(SOON);
  expect(await open('{"a":'.repeat(300_000))).toBeLessThan(SOON);
  expect(await open(`{"${'\\n'.repeat(500_000)}"}`)).toBeLessThan(SOON);
  expect(
    await open(`{"a":{"dtype":"U8","shape":[${'2,'.repeat(300_000)}2],"data_offsets":[0,4]}}`),
  ).toBeLessThan(SOON);
});
