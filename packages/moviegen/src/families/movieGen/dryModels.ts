// The models of a plan: of a published size or of a checkpoint's folder, on a device that allocates nothing. Configs
// and tokenizers are read, weights never.

import {
  DiT,
  type DiTConfig,
  configs as ditConfigs,
  isLinearWeight as isLinearOfDiT,
  loadDiT,
  parseConfig as parseDitConfig,
  type TextEncoderName,
} from '@moviegen/dit';
import { BYTES, canQuantize, type DType } from '@moviegen/kernels';
import { parseConfig as parseTaeConfig, TAE, type TAEConfig } from '@moviegen/tae';
import type { Device, WeightSource } from '@moviegen/tensor';
import {
  type ClipTextConfig,
  ClipTextModel,
  isLinearWeight as isLinearOfText,
  parseClipTextConfig,
  parseT5Config,
  type T5Config,
  T5Encoder,
  TextEncoders,
} from '@moviegen/text';
import { missing, pathOf, readJson } from '../../checkpoint/files.ts';
import { type ModuleName, type ModulePrecision, modulePrecisions } from '../../checkpoint/precision.ts';
import { readTokenizer } from '../../checkpoint/tokenizerFiles.ts';
import type { CheckpointFiles } from '../../checkpointFiles.ts';
import { CheckpointError } from '../../errors.ts';
import type { LoadModelsOptions, PlannedPipeline, PlannedWeights } from '../../generate/family.ts';
import { type ModelIndex, parseModelIndex } from './modelIndex.ts';
import { MovieGenModels } from './models.ts';

/** Configs of a pipeline's models, and its tokenizers where it has any. */
export interface PipelineConfigs {
  readonly name: string;
  readonly index: ModelIndex;
  readonly dit: DiTConfig;
  readonly tae: TAEConfig;
  readonly ul2?: { readonly config: T5Config; readonly json: unknown; readonly tokenizer?: Tokenizer };
  readonly metaclip?: {
    readonly config: ClipTextConfig;
    readonly json: unknown;
    readonly tokenizer?: Tokenizer;
  };
  readonly byt5?: { readonly config: T5Config; readonly json: unknown };
}

interface Tokenizer {
  readonly tokenizer: unknown;
  readonly tokenizerConfig: unknown;
}

// The published encoders: google/ul2, MetaCLIP's long-prompt text tower, google/byt5-small.
const UL2 = {
  ...{
    model_type: 't5',
    vocab_size: 32128,
    d_model: 4096,
    num_layers: 32,
    num_heads: 16,
    d_kv: 256,
    d_ff: 16384,
  },
  feed_forward_proj: 'gated-silu',
};
const METACLIP = {
  ...{ model_type: 'clip_text_model', vocab_size: 49408, hidden_size: 1024, num_hidden_layers: 24 },
  ...{
    num_attention_heads: 16,
    intermediate_size: 4096,
    hidden_act: 'quick_gelu',
    max_position_embeddings: 256,
  },
};
const BYT5 = {
  ...{ model_type: 't5', vocab_size: 384, d_model: 1472, num_layers: 12, num_heads: 6, d_kv: 64, d_ff: 3584 },
  feed_forward_proj: 'gated-gelu',
};

/** A published size with the published encoders and autoencoder. */
export function publishedPipeline(name: keyof typeof ditConfigs): PipelineConfigs {
  return {
    name,
    index: parseModelIndex({ text_encoders: { ul2: 'ul2', metaclip: 'metaclip', byt5: 'byt5' } }),
    dit: ditConfigs[name],
    tae: parseTaeConfig({}),
    ul2: { config: parseT5Config(UL2), json: UL2 },
    metaclip: { config: parseClipTextConfig(METACLIP), json: METACLIP },
    byt5: { config: parseT5Config(BYT5), json: BYT5 },
  };
}

