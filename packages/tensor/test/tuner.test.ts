// Which variant runs: by the kernels' own order, by a table, by measuring; and that it stays so.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Kernel } from '@moviegen/kernels';
import { Device, linear, pack, Tensor } from '@moviegen/tensor';
import { findAdapter, openDevice } from '@moviegen/tensor/node';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { medianTime } from '../src/device/measure.ts';
import { fileStore } from '../src/node/tuneFile.ts';
import { browserStore, parseTable } from '../src/tuning/store.ts';
import { type Choice, Tuner, type TuneStore, type TuneTable } from '../src/tuning/tuner.ts';

const choice = (rows: number, variants = ['a', 'b', 'c']): Choice => ({
  ...{ op: 'linear', dtype: 'f32', sizes: [rows, 64], variants },
  make: (name) => ({ label: name }) as Kernel,
});
const times: Record<string, number> = { a: 3, b: 1, c: 2 };
const measure = async ({ label }: Kernel): Promise<number> => times[label] ?? Number.NaN;

function store(table?: TuneTable): TuneStore & { saved: TuneTable | undefined } {
  return {
    saved: table,
    async load() {
      return this.saved;
    },
    async save(_, next) {
      this.saved = next;
    },
  };
}

describe('choosing', () => {
  test('follows the kernels’ own order without a table, and with one in mode off', async () => {
    const table = { 'linear f32 7 6': 'c' };
    expect((await Tuner.open('off', 'x', store(table))).choose(choice(100), true)).toBe('a');
    const cached = await Tuner.open('cached', 'x', store(table));
    expect([100, 128, 129].map((rows) => cached.choose(choice(rows), true))).toEqual(['c', 'c', 'a']);
    expect(cached.choose(choice(100, ['a', 'b']), true)).toBe('a'); // the table's is not there
    cached.note(choice(200), []);
    await cached.tune(() => Promise.reject(new Error('measured')));
  });

  test('measures each class once, and keeps the fastest', async () => {
    const kept = store();
    const tuner = await Tuner.open('full', 'x', kept);
    let measured = 0;
    const count = (kernel: Kernel): Promise<number> => {
      measured++;
      return kernel.label === 'b' ? Promise.reject(new Error('refused')) : measure(kernel);
    };
    for (const rows of [100, 120]) tuner.note(choice(rows), [400]);
    tuner.note(choice(5, ['only']), []);
    await tuner.tune(count);
    expect(measured).toBe(3);
    expect(kept.saved).toEqual({ 'linear f32 7 6': 'c' });
    expect(tuner.choose(choice(110), true)).toBe('c');
    tuner.note(choice(100), [400]);
    await tuner.tune(count);
    expect(measured).toBe(3);
  });

  test('tries no further variant of a class whose time is over', async () => {
    const kept = store();
    const tuner = await Tuner.open('full', 'x', kept);
    const seen: string[] = [];
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => 1500 * seen.length);
    tuner.note(choice(100), []);
    await tuner.tune((kernel, _, best) => {
      seen.push(`${kernel.label} ${best}`);
      return measure(kernel);
    });
    clock.mockRestore();
    expect(seen).toEqual(['a Infinity', 'b 3']); // c would begin after three seconds
    expect(kept.saved).toEqual({ 'linear f32 7 6': 'b' });
  });

  test('goes on for as long as the adapter refuses, whatever time it took', async () => {
    const kept = store();
    const tuner = await Tuner.open('full', 'x', kept);
    let tried = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => 5000 * tried);
    tuner.note(choice(100), []);
    await tuner.tune((kernel) => (++tried < 3 ? Promise.reject(new Error('refused')) : measure(kernel)));
    clock.mockRestore();
    expect(kept.saved).toEqual({ 'linear f32 7 6': 'c' });
  });

  test('what has run stays as it was until the next device', async () => {
    const kept = store();
    const tuner = await Tuner.open('full', 'x', kept);
    expect(tuner.choose(choice(100), true)).toBe('a');
    tuner.note(choice(100), []);
    await tuner.tune(measure);
    expect(tuner.choose(choice(100), true)).toBe('a');
    expect((await Tuner.open('cached', 'x', kept)).choose(choice(100), true)).toBe('b');
  });
});

