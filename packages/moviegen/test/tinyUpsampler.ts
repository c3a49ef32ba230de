// A small seeded upsampler out of the fixtures, as a checkpoint's files.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bytesToFloats } from '@moviegen/kernels';
import { memorySource, Safetensors } from '@moviegen/safetensors';
import type { Device } from '@moviegen/tensor';
import type { CheckpointFiles } from '../src/checkpointFiles.ts';
import { loadUpsampler } from '../src/families/movieGen/load.ts';
import { encodePrompt, sampleWindows, windowsOf } from '../src/families/movieGen/upsampler.ts';

const fixtures = fileURLToPath(new URL('../fixtures/', import.meta.url));

/** Its `model_index.json`. */
export const UPSAMPLER_INDEX = {
  _class_name: 'MovieGenUpsamplerPipeline',
  sampler: { steps: 3 },
  window: { frames: 3, overlap: 1 },
  tile: { size: 8, overlap: 4 },
};

/** A small upsampler: the transformer of the fixture `jobs`, and an image autoencoder of diffusers. */
export function tinyUpsampler(index: object = UPSAMPLER_INDEX): CheckpointFiles {
  const places: Readonly<Record<string, string>> = {
    'transformer/config.json': 'jobs/upsampler/config.json',
    'transformer/model.safetensors': 'jobs/upsampler/model.safetensors',
    'vae/config.json': 'autoencoder-kl-4/config.json',
    'vae/diffusion_pytorch_model.safetensors': 'autoencoder-kl-4/diffusion_pytorch_model.safetensors',
  };
  return {
    label: 'upsampler',
    folder: (folder) => async (name) => {
      const path = folder === '' ? name : `${folder}/${name}`;
      if (path === 'model_index.json')
        return memorySource(new TextEncoder().encode(JSON.stringify(index)), path);
      const place = places[path];
      return place === undefined
        ? undefined
        : memorySource(new Uint8Array(readFileSync(join(fixtures, place))), path);
    },
  };
}

/** How far the latents of the flow along windows are from the reference's, by its fixture, relative to the largest one. */
export async function flowError(device: Device, dtype: 'f32' | 'f16'): Promise<number> {
  const expected = await tensorsOf('upsample');
  const models = await loadUpsampler(device, tinyUpsampler(), { dtype });
  const given = { data: expected.get('given')! as Float32Array<ArrayBuffer>, shape: [4, 5, 12, 14] as const };
  const request = {
    ...{
      width: 112,
      height: 96,
      fps: 16,
      prompt: '',
      negativePrompt: '',
      guidanceScale: 1,
      colorMatch: false,
    },
    seed: 21n,
    window: { frames: 3, overlap: 1 },
    tile: { size: 8, overlap: 2 },
  };
  const windows = windowsOf(given.shape, request, models.dit.config.patchSize);
  const conditions = await encodePrompt(models, request, windows.windowShape, undefined);
  const path = models.path({ steps: 3 });
  const made = await sampleWindows(models, given, windows, conditions, request, path, {});
  conditions.dispose();
  models.dispose();
  const latents = expected.get('latents')!;
  const largest = Math.max(...latents.map(Math.abs));
  return Math.max(...latents.map((value, i) => Math.abs(value - made.data[i]!))) / largest;
}

async function tensorsOf(name: string) {
  const file = await Safetensors.open(
    new Uint8Array(readFileSync(join(fixtures, `jobs/${name}.safetensors`))),
  );
  const read = async (tensor: string) =>
    [tensor, Float32Array.from(bytesToFloats(await file.read(tensor), file.dtype(tensor)))] as const;
  return new Map(await Promise.all(file.names().map(read)));
}
