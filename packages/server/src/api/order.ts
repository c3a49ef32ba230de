// From what a client asks for to a complete job that a checkpoint can do, or to an answer that says what it can.

import { randomBytes } from 'node:crypto';
import { ApiError, invalid } from '../errors.ts';
import type { JobRequest, Media } from '../jobs/rows.ts';
import { type Limits, WORK_FACTOR } from '../limits.ts';
import { KINDS, type Kind, type ModelCard } from '../models.ts';

/** Options that clients give. */
export interface Asked {
  readonly prompt?: string | undefined;
  readonly size?: string | undefined;
  readonly seconds?: string | number | undefined;
  readonly seed?: string | number | undefined;
  readonly steps?: number | undefined;
  readonly guidance_scale?: number | undefined;
  readonly negative_prompt?: string | undefined;
  readonly num_frames?: number | undefined;
  readonly fps?: number | undefined;
  readonly scale?: number | undefined;
}

/** The video that a job starts from. */
export interface Source {
  readonly width: number;
  readonly height: number;
  readonly numFrames: number;
  readonly fps: number;
}

/** The model of a name, or the first of all. @throws ApiError that lists them */
export function modelNamed(cards: readonly ModelCard[], name: string | undefined): ModelCard {
  const card = name === undefined ? cards[0] : cards.find((one) => one.name === name);
  if (card !== undefined) return card;
  if (cards.length === 0)
    throw new ApiError(503, 'no_worker', 'no worker has come yet: try again in a moment', { retryAfter: 2 });
  const names = cards.map((one) => one.name).join(', ');
  throw invalid('model', `model: there is no such model here; there is ${names}`);
}

/** @throws ApiError naming what the checkpoint can do */
export function checkKind(card: ModelCard, kind: Kind, param: string): void {
  if (card.can.includes(kind)) return;
  const can = KINDS.filter((one) => card.can.includes(one)).map((one) => DOES[one]);
  throw invalid(
    param,
    `${param}: the model ${card.name} cannot ${VERBS[kind]}; it makes videos ${can.join(', ')}`,
    'unsupported_by_model',
  );
}

const VERBS: Readonly<Record<Kind, string>> = {
  text: 'make videos from words alone',
  image: 'begin with a picture',
  reference: 'show characters',
  edit: 'edit videos',
  extend: 'extend videos',
  upscale: 'make videos larger: its workers have no upsampler',
};
const DOES: Readonly<Record<Kind, string>> = {
  text: 'from words alone (create, remix)',
  image: 'that begin with a picture (input_reference)',
  reference: 'that show characters (characters)',
  edit: 'from other videos (edits)',
  extend: 'that go on where others end (extensions)',
  upscale: 'that are larger than others (upscales)',
};

/** The job that an order becomes. @throws ApiError naming the first value that the checkpoint or the limits do not allow */
export function jobOf(
  card: ModelCard,
  kind: Kind,
  asked: Asked,
  media: readonly Media[],
  limits: Limits,
  source?: Source,
): JobRequest {
  const defaults = { ...card.defaults, ...(kind === 'upscale' && card.upscale) };
  const fps = asked.fps ?? source?.fps ?? defaults.fps;
  const { width, height } =
    kind === 'upscale' ? largerSize(card, source!, asked) : (source ?? sizeOf(card, asked.size));
  if (source !== undefined && kind !== 'upscale') checkMultiple(card, source, 'video');
  const keeps = kind === 'edit' || kind === 'upscale';
  const numFrames = keeps ? source!.numFrames : framesOf(asked, fps, defaults.numFrames);
  const totalFrames = kind === 'extend' ? source!.numFrames + numFrames : numFrames;
  const steps = asked.steps ?? defaults.steps;
  const pixels = width * height * totalFrames;
  const most = Math.min(workOf(card, limits) / steps, card.maxPixels ?? Number.POSITIVE_INFINITY);
  if (pixels > most)
    throw invalid(
      'size',
      `size: ${width}x${height} x ${totalFrames} frames in ${steps} steps are too much: at most ${Math.floor(most)} pixels of all frames together`,
    );
  return {
    kind,
    prompt: asked.prompt ?? '',
    negativePrompt: asked.negative_prompt ?? '',
    width,
    height,
    numFrames,
    totalFrames,
    fps,
    steps,
    guidanceScale: asked.guidance_scale ?? defaults.guidanceScale,
    seed: String(asked.seed ?? randomBytes(4).readUInt32LE()),
    media,
    remixedFrom: null,
  };
}

const workOf = ({ defaults: { width, height, numFrames, steps } }: ModelCard, { work }: Limits): number =>
  work ?? WORK_FACTOR * width * height * numFrames * steps;

function sizeOf(card: ModelCard, size: string | undefined): { width: number; height: number } {
  if (size === undefined) return card.defaults;
  const [, width, height] = /^(\d{1,5})x(\d{1,5})$/.exec(size) ?? [];
  if (width === undefined || height === undefined) throw invalid('size', `size: must be ${allowed(card)}`);
  const given = { width: Number(width), height: Number(height) };
  checkMultiple(card, given, 'size');
  return given;
}

/** The size of a video that is made larger. */
function largerSize(
  card: ModelCard,
  source: Source,
  { size, scale }: Asked,
): { width: number; height: number } {
  if (size !== undefined && scale !== undefined)
    throw invalid('scale', 'scale: give either scale or size, not both');
  const times = scale ?? card.upscale?.scale ?? 2;
  if (size === undefined)
    return { width: Math.round(source.width * times), height: Math.round(source.height * times) };
  const [, width = 0, height = 0] = (/^(\d{1,5})x(\d{1,5})$/.exec(size) ?? []).map(Number);
  if (width >= source.width && height >= source.height) return { width, height };
  throw invalid(
    'size',
    `size: must be WIDTHxHEIGHT in pixels, and no smaller than the video, which is ${source.width}x${source.height}`,
  );
}

function checkMultiple(
  card: ModelCard,
  { width, height }: { width: number; height: number },
  param: string,
): void {
  const [rows, columns] = card.multiple;
  if (width < 1 || height < 1 || width % columns !== 0 || height % rows !== 0)
    throw invalid(
      param,
      `${param}: ${width}x${height} is not possible: the model ${card.name} takes ${allowed(card)}`,
    );
}

function allowed({ multiple: [rows, columns], defaults: { width, height } }: ModelCard): string {
  return `WIDTHxHEIGHT in pixels, the width a multiple of ${columns} and the height of ${rows}; it was made for ${width}x${height}`;
}

function framesOf({ num_frames: frames, seconds }: Asked, fps: number, byDefault: number): number {
  if (seconds === undefined) return frames ?? byDefault;
  const made = Math.round(Number(seconds) * fps);
  if (frames !== undefined && frames !== made)
    throw invalid(
      'num_frames',
      `num_frames: ${frames} frames are not ${seconds} seconds at ${fps} frames per second: give one of the two`,
    );
  if (made >= 1 && made <= 100_000) return made;
  throw invalid(
    'seconds',
    `seconds: must give at least one frame at ${fps} frames per second; the default is ${byDefault / fps}`,
  );
}