/** The configs of a checkpoint's folder. @throws CheckpointError */
export async function checkpointPipeline(
  files: CheckpointFiles,
  signal?: AbortSignal,
): Promise<PipelineConfigs> {
  await files.check?.();
  const json = async (folder: string, name: string) => {
    const value = await readJson(files, folder, name, signal);
    if (value !== undefined) return value;
    throw await missing(files, folder, name, signal);
  };
  const index = parseModelIndex(await json('', 'model_index.json'), pathOf(files, '', 'model_index.json'));
  const parsed = async <T>(folder: string, parse: (json: unknown) => T) => {
    const config = await json(folder, 'config.json');
    try {
      return { config: parse(config), json: config };
    } catch (cause) {
      throw new CheckpointError(`checkpoint: ${pathOf(files, folder, '')}: ${(cause as Error).message}`, {
        cause,
      });
    }
  };
  const tokenizer = async (folder: string) => {
    const { tokenizer, tokenizerConfig = {} } = await readTokenizer(files, folder, signal);
    if (tokenizer === undefined) throw await missing(files, folder, 'tokenizer.json', signal);
    return { tokenizer, tokenizerConfig };
  };
  const { ul2, metaclip, byt5 } = index.textEncoders;
  return {
    name: files.label,
    index,
    dit: (await parsed(index.transformer, parseDitConfig)).config,
    tae: (await parsed(index.tae, parseTaeConfig)).config,
    ...(ul2 !== undefined && {
      ul2: { ...(await parsed(ul2, parseT5Config)), tokenizer: await tokenizer(ul2) },
    }),
    ...(metaclip !== undefined && {
      metaclip: { ...(await parsed(metaclip, parseClipTextConfig)), tokenizer: await tokenizer(metaclip) },
    }),
    ...(byt5 !== undefined && { byt5: await parsed(byt5, parseT5Config) }),
  };
}

/** A pipeline that the planner can load. */
export const plannedPipeline = (pipeline: PipelineConfigs): PlannedPipeline => ({
  name: pipeline.name,
  load: (device, { dtype, ...options }) =>
    dryModels(device, pipeline, modulePrecisions(dtype, device), options),
});

/** Loads the models as `loadModels` does, in its order, of weights that are never there. */
export async function dryModels(
  device: Device,
  pipeline: PipelineConfigs,
  precisions: Readonly<Record<ModuleName, ModulePrecision>>,
  { maxMemory, signal }: Pick<LoadModelsOptions, 'maxMemory' | 'signal'>,
): Promise<{ readonly models: MovieGenModels; readonly weights: readonly PlannedWeights[] }> {
  const weights: PlannedWeights[] = [];
  const options = (module: ModuleName) => ({ dtype: precisions[module].dtype, ...(signal && { signal }) });
  const source = (
    part: PlannedWeights['part'],
    module: ModuleName,
    shapes: Readonly<Record<string, readonly number[]>>,
    isLinear: (name: string) => boolean,
  ) => {
    const dry = new DrySource(shapes, precisions[module], isLinear);
    weights.push(...dry.weights(part));
    return dry;
  };
  const { ul2, metaclip, byt5, index } = pipeline;
  const sources = {
    ul2: ul2 && source('ul2', 'text', T5Encoder.weightShapes(ul2.config), isLinearOfText),
    metaclip:
      metaclip && source('metaclip', 'text', ClipTextModel.weightShapes(metaclip.config), isLinearOfText),
    byt5: byt5 && source('byt5', 'text', T5Encoder.weightShapes(byt5.config), isLinearOfText),
  };
  const of = <T extends { readonly json: unknown; readonly tokenizer?: Tokenizer }>(
    given: T | undefined,
    weights: WeightSource | undefined,
  ) => given && weights && { config: given.json, weights, tokenizer: undefined, ...given.tokenizer };
  const tokenized = [ul2, metaclip].every(
    (encoder) => encoder === undefined || encoder.tokenizer !== undefined,
  );
  const text = tokenized
    ? await TextEncoders.load(
        device,
        { ul2: of(ul2, sources.ul2), metaclip: of(metaclip, sources.metaclip), byt5: of(byt5, sources.byt5) },
        { ...options('text'), maxLength: index.maxLength, stripQuoted: index.stripQuoted },
      )
    : await longestText(device, pipeline, sources, options('text'));
  const dit = await loadDiT(
    device,
    source('dit', 'dit', DiT.weightShapes(pipeline.dit), isLinearOfDiT),
    pipeline.dit,
    { ...options('dit'), maxMemory },
  );
  const tae = await TAE.load(
    device,
    source('tae', 'tae', TAE.weightShapes(pipeline.tae), () => false),
    pipeline.tae,
    options('tae'),
  );
  return { models: new MovieGenModels(index, text, dit, tae, () => {}), weights };
}

