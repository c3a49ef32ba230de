// An upsampler's `model_index.json`: the folders of its models, its defaults, its windows and tiles. What it shares with other
// checkpoints of Movie Gen is read by modelIndex.ts.

import { isImageConfig, parseConfig, type TAEConfig } from '@moviegen/tae';
import { CheckpointError, shown } from '../../errors.ts';
import type { UpscaleDefaults } from '../../generate/upscale.ts';
import { isRecord, type ModelIndex, parseModelIndex } from './modelIndex.ts';

/** The `_class_name` of an upsampler's index. */
export const UPSAMPLER_CLASS = 'MovieGenUpsamplerPipeline';

/** The contents of an upsampler's index. `tae` is the folder of its image autoencoder. */
export interface UpsamplerIndex extends Omit<ModelIndex, 'video' | 'prompts'>, UpscaleDefaults {
  readonly sampler: ModelIndex['sampler'];
}

/** Whether an index is of an upsampler. */
export const isUpsampler = (index: unknown): boolean =>
  isRecord(index) && index._class_name === UPSAMPLER_CLASS;

/**
 * Reads the index of an upsampler; entries that it leaves out have the paper's values, or ours where it gives none.
 * @throws CheckpointError listing what is wrong
 */
export function parseUpsamplerIndex(json: unknown, path = 'model_index.json'): UpsamplerIndex {
  if (!isRecord(json) || json._class_name !== UPSAMPLER_CLASS)
    throw new CheckpointError(
      `checkpoint: ${path}: _class_name: got ${shown(isRecord(json) ? json._class_name : json)}, expected ${shown(UPSAMPLER_CLASS)}; ` +
        'this is not an upsampler',
    );
  const { vae = 'vae', sampler = {}, scale = 2, window = {}, tile = {}, ...rest } = json;
  const {
    video: _,
    prompts: __,
    ...shared
  } = parseModelIndex(
    {
      ...rest,
      _class_name: 'MovieGenPipeline',
      tae: vae,
      sampler: isRecord(sampler) ? { steps: 20, guidance_scale: 1, schedule: 'linear', ...sampler } : sampler,
    },
    path,
  );
  const problems: string[] = [];
  const pair = (name: string, value: unknown, first: string, usual: readonly [number, number]) => {
    const given = isRecord(value) ? value : {};
    const [size, overlap] = [given[first] ?? usual[0], given.overlap ?? usual[1]] as [number, number];
    const right = Number.isInteger(size) && Number.isInteger(overlap) && 0 <= overlap && overlap < size;
    if (!right || !isRecord(value))
      problems.push(
        `${name}: got ${JSON.stringify(value)}, expected { ${first}, overlap }, 0 <= overlap < ${first}`,
      );
    return [size, overlap] as const;
  };
  const [frames, sharedFrames] = pair('window', window, 'frames', [14, 4]);
  const [size, sharedSize] = tile === 'none' ? [64, 16] : pair('tile', tile, 'size', [64, 16]);
  if (!(typeof scale === 'number' && scale >= 1))
    problems.push(`scale: got ${shown(scale)}, expected a number of at least 1`);
  if (problems.length > 0)
    throw new CheckpointError(`checkpoint: ${path} is wrong:\n  ${problems.join('\n  ')}`);
  return {
    ...shared,
    scale: scale as number,
    window: { frames, overlap: sharedFrames },
    tile: tile === 'none' ? 'none' : { size, overlap: sharedSize },
  };
}

/** The config of its autoencoder, which takes each frame on its own. @throws CheckpointError where it is not one of images */
export function imageConfig(json: unknown): TAEConfig {
  if (isImageConfig(json)) return { ...parseConfig(json), temporal: false };
  throw new CheckpointError('an upsampler takes an image autoencoder (AutoencoderKL), frame by frame');
}
