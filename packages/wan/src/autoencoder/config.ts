// Configuration of Wan's autoencoder: the keys of diffusers' `AutoencoderKLWan`, and the two published sizes. Not here: the
// statistics of its latents (statistics.ts), a configuration by its weights (inferConfig.ts).

import { ConfigError } from '@moviegen/tensor';
import { latentStatistics } from './statistics.ts';

/** Sizes of a Wan autoencoder. `config.json` spells the same keys in snake case. */
export interface WanAutoencoderConfig {
  /** Width of the encoder's first level; `dimMult` multiplies it, level by level. */
  readonly baseDim: number;
  /** Width of the decoder's last level. */
  readonly decoderBaseDim: number;
  /** C of the latents. */
  readonly zDim: number;
  readonly dimMult: readonly number[];
  /** Residual blocks per level in the encoder; the decoder has one more. */
  readonly numResBlocks: number;
  /** Whether the step after a level of the encoder halves the frames too; the decoder doubles them in reversed order. */
  readonly temperalDownsample: readonly boolean[];
  /** Wan 2.2: each level has a shortcut without weights around it. */
  readonly isResidual: boolean;
  /** Pixels along each axis that become channels before the encoder, and pixels again after the decoder: 1 or, in 2.2, 2. */
  readonly patchSize: number;
  /** The transformer sees `(z - latentsMean) / latentsStd`, channel by channel. */
  readonly latentsMean: readonly number[];
  readonly latentsStd: readonly number[];
}

/** Frames per latent frame, after the first. */
export const TEMPORAL_FACTOR = 4;

/** Pixels along height and width per position of the latents: 8 in 2.1, 16 in 2.2. */
export const spatialFactor = ({ dimMult, patchSize }: WanAutoencoderConfig): number =>
  patchSize * 2 ** (dimMult.length - 1);

/** Channels of a picture as encoder and decoder see it. */
export const pictureChannels = ({ patchSize }: WanAutoencoderConfig): number => 3 * patchSize ** 2;

const CLASS_NAME = 'AutoencoderKLWan';

const isCount = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 1;

/** In these files null means: not set. */
const withoutNull = (json: object) =>
  Object.fromEntries(Object.entries(json).filter(([, value]) => value !== null));

/** What older files leave out. */
const defaults = {
  base_dim: 96,
  z_dim: 16,
  dim_mult: [1, 2, 4, 4],
  num_res_blocks: 2,
  temperal_downsample: [false, true, true],
  is_residual: false,
  attn_scales: [],
};

/**
 * Reads the `config.json` of an `AutoencoderKLWan`. Keys that older files leave out take the defaults of that class; the
 * statistics of 16 or 48 latent channels that are left out are the published ones.
 * @throws ConfigError naming every key that is wrong or not supported, with what came and what was expected.
 */
