// Runs a Wan transformer on reference cases that lie beside a checkpoint in diffusers' layout:
//
//   FOLDER/transformer/               config.json and the weights
//   FOLDER/expected/transformer-cases.json   [{ name, t, tokens, valid, first_clean ... }]
//   FOLDER/expected/NAME.safetensors         inputs, intermediates and `output` under diffusers' names
//
// The reference writes some tensors out that the model computes once: rows of the text beyond a prompt, times of tokens.

import { bytesToFloats, sizeOf } from '@moviegen/kernels';
import { memorySource, openCheckpoint, Safetensors } from '@moviegen/safetensors';
import { type Device, scope, Tensor } from '@moviegen/tensor';
import { parseTransformerConfig, WanTransformer } from '@moviegen/wan';
import type { Fixture, FixtureFiles, ParityCase, Values } from '../fixture.ts';
import type { ParityLoader, ParityModel, Report } from '../parity.ts';

/** A case of `transformer-cases.json`. */
interface WanCase {
  readonly name: string;
  readonly t: readonly number[];
  /** Rows of text that the model attends to, and how many of them are not zeros. */
  readonly tokens: number;
  readonly valid: number;
  readonly first_clean?: boolean;
}

/** Opens such a folder as a fixture. */
export async function openWanTransformer(
  files: Pick<FixtureFiles, 'read'>,
  folder: string,
): Promise<Fixture> {
  const read = (path: string) => files.read(`${folder}/${path}`);
  const json = async (path: string) => JSON.parse(new TextDecoder().decode(await read(path)));
  const cases = (await json('expected/transformer-cases.json')) as readonly WanCase[];
  return {
    name: folder,
    model: 'wan_transformer',
    config: await json('transformer/config.json'),
    record: {},
    cases: cases.map(({ name }) => name),
    read,
    open: async (name) => {
      const found = cases.find((one) => one.name === name);
      if (found === undefined) throw new Error(`parity: ${folder} has no case ${JSON.stringify(name)}`);
      return openCase(found, await read(`expected/${name}.safetensors`));
    },
    weights: () =>
      openCheckpoint(async (name) => {
        const bytes = await read(`transformer/${name}`).catch(() => undefined);
        return bytes && memorySource(bytes, name);
      }),
  };
}

async function openCase(given: WanCase, bytes: Uint8Array<ArrayBuffer>): Promise<ParityCase> {
  const file = await Safetensors.open(bytes);
  const values = new Map<string, Values>();
  for (const name of file.names())
    values.set(name, {
      shape: file.shape(name),
      data: bytesToFloats(await file.read(name), file.dtype(name)),
    });
  return {
    name: given.name,
    args: { ...given },
    order: [...values.keys()].sort((a, b) => placeOf(a) - placeOf(b)),
    values(name) {
      const found = values.get(name);
      if (found === undefined) throw new Error(`parity: case ${given.name} has no tensor ${name}`);
      return found;
    },
  };
}

/** Modules in the order in which they are computed. */
const ORDER = [
  /^input/,
  /timesteps_proj$/,
  /time_embedder\.linear_1$/,
  /time_embedder\.linear_2$/,
  /time_embedder$/,
  /time_proj$/,
  /text_embedder\.linear_1$/,
  /text_embedder/,
  /image_embedder\.norm1$/,
  /image_embedder\.ff\.net\.0/,
  /image_embedder\.ff/,
  /image_embedder/,
  /^patch_embedding$/,
  /^rope/,
];
const IN_BLOCK = [
  /norm1$/,
  /attn1\.to_[qkv]$/,
  /attn1\.norm_[qk]$/,
  /attn1\.[qkv]$/,
  /attn1/,
  /norm2$/,
  /attn2\.(to_[qkv]|add_[kv]_proj)$/,
  /attn2\.norm/,
  /attn2\.[qkv](_img)?$/,
  /attn2/,
  /norm3$/,
  /ffn\.net\.0/,
  /ffn/,
];
const AFTER = [/^norm_out$/, /^proj_out$/, /^output$/];

