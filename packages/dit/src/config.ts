// A DiT's configuration: the keys of its config.json, the three published sizes, and the checks that name
// the keys at fault. Not here: weights (weights.ts).

import { ConfigError } from '@moviegen/tensor';
import { TEXT_SOURCES, type TextSourceName } from './textStates.ts';

/** Sizes of a DiT. `config.json` spells the same keys in snake case. */
export interface DiTConfig {
  /** Channels of the patchify: C, and those of what is given (`conditioning`). */
  readonly inChannels: number;
  /** C, the latent's and the velocity's channels. */
  readonly outChannels: number;
  /** What is given beside X_t, by channels: `video` C latents, `masked` a mask of one channel, then C latents. */
  readonly conditioning: Conditioning | undefined;
  /** Names of tasks; empty where the model knows none. One row more stands for a task that is not named. */
  readonly tasks: readonly string[];
  /**
   * How a picture stands for the first frame: `near`, since a latent frame is of several frames; or `exact`, where the model is
   * trained on videos that begin with copies of their first frame, so that the first latent frame is of it alone.
   */
  readonly firstFrame: (typeof FIRST_FRAMES)[number];
  /** Latent positions of a token: a patch of `[1, h, w]`. */
  readonly patchSize: readonly [t: number, h: number, w: number];
  /** D. */
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly ffnHiddenSize: number;
  readonly normEps: number;
  /** Width of the sinusoid of the flow's time. */
  readonly timestepDim: number;
  /** Rows of the position tables: tokens along t, h, w. Longer grids are interpolated. */
  readonly maxGrid: readonly [t: number, h: number, w: number];
  /** Width of the states of each text encoder, and of an image tower (`vision`); an absent one is not projected. */
  readonly textDims: Readonly<Partial<Record<TextSourceName, number>>>;
}

/** See `DiTConfig.conditioning`. */
export type Conditioning = 'video' | 'masked';
const FIRST_FRAMES = ['near', 'exact'] as const;

/** Channels of what is given beside C of the latents. */
export function givenChannels({
  conditioning,
  outChannels: C,
}: Pick<DiTConfig, 'conditioning' | 'outChannels'>): number {
  if (conditioning === undefined) return 0;
  return conditioning === 'video' ? C : C + 1;
}

const base = {
  inChannels: 16,
  outChannels: 16,
  conditioning: undefined,
  tasks: [],
  firstFrame: 'near',
  patchSize: [1, 2, 2],
  normEps: 1e-5,
  timestepDim: 256,
  maxGrid: [32, 48, 48],
  textDims: { ul2: 4096, metaclip: 1024, byt5: 1472 },
} as const;

/**
 * The published sizes: `30b` is Movie Gen's own, `5b` and `1b` are a public reproduction's. `7b` is a spatial upsampler of the
 * size that the paper gives; its layers and widths are our choice.
 */
export const configs: Readonly<Record<'30b' | '5b' | '1b' | '7b', DiTConfig>> = {
  '30b': { ...base, hiddenSize: 6144, numLayers: 48, numHeads: 48, ffnHiddenSize: 16384 },
  '5b': { ...base, hiddenSize: 3072, numLayers: 32, numHeads: 24, ffnHiddenSize: 8192 },
  '1b': { ...base, hiddenSize: 1536, numLayers: 24, numHeads: 16, ffnHiddenSize: 4096 },
  '7b': {
    ...base,
    inChannels: 32,
    conditioning: 'video',
    hiddenSize: 4096,
    numLayers: 26,
    numHeads: 32,
    ffnHiddenSize: 11008,
  },
};

/**
 * Reads a DiT's `config.json`.
 * @param json the parsed file; sizes that the published models share (channels, patch, tables ...) may be absent.
 * @throws ConfigError naming every key that is wrong, with what came and what was expected.
 */
