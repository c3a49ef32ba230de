// A checkpoint's `model_index.json`: which folder holds which model, and the defaults of sampling. The files in those folders
// are opened elsewhere (open.ts).

import { TEXT_ENCODERS, type TextEncoderName } from '@moviegen/dit';
import { CheckpointError, shown } from '../../errors.ts';

/** The contents of `model_index.json`; entries that it leaves out have the paper's values. */
export interface ModelIndex {
  /** Folders: `tae`, or `../NAME/tae` where the checkpoint beside this one has the model. */
  readonly transformer: string;
  readonly tae: string;
  readonly textEncoders: Readonly<Partial<Record<TextEncoderName, string>>>;
  /** CLIP's image tower, of a transformer that reads a reference picture. */
  readonly imageEncoder: string | undefined;
  /** Defaults of sampling. */
  readonly sampler: {
    readonly steps: number;
    readonly guidanceScale: number;
    readonly schedule: 'linear-quadratic' | 'linear';
    /** Steps of the linear schedule whose first ones the linear-quadratic one takes. */
    readonly n: number;
  };
  /** Defaults of a video's size. */
  readonly video: {
    readonly width: number;
    readonly height: number;
    readonly numFrames: number;
    readonly fps: number;
  };
  /** The most tokens of a prompt, by encoder. */
  readonly maxLength: Readonly<Partial<Record<TextEncoderName, number>>>;
  readonly stripQuoted: boolean;
  /** Examples; the first is the default prompt of the command line. */
  readonly prompts: readonly string[];
}

/** The encoders that have a tokenizer in files; ByT5's is the bytes. */
export const tokenized = ({ textEncoders }: Pick<ModelIndex, 'textEncoders'>): ('ul2' | 'metaclip')[] =>
  (['ul2', 'metaclip'] as const).filter((name) => textEncoders[name] !== undefined);

/**
 * Reads a `model_index.json`.
 * @param path the file's path for messages.
 * @throws CheckpointError listing every key that is wrong.
 */
export function parseModelIndex(json: unknown, path = 'model_index.json'): ModelIndex {
  if (!isRecord(json))
    throw new CheckpointError(`checkpoint: ${path} must hold an object, got ${shown(json)}`);
  const problems: string[] = [];
  const take = <T>(
    from: Record<string, unknown>,
    key: string,
    fallback: T,
    ok: Check,
    expected: string,
  ): T => {
    const value = from[key] ?? fallback;
    if (ok(value)) return value as T;
    problems.push(`${key}: got ${JSON.stringify(value)}, expected ${expected}`);
    return fallback;
  };
  const section = (key: string) => take(json, key, {}, isRecord, 'an object') as Record<string, unknown>;
  const folder = (from: Record<string, unknown>, key: string, fallback: string) =>
    take(
      from,
      key,
      fallback,
      isFolder,
      'the name of a folder beside model_index.json, or ../NAME/FOLDER of the checkpoint beside it',
    );
  const count = (from: Record<string, unknown>, key: string, fallback: number) =>
    take(from, key, fallback, isCount, 'an integer of at least 1');
  const positive = (from: Record<string, unknown>, key: string, fallback: number) =>
    take(from, key, fallback, isPositive, 'a number above 0');
  const byEncoder = <T>(values: Record<string, unknown>, key: string, read: (name: TextEncoderName) => T) => {
    for (const name of Object.keys(values))
      if (!(TEXT_ENCODERS as readonly string[]).includes(name))
        problems.push(`${key}: unknown encoder ${shown(name)}, expected ${TEXT_ENCODERS.join(', ')}`);
    const present = TEXT_ENCODERS.filter((name) => Object.hasOwn(values, name));
    return Object.fromEntries(present.map((name) => [name, read(name)])) as Partial<
      Record<TextEncoderName, T>
    >;
  };

  const className = json._class_name;
  if (className !== undefined && className !== 'MovieGenPipeline')
    problems.push(
      className === 'MovieGenUpsamplerPipeline'
        ? '_class_name: this is an upsampler: MovieGenUpsampler loads it (moviegen upscale --model)'
        : `_class_name: got ${shown(className)}, expected "MovieGenPipeline"; is this another pipeline?`,
    );
  if (json.version !== undefined && json.version !== 1)
    problems.push(`version: got ${shown(json.version)}, expected 1`);
  const [encoders, sampler, video, maxLength] = [
    section('text_encoders'),
    section('sampler'),
    section('video'),
    section('max_length'),
  ];
  const index: ModelIndex = {
    transformer: folder(json, 'transformer', 'transformer'),
    tae: folder(json, 'tae', 'tae'),
    textEncoders: byEncoder(encoders, 'text_encoders', (name) =>
      folder(encoders, name, `text_encoder_${name}`),
    ),
    imageEncoder: json.image_encoder == null ? undefined : folder(json, 'image_encoder', 'image_encoder'),
    sampler: {
      steps: count(sampler, 'steps', 50),
      guidanceScale: take(sampler, 'guidance_scale', 7.5, isNumber, 'a number'),
      schedule: take(sampler, 'schedule', 'linear-quadratic', isSchedule, '"linear-quadratic" or "linear"'),
      n: count(sampler, 'n', 250),
    },
    video: {
      width: count(video, 'width', 768),
      height: count(video, 'height', 768),
      numFrames: count(video, 'num_frames', 256),
      fps: positive(video, 'fps', 16),
    },
    maxLength: byEncoder(maxLength, 'max_length', (name) => count(maxLength, name, 1)),
    stripQuoted: take(json, 'strip_quoted', false, (value) => typeof value === 'boolean', 'true or false'),
    prompts: take(json, 'prompts', [], isTexts, 'a list of texts'),
  };
  if (problems.length > 0)
    throw new CheckpointError(`checkpoint: ${path} is wrong:\n  ${problems.join('\n  ')}`);
  return index;
}

type Check = (value: unknown) => boolean;
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isFolder: Check = (value) =>
  typeof value === 'string' && /^(?:\.\.\/(?!\.)[\w.-]+\/)?(?!\.)[\w.-]+$/.test(value);
const isCount: Check = (value) => Number.isInteger(value) && (value as number) >= 1;
const isNumber: Check = (value) => typeof value === 'number' && Number.isFinite(value);
const isPositive: Check = (value) => isNumber(value) && (value as number) > 0;
const isSchedule: Check = (value) => value === 'linear-quadratic' || value === 'linear';
const isTexts: Check = (value) => Array.isArray(value) && value.every((text) => typeof text === 'string');