export function parseAutoencoderConfig(json: unknown): WanAutoencoderConfig {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new ConfigError(`wan autoencoder: config must be an object, got ${JSON.stringify(json)}`);
  const given = { ...defaults, ...withoutNull(json) } as Readonly<Record<string, unknown>>;
  const name = given._class_name;
  if (name !== undefined && name !== CLASS_NAME)
    throw new ConfigError(
      `wan autoencoder: config is wrong: _class_name: got ${JSON.stringify(name)}, expected ${CLASS_NAME}; is this another model's config?`,
    );
  const problems: string[] = [];
  const expect = (key: string, ok: boolean, expected: string): boolean => {
    if (!ok) problems.push(`${key}: got ${JSON.stringify(given[key])}, expected ${expected}`);
    return ok;
  };
  const whole = (key: string): number => {
    expect(key, isCount(given[key]), 'an integer of at least 1');
    return given[key] as number;
  };
  const list = <T>(key: string, ok: (one: unknown) => boolean, length: number, expected: string): T[] => {
    const value = given[key];
    const right = Array.isArray(value) && value.length === length && value.every(ok);
    return expect(key, right, expected) ? (value as T[]) : [];
  };

  const dimMult = Array.isArray(given.dim_mult) ? (given.dim_mult as number[]) : [];
  expect('dim_mult', dimMult.length >= 3 && dimMult.every(isCount), 'at least 3 factors, one per level');
  const steps = dimMult.length - 1;
  const temperalDownsample = list<boolean>(
    'temperal_downsample',
    (one) => typeof one === 'boolean',
    steps,
    `${steps} of true or false, one between two levels`,
  );
  if (temperalDownsample.length > 0)
    expect(
      'temperal_downsample',
      temperalDownsample.filter(Boolean).length === 2,
      `two of them true: a latent frame stands for ${TEMPORAL_FACTOR} frames`,
    );
  given.patch_size !== undefined && whole('patch_size');
  const zDim = whole('z_dim');
  const statistics = latentStatistics[zDim];
  const channels = (key: 'latents_mean' | 'latents_std', known: readonly number[] | undefined) => {
    if (given[key] === undefined && known) return known;
    const positive = key === 'latents_std';
    const ok = (one: unknown) => Number.isFinite(one) && !(positive && (one as number) <= 0);
    return list<number>(
      key,
      ok,
      zDim,
      `${zDim} numbers${positive ? ' above 0' : ''}, one per latent channel`,
    );
  };
  const config: WanAutoencoderConfig = {
    baseDim: whole('base_dim'),
    decoderBaseDim:
      given.decoder_base_dim === undefined ? (given.base_dim as number) : whole('decoder_base_dim'),
    zDim,
    dimMult,
    numResBlocks: whole('num_res_blocks'),
    temperalDownsample,
    isResidual: given.is_residual as boolean,
    patchSize: (given.patch_size as number | undefined) ?? 1,
    latentsMean: channels('latents_mean', statistics?.mean),
    latentsStd: channels('latents_std', statistics?.std),
  };
  expect('is_residual', typeof config.isResidual === 'boolean', 'true or false');
  const scales = given.attn_scales;
  expect(
    'attn_scales',
    Array.isArray(scales) && scales.length === 0,
    'none: attention is in the middle only',
  );
  const agrees = (key: string, value: number, why: string) =>
    given[key] === undefined || expect(key, given[key] === value, `${value}, ${why}`);
  const rgb = pictureChannels(config);
  agrees('in_channels', rgb, `the colours of patch_size ${config.patchSize}`);
  agrees('out_channels', rgb, `the colours of patch_size ${config.patchSize}`);
  agrees('scale_factor_spatial', spatialFactor(config), 'by dim_mult and patch_size');
  agrees('scale_factor_temporal', TEMPORAL_FACTOR, 'by temperal_downsample');
  if (problems.length > 0)
    throw new ConfigError(`wan autoencoder: config is wrong:\n  ${[...new Set(problems)].join('\n  ')}`);
  return config;
}

/** The `config.json` that diffusers writes of a configuration. */
export const autoencoderConfigJson = (config: WanAutoencoderConfig) => ({
  _class_name: CLASS_NAME,
  attn_scales: [],
  base_dim: config.baseDim,
  decoder_base_dim: config.decoderBaseDim,
  dim_mult: config.dimMult,
  in_channels: pictureChannels(config),
  is_residual: config.isResidual,
  latents_mean: config.latentsMean,
  latents_std: config.latentsStd,
  num_res_blocks: config.numResBlocks,
  out_channels: pictureChannels(config),
  patch_size: config.patchSize === 1 ? null : config.patchSize,
  scale_factor_spatial: spatialFactor(config),
  scale_factor_temporal: TEMPORAL_FACTOR,
  temperal_downsample: config.temperalDownsample,
  z_dim: config.zDim,
});

/** The autoencoders of Wan 2.1 and of Wan 2.2's 5B model; 2.2's other models have the one of 2.1. */
export const autoencoderConfigs: Readonly<Record<'2.1' | '2.2', WanAutoencoderConfig>> = {
  '2.1': parseAutoencoderConfig({}),
  '2.2': parseAutoencoderConfig({
    base_dim: 160,
    decoder_base_dim: 256,
    z_dim: 48,
    is_residual: true,
    patch_size: 2,
  }),
};
