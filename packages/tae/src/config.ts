// A temporal autoencoder's configuration: the keys of the public image autoencoders' config.json
// (`AutoencoderKL`), and `temporal`. Not here: weights (weights.ts).

import { ConfigError } from '@moviegen/tensor';

/** Sizes of a temporal autoencoder. `config.json` spells the same keys in snake case. */
export interface TAEConfig {
  readonly inChannels: number;
  readonly outChannels: number;
  /** C of the latent. */
  readonly latentChannels: number;
  /** Width of each level; each step between two halves height, width and, where temporal, frames. */
  readonly blockOutChannels: readonly number[];
  /** Residual blocks per level in the encoder; the decoder has one more. */
  readonly layersPerBlock: number;
  readonly normNumGroups: number;
  readonly midBlockAddAttention: boolean;
  readonly useQuantConv: boolean;
  readonly usePostQuantConv: boolean;
  /** The DiT sees `(z - shiftFactor) * scalingFactor`. */
  readonly scalingFactor: number;
  readonly shiftFactor: number;
  /** False: the plain image autoencoder, each frame on its own, with as many latent frames as frames. */
  readonly temporal: boolean;
}

const CLASS_NAMES: readonly string[] = ['TemporalAutoencoder', 'AutoencoderKL'];
const base: TAEConfig = {
  inChannels: 3,
  outChannels: 3,
  latentChannels: 16,
  blockOutChannels: [128, 256, 512, 512],
  layersPerBlock: 2,
  normNumGroups: 32,
  midBlockAddAttention: true,
  useQuantConv: false,
  usePostQuantConv: false,
  scalingFactor: 1,
  shiftFactor: 0,
  temporal: true,
};

/** Keys of the libraries in which image autoencoders were first written: what they say has other names here. */
const ORIGINAL_KEYS = ['ddconfig', 'z_channels', 'ch_mult'];

/** Whether a config is of a public image autoencoder: by its class; without one, if nothing in it says `temporal`. */
export function isImageConfig(json: unknown): boolean {
  if (typeof json !== 'object' || json === null) return false;
  const { _class_name: name } = json as Readonly<Record<string, unknown>>;
  if (name !== undefined) return name === 'AutoencoderKL';
  return !Object.hasOwn(json, 'temporal') && Object.keys(json).length > 0;
}

/**
 * Reads the `config.json` of a temporal autoencoder or of a public `AutoencoderKL`. What an `AutoencoderKL` leaves out
 * takes the default of that class, except `block_out_channels` and `latent_channels`, which must be there.
 * @throws ConfigError naming every key that is wrong, with what came and what was expected.
 */
export function parseConfig(json: unknown): TAEConfig {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new ConfigError(`tae: config must be an object, got ${JSON.stringify(json)}`);
  const given = json as Readonly<Record<string, unknown>>;
  const problems: string[] = [];
  const original = ORIGINAL_KEYS.find((key) => Object.hasOwn(given, key));
  if (original !== undefined)
    throw new ConfigError(
      `tae: config is wrong: ${original} is a key of the original library (LDM): give the config.json of diffusers' AutoencoderKL`,
    );
  const image = isImageConfig(given);
  // `model_type` is what transformers' models have.
  for (const key of ['_class_name', 'model_type']) {
    const value = given[key];
    if (value === undefined || (key === '_class_name' && CLASS_NAMES.includes(value as string))) continue;
    const got = `${key}: got ${JSON.stringify(value)}, expected ${CLASS_NAMES.join(' or ')}`;
    throw new ConfigError(`tae: config is wrong: ${got}; is this another model's config?`); // the rest would be noise
  }

  const take = <T>(key: string, fallback: T, ok: (value: unknown) => boolean, expected: string): T => {
    const value = given[key] ?? fallback;
    if (ok(value)) return value as T;
    problems.push(`${key}: got ${JSON.stringify(value)}, expected ${expected}`);
    return fallback;
  };
  const count = (value: unknown) => Number.isInteger(value) && (value as number) >= 1;
  const number = (value: unknown) => typeof value === 'number' && Number.isFinite(value);
  const flag = (value: unknown) => typeof value === 'boolean';
  const widths = (value: unknown) => Array.isArray(value) && value.length >= 1 && value.every(count);
  const whole = (key: string, fallback: number) => take(key, fallback, count, 'an integer of at least 1');
  const only = (value: string, key: string) =>
    take(key, [value], (list) => Array.isArray(list) && list.every((one) => one === value), `only ${value}`);
  const none = (key: string) => take(key, null, (value) => value === null, 'none');

  const config: TAEConfig = {
    inChannels: take(
      'in_channels',
      3,
      (value) => value === 3,
      '3: other pictures than RGB are not coded here',
    ),
    outChannels: take(
      'out_channels',
      3,
      (value) => value === 3,
      '3: other pictures than RGB are not coded here',
    ),
    latentChannels: whole('latent_channels', image ? Number.NaN : base.latentChannels),
    blockOutChannels: take(
      'block_out_channels',
      image ? [] : base.blockOutChannels,
      widths,
      'a list of widths, one a level',
    ),
    layersPerBlock: whole('layers_per_block', image ? 1 : base.layersPerBlock),
    normNumGroups: whole('norm_num_groups', base.normNumGroups),
    midBlockAddAttention: take('mid_block_add_attention', base.midBlockAddAttention, flag, 'true or false'),
    useQuantConv: take('use_quant_conv', image, flag, 'true or false'),
    usePostQuantConv: take('use_post_quant_conv', image, flag, 'true or false'),
    scalingFactor: take(
      'scaling_factor',
      image ? 0.18215 : base.scalingFactor,
      (v) => number(v) && (v as number) > 0,
      'a number above 0',
    ),
    shiftFactor: take('shift_factor', base.shiftFactor, number, 'a number, or none'),
    temporal: take('temporal', base.temporal, flag, 'true or false'),
  };
  // Settings of the class that this model does not support.
  only('DownEncoderBlock2D', 'down_block_types');
  only('UpDecoderBlock2D', 'up_block_types');
  take('act_fn', 'silu', (value) => value === 'silu' || value === 'swish', 'silu');
  none('latents_mean');
  none('latents_std');
  for (const width of config.blockOutChannels)
    if (width % config.normNumGroups !== 0)
      problems.push(
        `norm_num_groups: ${config.normNumGroups} must divide each of block_out_channels, got ${width}`,
      );
  if (problems.length > 0) throw new ConfigError(`tae: config is wrong:\n  ${problems.join('\n  ')}`);
  return config;
}

/** Compression of height and width, and of frames where the autoencoder is temporal: 8 in all public ones. */
export function compression(config: TAEConfig): number {
  return 2 ** (config.blockOutChannels.length - 1);
}
