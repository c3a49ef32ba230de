// A DiT's configuration: the keys of its config.json, the three published sizes, and the checks that name
// the keys at fault. Not here: weights (weights.ts).

import { ConfigError } from '@moviegen/tensor';
import { TEXT_ENCODERS, type TextEncoderName } from './textStates.ts';

/** Sizes of a DiT. `config.json` spells the same keys in snake case. */
export interface DiTConfig {
  /** C, the latent's channels. */
  readonly inChannels: number;
  /** The velocity's channels; differs from `inChannels` in the spatial upsampler only. */
  readonly outChannels: number;
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
  /** Width of each text encoder's states; an absent encoder is not projected. */
  readonly textDims: Readonly<Partial<Record<TextEncoderName, number>>>;
}

const base = {
  inChannels: 16,
  outChannels: 16,
  patchSize: [1, 2, 2],
  normEps: 1e-5,
  timestepDim: 256,
  maxGrid: [32, 48, 48],
  textDims: { ul2: 4096, metaclip: 1024, byt5: 1472 },
} as const;

/** The published sizes: `30b` is Movie Gen's own, `5b` and `1b` are a public reproduction's. */
export const configs: Readonly<Record<'30b' | '5b' | '1b', DiTConfig>> = {
  '30b': { ...base, hiddenSize: 6144, numLayers: 48, numHeads: 48, ffnHiddenSize: 16384 },
  '5b': { ...base, hiddenSize: 3072, numLayers: 32, numHeads: 24, ffnHiddenSize: 8192 },
  '1b': { ...base, hiddenSize: 1536, numLayers: 24, numHeads: 16, ffnHiddenSize: 4096 },
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

function textDims(
  value: unknown,
  problems: string[],
  whole: (key: string, value: unknown) => number,
): DiTConfig['textDims'] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    problems.push(
      `text_dims: got ${JSON.stringify(value)}, expected widths by encoder, ${TEXT_ENCODERS.join(', ')}`,
    );
    return {};
  }
  const given = value as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(given))
    if (!(TEXT_ENCODERS as readonly string[]).includes(name))
      problems.push(
        `text_dims: unknown encoder ${JSON.stringify(name)}, expected ${TEXT_ENCODERS.join(', ')}`,
      );
  const present = TEXT_ENCODERS.filter((name) => Object.hasOwn(given, name));
  return Object.fromEntries(present.map((name) => [name, whole(`text_dims.${name}`, given[name])]));
}
