// What a video is made from: a prompt and numbers, with their defaults, their checks, and the link that carries them.

import index from '../../../models/shapes-world/model_index.json' with { type: 'json' };

/** Everything that determines a video. */
export interface Settings {
  readonly prompt: string;
  readonly seed: number;
  readonly steps: number;
  readonly guidance: number;
  readonly width: number;
  readonly height: number;
  readonly frames: number;
}

/** The numbers among the settings. */
export type NumberName = Exclude<keyof Settings, 'prompt'>;

/** The values that a number may have. */
export interface NumberRule {
  readonly label: string;
  readonly min: number;
  readonly max: number;
  /** Values are multiples of this, counted from `min`. */
  readonly step: number;
  readonly hint: string;
}

export const RULES: Readonly<Record<NumberName, NumberRule>> = {
  seed: { label: 'Seed', min: 0, max: 2 ** 32 - 1, step: 1, hint: 'The same seed gives the same video.' },
  steps: {
    label: 'Steps',
    min: 1,
    max: 250,
    step: 1,
    hint: 'More take longer and look better, up to about 50.',
  },
  guidance: { label: 'Guidance', min: 1, max: 20, step: 0.1, hint: 'How strictly the prompt is followed.' },
  width: {
    label: 'Width',
    min: 16,
    max: 256,
    step: 16,
    hint: `Pixels, a multiple of 16. The model knows ${index.video.width}.`,
  },
  height: {
    label: 'Height',
    min: 16,
    max: 256,
    step: 16,
    hint: `Pixels, a multiple of 16. The model knows ${index.video.height}.`,
  },
  frames: {
    label: 'Frames',
    min: 1,
    max: 64,
    step: 1,
    hint: `${index.video.fps} frames make a second. The model knows ${index.video.num_frames}.`,
  },
};

/** Prompts that the model was made for. */
export const EXAMPLES: readonly string[] = index.prompts;

export const DEFAULTS: Settings = {
  prompt: '',
  seed: 1,
  steps: index.sampler.steps,
  guidance: index.sampler.guidance_scale,
  width: index.video.width,
  height: index.video.height,
  frames: index.video.num_frames,
};

const NUMBERS = Object.keys(RULES) as NumberName[];

/** What is wrong with a number, in words; undefined if nothing is. */
export function wrongWith(name: NumberName, value: number): string | undefined {
  const { label, min, max, step } = RULES[name];
  if (!Number.isFinite(value)) return `${label} must be a number.`;
  if (value < min || value > max) return `${label} must be from ${min} to ${max.toLocaleString('en')}.`;
  if (step >= 1 && value % step !== 0)
    return step === 1 ? `${label} must be a whole number.` : `${label} must be a multiple of ${step}.`;
  return undefined;
}

/** The settings as the part of a link after `#`. */
export function toHash(settings: Settings): string {
  const entries = [['prompt', settings.prompt], ...NUMBERS.map((name) => [name, String(settings[name])])];
  return new URLSearchParams(entries).toString();
}

/** The settings in a link. Missing and wrong ones get their defaults. Undefined if the link has none. */
export function fromHash(hash: string): Settings | undefined {
  const said = new URLSearchParams(hash.replace(/^#/, ''));
  if (!said.has('prompt')) return undefined;
  const numbers = NUMBERS.map((name) => {
    const text = said.get(name);
    const value = text === null || text.trim() === '' ? Number.NaN : Number(text);
    return [name, wrongWith(name, value) === undefined ? value : DEFAULTS[name]];
  });
  return { ...DEFAULTS, ...Object.fromEntries(numbers), prompt: (said.get('prompt') ?? '').slice(0, 2000) };
}

/** `a-red-circle-moves-right-seed-1`: a name for files. */
export function fileName({ prompt, seed }: Settings, extension: string): string {
  const words = prompt.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? ['video'];
  return `${words.join('-').slice(0, 80)}-seed-${seed}.${extension}`;
}