function placeOf(name: string): number {
  const place = (list: readonly RegExp[]) => {
    const found = list.findIndex((pattern) => pattern.test(name));
    return found < 0 ? list.length : found;
  };
  const block = /^blocks\.(\d+)/.exec(name);
  if (block) return 100 * (Number(block[1]) + 1) + place(IN_BLOCK);
  return ORDER.some((pattern) => pattern.test(name)) ? place(ORDER) : 1e9 + place(AFTER);
}

/** Loads the transformer of such a fixture. */
export const loadWanTransformer: ParityLoader = async (device, fixture) => {
  const source = await fixture.weights();
  const config = parseTransformerConfig(fixture.config);
  return new ParityWanTransformer(device, await WanTransformer.load(device, source, config));
};

/** Runs cases on a transformer, whatever its type. */
export class ParityWanTransformer implements ParityModel {
  readonly #device: Device;
  readonly #model: WanTransformer;

  constructor(device: Device, model: WanTransformer) {
    this.#device = device;
    this.#model = model;
  }

  async run(given: ParityCase, report: Report): Promise<void> {
    const device = this.#device;
    const { t, tokens, valid, first_clean } = given.args as unknown as WanCase;
    const wanted = new Set(given.order);
    const reports: Promise<void>[] = [];
    const trace = (name: string, value: Tensor) => {
      if (!wanted.has(name)) return;
      const { shape } = value;
      const fit = async () => {
        const values = { shape, data: Float32Array.from(await value.read()) };
        report(name, fitted(name, values, given));
      };
      reports.push(fit());
    };
    scope(device, () => {
      const [x, states] = ['input.x', 'input.text'].map((name) => upload(device, given.values(name)));
      const image = wanted.has('input.image') ? upload(device, given.values('input.image')) : undefined;
      const lengths = new Array<number>(states!.shape[0]!).fill(valid);
      const conditions = { states: states!, lengths, textLength: tokens, image };
      const context = this.#model.context(conditions, { trace });
      const options = { firstFrameClean: first_clean, trace };
      trace('output', this.#model.forward(x!, Tensor.from(device, [...t]), context, options));
      context.dispose();
    });
    await Promise.all(reports);
  }

  dispose(): void {
    this.#model.dispose();
  }
}

const upload = (device: Device, { shape, data }: Values): Tensor =>
  Tensor.from(device, Float32Array.from(data), shape);

/** Values as the reference wrote them out. */
function fitted(name: string, values: Values, given: ParityCase): Values {
  const { shape } = given.values(name);
  if (shape.join() === values.shape.join()) return values;
  const D = values.shape.at(-1)!;
  if (name === 'patch_embedding') {
    const [B, , T, H, W] = shape as [number, number, number, number, number];
    const N = T * H * W;
    const from = (i: number) => (Math.floor(i / (N * D)) * N + (i % N)) * D + (Math.floor(i / N) % D);
    return picked(values, [B, D, T, H, W], from);
  }
  if (/time/.test(name)) {
    const rows = sizeOf(shape) / D; // a row per token
    return picked(
      values,
      shape,
      (i) => timeRow(Math.floor(i / D), rows, values.shape[0]!, given) * D + (i % D),
    );
  }
  // Rows of text, [B, L, ...]: the last one stands for all zero rows.
  const inner = sizeOf(shape.slice(2));
  const [wanted, L] = [shape[1]!, values.shape[1]!];
  const row = (r: number) => Math.floor(r / wanted) * L + Math.min(r % wanted, L - 1);
  return picked(values, shape, (i) => row(Math.floor(i / inner)) * inner + (i % inner));
}

/** Which of the R times that the model computed, one or two per sample, is that of a row of B samples' tokens. */
function timeRow(row: number, rows: number, R: number, given: ParityCase): number {
  const [B, , frames] = given.values('input.x').shape as [number, number, number];
  const [tokens, each] = [rows / B, R / B];
  if (R === 1) return 0;
  return each * Math.floor(row / tokens) + (each === 2 && row % tokens >= tokens / frames ? 1 : 0);
}

const picked = ({ data }: Values, shape: readonly number[], from: (i: number) => number): Values => ({
  shape,
  data: Float32Array.from({ length: sizeOf(shape) }, (_, i) => data[from(i)]!),
});
