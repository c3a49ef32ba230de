// Quantised checkpoints: the files that are written, their equality with quantising at load, and what is refused.

import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Safetensors, serialize } from '@moviegen/safetensors';
import { openFolder } from '@moviegen/safetensors/node';
import { quantizedWeights } from '@moviegen/tensor';
import { TINY } from '@moviegen/testing/checkpoints';
import { testDevice } from '@moviegen/testing/device';
import { afterAll, describe, expect, test } from 'vitest';
import { parseSums } from '../src/checkpoint/checksums.ts';
import { modulePrecisions } from '../src/checkpoint/precision.ts';
import { InputError, type ModuleName, MovieGen, parsePolicy } from '../src/index.ts';
import { quantizeCheckpoint } from '../src/node/quantizeFolder.ts';
import { loadQuantized } from '../src/parity/quantized.ts';
import { testParity } from './parity/fixtures.ts';

const PROMPT = 'a small red circle moves right on a black background';
const OPTIONS = { seed: 5, steps: 2, numFrames: 1 };
const device = await testDevice();
const root = mkdtempSync(join(tmpdir(), 'moviegen-quantize-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const filesIn = (folder: string) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();

/** PSNR of 8-bit frames. */
function decibels(frames: Uint8Array, right: Uint8Array): number {
  const squares = frames.reduce((sum, value, i) => sum + (value - right[i]!) ** 2, 0);
  return 10 * Math.log10((255 ** 2 * frames.length) / squares);
}

testParity(testDevice, 'quantized', loadQuantized);

describe.each(['q8', 'q4'] as const)('%s', (format) => {
  const input = join(root, `${format}-input`);
  const output = join(root, format);
  cpSync(TINY, input, { recursive: true });
  writeFileSync(join(input, 'README.md'), 'tiny');
  const hash = '0'.repeat(64);
  const listed = ['README.md', 'transformer/model-00001-of-00003.safetensors'];
  writeFileSync(join(input, 'SHA256SUMS'), listed.map((name) => `${hash}  ${name}\n`).join(''));

  test('the copy has every file; shards keep their names and their bound', async () => {
    const told: number[] = [];
    const summary = await quantizeCheckpoint(input, output, {
      format,
      onProgress: ({ bytes, totalBytes }) => told.push(bytes / totalBytes),
    });
    expect(filesIn(output)).toEqual(filesIn(input));
    expect(told.at(-1)).toBe(1);
    // Two layers of 8 attention matrices and W1, W3, and the shared adaLN; W2 has 40 inputs, no whole blocks.
    expect(summary.quantized).toBe(21);
    const shards = filesIn(join(output, 'transformer')).filter((name) => name.endsWith('.safetensors'));
    expect(shards).toHaveLength(3);
    for (const shard of shards) {
      const [before, after] = [input, output].map((folder) =>
        readFileSync(join(folder, 'transformer', shard)),
      );
      expect(after!.length).toBeLessThan(before!.length + 1024); // a header with more names
      expect((await Safetensors.open(new Uint8Array(after!))).metadata['moviegen.quantization']).toBe(format);
    }
    const source = await openFolder(join(output, 'transformer')); // holds index and shards against one another
    expect(quantizedWeights(source).get('layers.1.feed_forward.w3.weight')).toBe(format);
    expect(source.dtype('layers.1.feed_forward.w2.weight')).toBe('F16');
    const bytes = source.names().reduce((sum, name) => sum + source.byteLength(name), 0);
    await source.close();
    const index = JSON.parse(readFileSync(join(output, 'transformer/model.safetensors.index.json'), 'utf8'));
    expect(index.metadata.total_size).toBe(bytes);
    for (const path of ['README.md', 'tae/model.safetensors', 'text_encoder_ul2/tokenizer.json'])
      expect(readFileSync(join(output, path)).equals(readFileSync(join(input, path)))).toBe(true);
    const sums = parseSums(readFileSync(join(output, 'SHA256SUMS')), 'SHA256SUMS');
    expect([...sums.keys()]).toEqual(listed);
  });

  test('it loads as it is, verified, and gives the same video as quantising at load', async () => {
    const used = device.memory().used;
    const plain = await MovieGen.fromPretrained(TINY, { device });
    const plainBytes = device.memory().used - used;
    const { frames: right } = await plain.generate(PROMPT, OPTIONS);
    plain.dispose();
    const loaded = await MovieGen.fromPretrained(output, { device });
    const bytes = device.memory().used - used;
    const { frames } = await loaded.generate(PROMPT, OPTIONS);
    loaded.dispose();
    const made = await MovieGen.fromPretrained(TINY, { device, dtype: { dit: format, text: format } });
    const { frames: same } = await made.generate(PROMPT, OPTIONS);
    made.dispose();
    expect(same.data).toEqual(frames.data);
    expect(frames.data).not.toEqual(right.data);
    expect(bytes).toBeLessThan(plainBytes);
    expect(device.memory().used).toBe(used);
    expect(decibels(frames.data, right.data)).toBeGreaterThan(format === 'q8' ? 40 : 22);
  });

  test('parts may be of different types; quantised weights go with f16 where the adapter has it', async () => {
    const half = device.target.f16 ? 'f16' : 'f32';
    const plain = await MovieGen.fromPretrained(TINY, { device, dtype: { dit: format } });
    const { frames: right } = await plain.generate(PROMPT, OPTIONS);
    plain.dispose();
    const mixed = await MovieGen.fromPretrained(output, {
      device,
      dtype: { dit: half, tae: half, text: 'f32' },
    });
    const { frames } = await mixed.generate(PROMPT, OPTIONS);
    mixed.dispose();
    expect(decibels(frames.data, right.data)).toBeGreaterThan(40);
  });

  test('is not quantised again, and not in another format', async () => {
    const again = quantizeCheckpoint(output, join(root, 'again'), { format });
    await expect(again).rejects.toThrow(
      new RegExp(`transformer is quantised already \\(.+ is ${format}\\): quantise the original files`),
    );
    const other = format === 'q8' ? 'q4' : 'q8';
    const load = MovieGen.fromPretrained(output, { device, dtype: other });
    await expect(load).rejects.toThrow(`quantised in another format than ${other}`);
  });
});

test('one module alone', async () => {
  const output = join(root, 'text-only');
  const none = quantizeCheckpoint(TINY, output, { format: 'q8', modules: ['text'] });
  await expect(none).rejects.toThrow('no weight of text in');
  expect(existsSync(output)).toBe(false);
});

test('refuses in one line, and leaves nothing', async () => {
  const before = filesIn(root).filter((name) => !name.includes('/'));
  const full = join(root, 'full');
  mkdirSync(full);
  writeFileSync(join(full, 'mine'), '');
  const to = (input: string, output: string, signal?: AbortSignal) =>
    quantizeCheckpoint(input, output, { format: 'q8', ...(signal && { signal }) });
  await expect(to(TINY, full)).rejects.toThrow(/quantize: --output .*full is a folder with files in it/);
  await expect(to(join(root, 'nowhere'), join(root, 'x'))).rejects.toThrow(InputError);
  const broken = join(root, 'broken');
  cpSync(TINY, broken, { recursive: true });
  const shard = join(broken, 'transformer/model-00002-of-00003.safetensors');
  const file = await Safetensors.open(new Uint8Array(readFileSync(shard)));
  const tensors = await Promise.all(
    file.names().map(async (name) => {
      const data = await file.read(name);
      if (name.endsWith('wo.weight')) new Uint16Array(data.buffer)[0] = 0x7c00;
      return [name, { dtype: file.dtype(name), shape: file.shape(name), data }] as const;
    }),
  );
  writeFileSync(shard, serialize(tensors));
  await expect(to(broken, join(root, 'x'))).rejects.toThrow(
    /quantize: .*wo\.weight: quantize: the 32 numbers from 0 on hold .* to Infinity/,
  );
  const stopped = AbortSignal.abort(new Error('enough'));
  await expect(to(TINY, join(root, 'x'), stopped)).rejects.toThrow('enough');
  const after = filesIn(root).filter((name) => !name.includes('/'));
  expect(after).toEqual([...before, 'broken', 'full'].sort());
});

describe('policy', () => {
  test('reads one type for all, or one a part', () => {
    expect(parsePolicy('q8/f16')).toBe('q8/f16');
    expect(parsePolicy('dit=q8, tae=f16,text=f16')).toEqual({ dit: 'q8', tae: 'f16', text: 'f16' });
    const faults = {
      f8: 'dtype: unknown type "f8"; expected f32, f16, q8',
      'dit=f8': 'unknown type in "dit=f8"',
      'dit=q8,vae=f16': 'no part of the pipeline is called "vae"',
      'dit=q8,dit=q4': 'dit is there twice',
    };
    for (const [text, message] of Object.entries(faults)) expect(() => parsePolicy(text)).toThrow(message);
  });

  test('gives every part its type, and says what to choose where the adapter lacks f16', () => {
    const adapter = (f16: boolean) => ({
      target: { ...device.target, f16 },
      info: { ...device.info, description: 'Some Adapter' },
    });
    expect(modulePrecisions({ dit: 'q8', tae: 'f16', text: 'q4/f16' }, adapter(true))).toEqual({
      dit: { dtype: 'f32', quantize: 'q8' },
      tae: { dtype: 'f16' },
      text: { dtype: 'f16', quantize: 'q4' },
    } satisfies Record<ModuleName, unknown>);
    expect(modulePrecisions('q4/f16', adapter(true)).tae).toEqual({ dtype: 'f16' });
    expect(modulePrecisions('q8', adapter(false)).tae).toEqual({ dtype: 'f32' });
    expect(() => modulePrecisions({ text: 'f16' }, adapter(false))).toThrow(
      'dtype: text=f16 needs the feature shader-f16, which this adapter has not (Some Adapter): choose f32, or q8 or q4',
    );
    expect(() => modulePrecisions('q8/f16', adapter(false))).toThrow('choose f32, or q8');
    expect(() => modulePrecisions({ tae: 'q8' }, adapter(true))).toThrow(
      'tae=q8: its weights are those of convolutions',
    );
  });
});
