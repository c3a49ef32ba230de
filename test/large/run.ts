// One forward pass of a seeded transformer: its time, its memory and, if there is a file of reference/seeded_dit.py or
// reference/seeded_wan.py, the largest difference from it. The command is main.ts.

import { readFileSync } from 'node:fs';
import { type DiTConfig, parseConfig } from '@moviegen/dit';
import { Safetensors } from '@moviegen/safetensors';
import type { Device, Tensor } from '@moviegen/tensor';
import { compareArrays } from '@moviegen/tensor/checks';
import { parseTransformerConfig, type WanTransformerConfig } from '@moviegen/wan';
import { seededDiT, seededInputs } from './seeded.ts';
import { seededWan, seededWanInputs } from './seededWan.ts';

/** What is run, and how. */
interface Run {
  /** Frames, height and width of the latents. */
  readonly latent: readonly number[];
  readonly dtype: 'f32' | 'f16';
  /** The reference's result. */
  readonly expected?: ArrayLike<number> | undefined;
  /** Of the result every so many values are in `expected`. Default 1. */
  readonly stride?: number | undefined;
  readonly runs: number;
}
/** Which DiT is run, and how. */
export interface LargeRun extends Run {
  readonly config: DiTConfig;
}
/** Which Wan transformer is run, and how. */
export interface LargeWanRun extends Run {
  readonly config: WanTransformerConfig;
}

/** Runs a seeded DiT and measures it. */
export const runLarge = (device: Device, run: LargeRun) =>
  measured(device, run, () => {
    const model = seededDiT(device, run.config, run.dtype);
    const inputs = () => seededInputs(model, run.latent, run.dtype);
    return { model, inputs, forward: ({ x, t, context }) => model.forward(x, t, context) };
  });

/** Runs a seeded Wan transformer and measures it. */
export const runLargeWan = (device: Device, run: LargeWanRun) =>
  measured(device, run, () => {
    const model = seededWan(device, run.config, run.dtype);
    const inputs = () => seededWanInputs(model, run.latent);
    return { model, inputs, forward: ({ x, t, context }) => model.forward(x, t, context) };
  });

interface Owned {
  dispose(): void;
}
interface Seeded<Inputs extends Owned> {
  readonly model: Owned;
  inputs(): Inputs;
  forward(inputs: Inputs): Tensor;
}

async function measured<Inputs extends Owned>(
  device: Device,
  { config, latent, dtype, expected, stride = 1, runs }: LargeRun | LargeWanRun,
  make: () => Seeded<Inputs>,
) {
  const began = performance.now();
  const seconds = (since: number) => (performance.now() - since) / 1000;
  const seeded = make();
  await device.sync();
  device.trim();
  const weights = { bytes: device.memory().used, seconds: seconds(began) };
  const inputs = seeded.inputs();
  device.resetPeak();
  const times: number[] = [];
  let error: number | undefined;
  let finite = true;
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    const velocity = seeded.forward(inputs);
    await device.sync();
    times.push(seconds(start));
    const values = await velocity.read();
    finite &&= values.every(Number.isFinite);
    const kept = stride === 1 ? values : Float32Array.from(values).filter((_, at) => at % stride === 0);
    if (expected) ({ error } = compareArrays(kept, expected));
    velocity.dispose();
  }
  const { peak, peakUsed } = device.memory();
  inputs.dispose();
  seeded.model.dispose();
  const tokens = latent.reduce((a, b) => a * b) / config.patchSize.reduce((a, b) => a * b);
  return { tokens, dtype, layers: config.numLayers, weights, forward: times, peak, peakUsed, finite, error };
}

/** The config, the latents' shape and the velocity in a file of seeded_dit.py. */
export async function referenceOf(path: string) {
  const { metadata, latent, expected } = await fileOf(path, 'velocity');
  return { config: parseConfig(JSON.parse(metadata.config ?? '{}')), latent, expected };
}

/** The same of seeded_wan.py. */
export async function wanReferenceOf(path: string) {
  const { metadata, latent, expected } = await fileOf(path, 'output');
  const config = parseTransformerConfig(JSON.parse(metadata.config ?? '{}'));
  return { config, latent, expected, stride: Number(metadata.stride) };
}

async function fileOf(path: string, name: string) {
  const file = await Safetensors.open(new Uint8Array(readFileSync(path)));
  const bytes = await file.read(name);
  const expected = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  return { metadata: file.metadata, latent: JSON.parse(file.metadata.latent ?? '[]') as number[], expected };
}