/** Encoders without tokenizers: every prompt but the null prompt is as long as they take. */
async function longestText(
  device: Device,
  { ul2, metaclip, byt5 }: PipelineConfigs,
  sources: Readonly<Partial<Record<TextEncoderName, WeightSource | undefined>>>,
  options: { readonly dtype: 'f32' | 'f16' },
): Promise<TextEncoders> {
  const models = {
    ul2: ul2 && (await T5Encoder.load(device, sources.ul2!, ul2.config, options)),
    metaclip: metaclip && (await ClipTextModel.load(device, sources.metaclip!, metaclip.config, options)),
    byt5: byt5 && (await T5Encoder.load(device, sources.byt5!, byt5.config, options)),
  };
  const lengths = { ul2: [1, 512], metaclip: [2, 256], byt5: [0, 100] } as const;
  const all = Object.entries(models).filter(([, model]) => model !== undefined);
  const text = {
    encode: (prompts: readonly string[]) =>
      Object.fromEntries(
        all.map(([name, model]) => {
          const [none, most] = lengths[name as TextEncoderName];
          return [
            name,
            model!.forward(prompts.map((prompt) => new Array<number>(prompt === '' ? none : most).fill(1))),
          ];
        }),
      ),
    dispose: () => {
      for (const [, model] of all) model!.dispose();
    },
  };
  return text as unknown as TextEncoders;
}

/** Weights that are never there: zeros, the same few of them again and again, in the type that the device wants. */
class DrySource implements WeightSource {
  readonly #types: ReadonlyMap<string, { readonly shape: readonly number[]; readonly dtype: string }>;

  constructor(
    shapes: Readonly<Record<string, readonly number[]>>,
    { dtype, quantize }: ModulePrecision,
    isLinear: (name: string) => boolean,
  ) {
    this.#types = new Map(
      Object.entries(shapes).map(([name, shape]) => {
        const quantized = quantize !== undefined && isLinear(name) && canQuantize(shape);
        return [name, { shape, dtype: quantized ? quantize : dtype }];
      }),
    );
  }

  /** How many there are of each type. */
  weights(part: PlannedWeights['part']): PlannedWeights[] {
    const dtypes = [...new Set([...this.#types.values()].map(({ dtype }) => dtype))];
    return dtypes.map((dtype) => {
      const names = this.names().filter((name) => this.#types.get(name)!.dtype === dtype);
      const parameters = names.reduce((sum, name) => sum + sizeOf(this.shape(name)), 0);
      return { part, dtype, parameters, bytes: names.reduce((sum, name) => sum + this.#bytes(name), 0) };
    });
  }

  names(): string[] {
    return [...this.#types.keys()];
  }

  shape(name: string): readonly number[] {
    return this.#types.get(name)!.shape;
  }

  dtype(name: string): string {
    return this.#types.get(name)!.dtype.toUpperCase();
  }

  async read(name: string): Promise<Uint8Array> {
    return new Uint8Array(this.#bytes(name));
  }

  async *pieces(names: readonly string[]) {
    for (const name of names) {
      const bytes = this.#bytes(name);
      for (let offset = 0; offset < bytes; offset += zeros.length)
        yield { name, offset, data: zeros.subarray(0, Math.min(zeros.length, bytes - offset)) };
    }
  }

  #bytes(name: string): number {
    return sizeOf(this.shape(name)) * BYTES[this.#types.get(name)!.dtype as DType];
  }
}

const zeros = new Uint8Array(2 ** 22);
const sizeOf = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);
