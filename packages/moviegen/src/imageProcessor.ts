// Frames to the pixels that an image tower takes, by the `preprocessor_config.json` that transformers writes beside it. Not
// here: the tower (ImageModel).

import { ConfigReader } from '@moviegen/text';
import { readJson } from './checkpoint/files.ts';
import type { CheckpointFiles } from './checkpointFiles.ts';
import { CheckpointError } from './errors.ts';
import type { Frames } from './video/frames.ts';
import { type ResampleFilter, resampled } from './video/resample.ts';

/** How pictures are prepared for an image tower. */
export interface ImageProcessor {
  /** The size to which a picture is resized: its shortest edge, or both sides. Undefined: it is not. */
  readonly resize: { readonly shortestEdge: number } | Size | undefined;
  /** The size that is cut out of the middle; black where the picture is smaller. Undefined: all of it. */
  readonly crop: Size | undefined;
  readonly filter: ResampleFilter;
  /** What 8-bit values are multiplied by. */
  readonly rescale: number;
  /** Per channel: the mean that is taken off, and the deviation that is divided by. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

interface Size {
  readonly height: number;
  readonly width: number;
}

const FILTERS: Readonly<Record<number, ResampleFilter>> = { 1: 'lanczos', 2: 'bilinear', 3: 'bicubic' };
/** CLIP's, where a folder has no file. */
const MEAN = [0.48145466, 0.4578275, 0.40821073] as const;
const STD = [0.26862954, 0.26130258, 0.27577711] as const;

/**
 * Reads a `preprocessor_config.json`.
 * @param json its content; `{}` where there is none
 * @param imageSize pixels of the side of the tower's picture, the size where the file names none
 * @throws ConfigError naming every key that is wrong
 */
export function parseImageProcessor(json: unknown, imageSize: number): ImageProcessor {
  const config = new ConfigReader('image processor', json);
  const code = config.integer('resample', 3, 0);
  if (FILTERS[code] === undefined) config.wrong('resample', code, '1 (Lanczos), 2 (bilinear) or 3 (bicubic)');
  const numbers = (key: string, fallback: readonly number[]) => config.numbers(key, fallback, 3);
  const result: ImageProcessor = {
    resize: config.flag('do_resize', true) ? sizeAt(config, 'size', imageSize) : undefined,
    crop: config.flag('do_center_crop', true) ? squareAt(config, 'crop_size', imageSize) : undefined,
    filter: FILTERS[code] ?? 'bicubic',
    rescale: config.flag('do_rescale', true) ? config.positive('rescale_factor', 1 / 255) : 1,
    mean: config.flag('do_normalize', true) ? numbers('image_mean', MEAN) : [0, 0, 0],
    std: config.flag('do_normalize', true) ? numbers('image_std', STD) : [1, 1, 1],
  };
  config.finish();
  return result;
}

function sizeAt(config: ConfigReader, key: string, fallback: number): ImageProcessor['resize'] {
  if (isSide(config, key)) return { shortestEdge: config.integer(key, fallback) };
  const size = config.inside(key);
  if (!size.has('shortest_edge')) return squareAt(config, key, fallback);
  const shortestEdge = size.integer('shortest_edge');
  size.finish();
  return { shortestEdge };
}

function squareAt(config: ConfigReader, key: string, fallback: number): Size {
  const size = isSide(config, key) ? undefined : config.inside(key);
  const side = (name: string) => size?.integer(name) ?? config.integer(key, fallback);
  const result = { height: side('height'), width: side('width') };
  size?.finish();
  return result;
}

/** Whether a size is one number, or left out. */
const isSide = (config: ConfigReader, key: string): boolean => typeof (config.value(key) ?? 0) === 'number';

/** The folders beside a tower in which pipelines of diffusers keep the preparation of pictures. */
const BESIDE = ['image_processor', 'feature_extractor'];

/** The parsed `preprocessor_config.json` of a tower, out of its folder or one beside it; `{}` where there is none. */
export async function readImageProcessor(
  files: CheckpointFiles,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  for (const place of folder === '' ? [''] : [folder, ...BESIDE]) {
    const json = await readJson(files, place, 'preprocessor_config.json', signal);
    if (json !== undefined) return json;
  }
  return {};
}

/** @param path of the tower @throws CheckpointError where prepared pictures would not have the tower's size. */
export function checkPrepared({ resize, crop }: ImageProcessor, size: number, path: string): void {
  const made = crop ?? (resize && 'height' in resize ? resize : undefined);
  if (made?.height === size && made.width === size) return;
  const got = made ? `${made.width}x${made.height}` : 'pictures of any size';
  throw new CheckpointError(
    `image: ${path}: preprocessor_config.json gives ${got}, but the tower takes ${size}x${size}`,
  );
}

/** Pixels of frames as the tower takes them: [T, 3, S, S]. */
export function processFrames(
  processor: ImageProcessor,
  frames: Frames,
): { readonly data: Float32Array<ArrayBuffer>; readonly shape: [number, number, number, number] } {
  const { resize, crop, filter, rescale, mean, std } = processor;
  const { data: bytes, shape } = resize ? resampled(frames, ...sizeOf(frames, resize), filter) : frames;
  const [T, H, W] = shape;
  const { height, width } = crop ?? { height: H, width: W };
  const [top, left] = [offset(H, height), offset(W, width)];
  const data = new Float32Array(T * 3 * height * width);
  let at = 0;
  for (let t = 0; t < T; t++)
    for (let c = 0; c < 3; c++)
      for (let y = top; y < top + height; y++)
        for (let x = left; x < left + width; x++) {
          const inside = y >= 0 && y < H && x >= 0 && x < W;
          const value = inside ? bytes[((t * H + y) * W + x) * 3 + c]! : 0;
          data[at++] = (value * rescale - mean[c]!) / std[c]!;
        }
  return { data, shape: [T, 3, height, width] };
}

/** Where a part in the middle begins; below 0 where it is larger than the whole. Halves as transformers rounds them. */
const offset = (whole: number, part: number): number =>
  whole >= part ? Math.floor((whole - part) / 2) : -Math.ceil((part - whole) / 2);

function sizeOf({ shape: [, H, W] }: Frames, size: NonNullable<ImageProcessor['resize']>): [number, number] {
  if ('height' in size) return [size.height, size.width];
  const { shortestEdge: S } = size;
  return H <= W ? [S, Math.trunc((S * W) / H)] : [Math.trunc((S * H) / W), S];
}
