// Runs the whole pipeline on a fixture: prompts become tokens, states, steps, latents and video.

import { memorySource } from '@moviegen/safetensors';
import { type Device, Tensor } from '@moviegen/tensor';
import type { CheckpointFiles } from '../checkpointFiles.ts';
import { loadModels } from '../families/movieGen/load.ts';
import type { MovieGenModels } from '../families/movieGen/models.ts';
import { MovieGen } from '../movieGen.ts';
import type { Fixture, ParityCase } from './fixture.ts';
import type { ParityLoader, ParityModel, Report } from './parity.ts';

/** Loads the checkpoint in a fixture's folder `checkpoint`. */
export const loadPipeline: ParityLoader = async (device, fixture) => {
  const files = checkpointOf(fixture);
  const models = await loadModels(device, files, { dtype: 'f32' });
  return new ParityPipeline(device, models, await MovieGen.fromPretrained(files, { device }));
};

/** The checkpoint's files, read through the fixture. */
function checkpointOf({ name, record, read }: Fixture): CheckpointFiles {
  const root = typeof record.checkpoint === 'string' ? record.checkpoint : 'checkpoint';
  return {
    label: `${name}/${root}`,
    folder: (folder) => async (file) => {
      const path = [root, folder, file].filter((part) => part !== '').join('/');
      const bytes = await read(path).catch(() => undefined);
      return bytes && memorySource(bytes, `${name}/${path}`);
    },
  };
}

class ParityPipeline implements ParityModel {
  readonly #device: Device;
  readonly #models: MovieGenModels;
  readonly #movieGen: MovieGen;

  constructor(device: Device, models: MovieGenModels, movieGen: MovieGen) {
    this.#device = device;
    this.#models = models;
    this.#movieGen = movieGen;
  }

  async run(given: ParityCase, report: Report): Promise<void> {
    const { prompts, seeds, negative_prompt } = given.args as {
      readonly prompts: readonly string[];
      readonly seeds: readonly string[];
      readonly negative_prompt: string | null;
    };
    const negatives = prompts.map(() => negative_prompt ?? '');
    await this.#text('text', prompts, report);
    await this.#text('null', negatives, report);
    const made = await this.#movieGen.generate(prompts, {
      seed: seeds.map(BigInt),
      negativePrompt: negatives,
      batch: prompts.length,
      onProgress: async (progress) => {
        if (progress.phase === 'sample')
          reportBatch(
            report,
            progress.step === 0 ? 'input.noise' : `step.${progress.step}`,
            await progress.latents(),
          );
      },
    });
    reportBatch(
      report,
      'output.latents',
      made.map(({ latents }) => latents),
    );
    if (given.order.includes('output.video')) this.#video(given, report);
  }

  dispose(): void {
    const { text, dit, tae } = this.#models;
    for (const model of [text, dit, tae, this.#movieGen]) model.dispose();
  }

  /** Token ids, masks and states of a batch of prompts; the states of padding are zeros. */
  async #text(kind: string, prompts: readonly string[], report: Report): Promise<void> {
    const { fps } = this.#models.index.video;
    for (const [name, ids] of Object.entries(this.#models.text.tokenize(prompts, { fps })))
      for (const [b, data] of ids.entries())
        report(`${kind}.${name}.ids.${b}`, { shape: [data.length], data });
    for (const [name, { states, lengths }] of Object.entries(this.#models.text.encode(prompts, { fps }))) {
      const [B = 0, L = 0, D = 0] = states.shape;
      const valid = Array.from({ length: B * L }, (_, at) => (at % L < lengths[Math.floor(at / L)]! ? 1 : 0));
      report(`${kind}.${name}.mask`, { shape: [B, L], data: valid });
      const values = await states.read();
      report(`${kind}.${name}`, {
        shape: [B, L, D],
        data: values.map((v, i) => v * valid[Math.floor(i / D)]!),
      });
      states.dispose();
    }
  }

  /** Decodes the reference's latents, without the rounding to 8 bits at the end of `generate`. */
  #video(given: ParityCase, report: Report): void {
    const { shape, data } = given.values('output.latents');
    const latents = Tensor.from(this.#device, Float32Array.from(data), shape);
    const frames = this.#models.tae.decode(latents, { numFrames: this.#models.index.video.numFrames });
    report('output.video', frames);
    for (const tensor of [latents, frames]) tensor.dispose();
  }
}

interface HostTensor {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

function reportBatch(report: Report, name: string, parts: readonly HostTensor[]): void {
  const [first] = parts;
  report(name, {
    shape: [parts.length, ...(first?.shape ?? [])],
    data: parts.flatMap(({ data }) => [...data]),
  });
}