export function parseConfig(json: unknown): DiTConfig {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new ConfigError(`dit: config must be an object, got ${JSON.stringify(json)}`);
  const given = json as Readonly<Record<string, unknown>>;
  const problems: string[] = [];
  const className = given._class_name;
  if (className !== undefined && className !== 'MovieGenDiT')
    problems.push(
      `_class_name: got ${JSON.stringify(className)}, expected "MovieGenDiT"; is this another model's config?`,
    );

  const whole = (key: string, value: unknown, min = 1): number => {
    if (Number.isInteger(value) && (value as number) >= min) return value as number;
    problems.push(`${key}: got ${JSON.stringify(value)}, expected an integer of at least ${min}`);
    return min;
  };
  const three = (key: string, fallback: readonly [number, number, number]): [number, number, number] => {
    const value = given[key] ?? fallback;
    if (!Array.isArray(value) || value.length !== 3) {
      problems.push(`${key}: got ${JSON.stringify(value)}, expected three integers`);
      return [1, 1, 1];
    }
    return [0, 1, 2].map((i) => whole(`${key}[${i}]`, value[i])) as [number, number, number];
  };

  const inChannels = whole('in_channels', given.in_channels ?? base.inChannels);
  const config: DiTConfig = {
    inChannels,
    outChannels: whole('out_channels', given.out_channels ?? inChannels),
    conditioning: oneOf('conditioning', given.conditioning ?? undefined, ['video', 'masked'], problems),
    tasks: tasks(given.tasks ?? [], problems),
    firstFrame: oneOf('first_frame', given.first_frame ?? 'near', FIRST_FRAMES, problems) ?? 'near',
    patchSize: three('patch_size', base.patchSize),
    hiddenSize: whole('hidden_size', given.hidden_size),
    numLayers: whole('num_layers', given.num_layers),
    numHeads: whole('num_heads', given.num_heads),
    ffnHiddenSize: whole('ffn_hidden_size', given.ffn_hidden_size),
    normEps: positive('norm_eps', given.norm_eps ?? base.normEps, problems),
    timestepDim: whole('timestep_dim', given.timestep_dim ?? base.timestepDim, 2),
    maxGrid: three('max_grid', base.maxGrid),
    textDims: textDims(given.text_dims ?? base.textDims, problems, whole),
  };
  const wanted = config.outChannels + givenChannels(config);
  if (inChannels !== wanted)
    problems.push(
      `in_channels: got ${inChannels}, expected ${wanted}: out_channels ${config.outChannels}` +
        (config.conditioning === undefined
          ? ', and no conditioning'
          : ` and conditioning ${JSON.stringify(config.conditioning)}`),
    );
  if (config.tasks.length > 0 && config.conditioning === undefined)
    problems.push('tasks: they need conditioning "video" or "masked": there is nothing to edit');
  if (config.patchSize[0] !== 1)
    problems.push(`patch_size: got [${config.patchSize}], expected a patch of one frame, [1, h, w]`);
  if (config.hiddenSize % config.numHeads !== 0)
    problems.push(`num_heads: ${config.numHeads} must divide hidden_size ${config.hiddenSize}`);
  if (config.timestepDim % 2 !== 0)
    problems.push(`timestep_dim: got ${config.timestepDim}, expected an even number`);
  if (problems.length > 0) throw new ConfigError(`dit: config is wrong:\n  ${problems.join('\n  ')}`);
  return config;
}

function positive(key: string, value: unknown, problems: string[]): number {
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
  problems.push(`${key}: got ${JSON.stringify(value)}, expected a number above 0`);
  return 1;
}

function oneOf<T extends string>(
  key: string,
  value: unknown,
  known: readonly T[],
  problems: string[],
): T | undefined {
  const found = known.find((name) => name === value);
  if (found === undefined && value !== undefined)
    problems.push(
      `${key}: got ${JSON.stringify(value)}, expected ${known.map((name) => JSON.stringify(name)).join(' or ')}`,
    );
  return found;
}

function tasks(value: unknown, problems: string[]): readonly string[] {
  const names = Array.isArray(value) ? value : [undefined];
  if (names.every((name) => typeof name === 'string' && name !== '') && new Set(names).size === names.length)
    return names;
  problems.push(`tasks: got ${JSON.stringify(value)}, expected a list of different names`);
  return [];
}

function textDims(
  value: unknown,
  problems: string[],
  whole: (key: string, value: unknown) => number,
): DiTConfig['textDims'] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    problems.push(
      `text_dims: got ${JSON.stringify(value)}, expected widths by encoder, ${TEXT_SOURCES.join(', ')}`,
    );
    return {};
  }
  const given = value as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(given))
    if (!(TEXT_SOURCES as readonly string[]).includes(name))
      problems.push(
        `text_dims: unknown encoder ${JSON.stringify(name)}, expected ${TEXT_SOURCES.join(', ')}`,
      );
  const present = TEXT_SOURCES.filter((name) => Object.hasOwn(given, name));
  return Object.fromEntries(present.map((name) => [name, whole(`text_dims.${name}`, given[name])]));
}