describe('keeping', () => {
  const folder = mkdtempSync(join(tmpdir(), 'moviegen-tune-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('files: one an adapter, in the first folder that can be written; damaged ones count as none', async () => {
    writeFileSync(join(folder, 'file'), '');
    const files = fileStore([join(folder, 'file'), join(folder, 'new')]);
    expect(await files.load('x')).toBeUndefined();
    await files.save('x', { k: 'v' });
    await files.save('y', { k: 'w' });
    expect([await files.load('x'), await files.load('y')]).toEqual([{ k: 'v' }, { k: 'w' }]);
    const names = readdirSync(join(folder, 'new'));
    expect(names.length).toBe(2);
    for (const name of names) writeFileSync(join(folder, 'new', name), '{"k": ');
    expect(await files.load('x')).toBeUndefined();
  });

  test('a browser: local storage, or as long as the page', async () => {
    await browserStore.save('x', { k: 'v' });
    expect(await browserStore.load('x')).toEqual({ k: 'v' });
    expect(await browserStore.load('y')).toBeUndefined();
    expect(parseTable('["a"]')).toBeUndefined();
    expect(parseTable('{"a": 1, "b": "c"}')).toEqual({ b: 'c' });
  });
});

test('a kernel far behind the best is run once', async () => {
  let runs = 0;
  const once = async () => {
    runs++;
    return 1;
  };
  await medianTime(once, Number.POSITIVE_INFINITY);
  expect(runs).toBeGreaterThanOrEqual(3);
  runs = 0;
  await medianTime(once, 1e-9);
  expect(runs).toBe(1);
});

test('a recording measures before its first run, computes the same, and the table serves the next device', async () => {
  const tuneStore = store();
  const labels: string[] = [];
  const options = { tuneStore, onDispatch: ({ label }: Kernel) => labels.push(label) };
  const device = await openDevice({ ...options, tune: 'full' });
  const x = Tensor.from(
    device,
    Float32Array.from({ length: 12 * 16 }, (_, i) => (i % 7) - 3),
    [12, 16],
  );
  const weight = pack(
    Tensor.from(
      device,
      Float32Array.from({ length: 16 * 8 }, (_, i) => (i % 5) - 2),
      [8, 16],
    ),
  );
  const recording = device.record(() => linear(x, weight));
  await recording.ready();
  const recorded = [...(await recording.run().read())];
  expect(recorded).toEqual([...(await linear(x, weight, { variant: 'tile 8x2' }).read())]);
  expect(Object.keys(tuneStore.saved ?? {}).sort()).toEqual(['linear f32 f32 4 3 4']);
  device.destroy();

  tuneStore.saved = { 'linear f32 f32 4 3 4': 'tall 8x1' };
  const next = await openDevice(options);
  labels.length = 0;
  const w = pack(Tensor.zeros(next, [8, 16]));
  await linear(Tensor.zeros(next, [12, 16]), w).read();
  expect(labels.at(-1)).toBe('linear f32 tall 8x1');
  next.destroy();
});

test('MOVIEGEN_TUNE names a mode', async () => {
  process.env.MOVIEGEN_TUNE = 'always';
  try {
    await expect(openDevice()).rejects.toThrow('MOVIEGEN_TUNE is "always"; expected off, cached, full');
  } finally {
    delete process.env.MOVIEGEN_TUNE;
  }
});

test('an adapter without a name has no table, which would be that of every adapter', async () => {
  const { adapter, host } = await findAdapter();
  const unnamed = new Proxy(adapter, {
    get(target, key) {
      if (key === 'info') return { vendor: '', architecture: '', device: '', description: '' };
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const asked: string[] = [];
  const tuneStore: TuneStore = {
    load: async (name) => {
      asked.push(name);
      return undefined;
    },
    save: async () => undefined,
  };
  (await Device.create({ adapter: unnamed, host, tuneStore })).destroy();
  expect(asked).toEqual([]);
});
