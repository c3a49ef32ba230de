// One forward pass of a seeded DiT: its time, its memory and, if there is a file of reference/seeded_dit.py, the
// largest difference from it. The command is main.ts.

import { readFileSync } from 'node:fs';
import { type DiTConfig, parseConfig } from '@moviegen/dit';
import { Safetensors } from '@moviegen/safetensors';
import type { Device } from '@moviegen/tensor';
import { compareArrays } from '@moviegen/tensor/checks';
import { seededDiT, seededInputs } from './seeded.ts';

/** Which model is run, and how. */
export interface LargeRun {
  readonly config: DiTConfig;
  /** Frames, height and width of the latents. */
  readonly latent: readonly number[];
  readonly dtype: 'f32' | 'f16';
  /** The reference's velocity. */
  readonly expected?: ArrayLike<number> | undefined;
  readonly runs: number;
}

/** Runs a seeded DiT and measures it. */
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

/** The config, the latents' shape and the velocity in a file of seeded_dit.py. */
export async function referenceOf(path: string) {
  const file = await Safetensors.open(new Uint8Array(readFileSync(path)));
  const { config = '{}', latent = '[]' } = file.metadata;
  const bytes = await file.read('velocity');
  const expected = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  return { config: parseConfig(JSON.parse(config)), latent: JSON.parse(latent) as number[], expected };
}
