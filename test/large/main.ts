// One forward pass of a seeded DiT: time, memory and, against what reference/seeded_dit.py wrote, the largest difference.
//
//   node test/large/run.mjs --against FILE                       a file of seeded_dit.py: same size, same tokens
//   node test/large/run.mjs --size 30b --latent 32,96,96 --dtype f16        30b whole at 73,728 tokens
//   node test/large/run.mjs --size 30b --layers 2 --latent 4,32,32

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { configs, type DiTConfig, parseConfig } from '@moviegen/dit';
import { Safetensors } from '@moviegen/safetensors';
import type { Device } from '@moviegen/tensor';
import { compareArrays, measureCeilings } from '@moviegen/tensor/checks';
import { openDevice } from '@moviegen/tensor/node';
import { seededDiT, seededInputs } from './seeded.ts';

/** What is run. */
export interface LargeRun {
  readonly config: DiTConfig;
  /** Frames, height and width of the latents. */
  readonly latent: readonly number[];
  readonly dtype: 'f32' | 'f16';
  /** The reference's velocity. */
  readonly expected?: ArrayLike<number> | undefined;
  readonly runs: number;
}

/** Runs it and tells what it took. */
export async function runLarge(device: Device, { config, latent, dtype, expected, runs }: LargeRun) {
  const began = performance.now();
  const seconds = (since: number) => (performance.now() - since) / 1000;
  const dit = seededDiT(device, config, dtype);
  await device.sync();
  device.trim();
  const weights = { bytes: device.memory().used, seconds: seconds(began) };
  const inputs = seededInputs(dit, latent, dtype);
  device.resetPeak();
  const times: number[] = [];
  let error: number | undefined;
  let finite = true;
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    const velocity = dit.forward(inputs.x, inputs.t, inputs.context);
    await device.sync();
    times.push(seconds(start));
    const values = await velocity.read();
    finite &&= values.every(Number.isFinite);
    if (expected) ({ error } = compareArrays(values, expected));
    velocity.dispose();
  }
  const { peak, peakUsed } = device.memory();
  inputs.dispose();
  dit.dispose();
  const tokens = latent.reduce((a, b) => a * b) / config.patchSize.reduce((a, b) => a * b);
  return { tokens, dtype, layers: config.numLayers, weights, forward: times, peak, peakUsed, finite, error };
}

/** The config and latents that a file of seeded_dit.py was made with, and its velocity. */
export async function referenceOf(path: string) {
  const file = await Safetensors.open(new Uint8Array(readFileSync(path)));
  const { config = '{}', latent = '[]' } = file.metadata;
  const bytes = await file.read('velocity');
  const expected = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  return { config: parseConfig(JSON.parse(config)), latent: JSON.parse(latent) as number[], expected };
}

/** Reads the arguments, runs, prints one JSON document. */
export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      against: { type: 'string' },
      size: { type: 'string', default: '30b' },
      layers: { type: 'string' },
      latent: { type: 'string', default: '4,32,32' },
      dtype: { type: 'string', default: 'f32' },
      runs: { type: 'string', default: '1' },
      adapter: { type: 'string' },
    },
  });
  const published = configs[values.size as keyof typeof configs];
  if (!published) throw new Error(`--size must be one of ${Object.keys(configs).join(', ')}`);
  const numLayers = values.layers === undefined ? published.numLayers : Number(values.layers);
  const given = values.against === undefined ? undefined : await referenceOf(values.against);
  const device = await openDevice(values.adapter === undefined ? {} : { adapter: values.adapter });
  try {
    const run: LargeRun = {
      ...{ config: { ...published, numLayers }, latent: values.latent.split(',').map(Number) },
      ...given,
      dtype: values.dtype === 'f16' ? 'f16' : 'f32',
      runs: Number(values.runs),
    };
    const result = await runLarge(device, run);
    const ceilings = await measureCeilings(device);
    console.log(JSON.stringify({ adapter: device.info.description, ...result, ceilings }, null, 2));
    const bound = run.dtype === 'f16' ? 3e-2 : 1e-4;
    if (!result.finite || (result.error ?? 0) > bound) process.exitCode = 1;
  } finally {
    device.destroy();
  }
}
