// What a video is made from: a prompt and numbers, their defaults and checks, which are the model's, and the link that carries them.

import type { GenerationRules } from 'moviegen';
import shipped from '../../../models/shapes-world/model_index.json' with { type: 'json' };

/** Everything that determines a video. */
export interface Settings {
  readonly prompt: string;
  /** What the video should not show; empty for nothing. */
  readonly negative: string;
  readonly seed: number;
  readonly steps: number;
  readonly guidance: number;
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  /** Moves the steps towards noise; 0 where the model has no shift. */
  readonly shift: number;
  /** The threshold of the step cache; 0 is off. */
  readonly cache: number;
  /** Guidance is computed between these shares of the steps, in percent. */
  readonly guidanceFrom: number;
  readonly guidanceTo: number;
}

/** The numbers among the settings. */
export type NumberName = Exclude<keyof Settings, 'prompt' | 'negative'>;

/** The values that a number may have. */
export interface NumberRule {
  readonly label: string;
  readonly min: number;
  readonly max: number;
  /** Values are multiples of this, counted from `min`. */
  readonly step: number;
  readonly hint: string;
  /** Whether it is among those that few people change. */
  readonly advanced?: boolean;
}

/** What a model makes of settings. */
export interface Rules {
  readonly defaults: Settings;
  /** The numbers that the model has. */
  readonly numbers: Readonly<Partial<Record<NumberName, NumberRule>>>;
  /** Prompts that the model was made for. */
  readonly examples: readonly string[];
  /** The negative prompt of the model's authors; empty if they have none. */
  readonly negative: string;
}

/** A video may be so many times as long, and each side of it as large, as the model's usual one. */
const MOST = 4;

/** Where nothing is left out of a generation. */
const WHOLE = { cache: 0, guidanceFrom: 0, guidanceTo: 100 } as const;

/** What may be left out of a generation. */
const SKIPPING: Rules['numbers'] = {
  cache: {
    label: 'Step cache',
    min: 0,
    max: 1,
    step: 0.01,
    hint: 'Steps that would change less than this leave most of the model out: 0.1 is usual, 0 is off. Faster, and not quite the same video.',
    advanced: true,
  },
  guidanceFrom: {
    label: 'Guidance from, %',
    min: 0,
    max: 100,
    step: 1,
    hint: 'Steps before this share of them do without guidance, in half the time.',
    advanced: true,
  },
  guidanceTo: {
    label: 'Guidance to, %',
    min: 1,
    max: 100,
    step: 1,
    hint: 'Steps after this share of them do without guidance, in half the time.',
    advanced: true,
  },
};

/** The rules of a model. @param skips whether parts of a generation can be left out: not by a server */
export function rulesOf({ defaults, multiple, frameStep, shift }: GenerationRules, skips = true): Rules {
  const { sampler, video, prompts, negativePrompt = '' } = defaults;
  const side = (label: string, usual: number, step: number): NumberRule => ({
    label,
    min: step,
    max: Math.floor((MOST * usual) / step) * step,
    step,
    hint: `Pixels, a multiple of ${step}. The model knows ${usual}.`,
  });
  return {
    defaults: {
      prompt: '',
      negative: '',
      seed: 1,
      steps: sampler.steps,
      guidance: sampler.guidanceScale,
      width: video.width,
      height: video.height,
      frames: video.numFrames,
      shift: shift ?? 0,
      ...WHOLE,
    },
    numbers: {
      seed: { label: 'Seed', min: 0, max: 2 ** 32 - 1, step: 1, hint: 'The same seed gives the same video.' },
      steps: {
        label: 'Steps',
        min: 1,
        max: 250,
        step: 1,
        hint: 'More take longer and look better, up to about 50.',
      },
      guidance: {
        label: 'Guidance',
        min: 1,
        max: 20,
        step: 0.1,
        hint: 'How strictly the prompt is followed. 1 is without guidance, in half the time.',
      },
      width: side('Width', video.width, multiple[1]),
      height: side('Height', video.height, multiple[0]),
      frames: {
        label: 'Frames',
        min: 1,
        max: 1 + Math.floor((MOST * video.numFrames - 1) / frameStep) * frameStep,
        step: frameStep,
        hint: `${video.fps} frames make a second. The model knows ${video.numFrames}.`,
      },
      ...(shift !== undefined && {
        shift: {
          label: 'Shift',
          min: 0.1,
          max: 20,
          step: 0.1,
          hint: `Moves the steps towards noise. The model’s is ${shift}.`,
        },
      }),
      ...(skips && SKIPPING),
    },
    examples: prompts,
    negative: negativePrompt,
  };
}

/** The rules of the model that is shipped with the page, as a server may have it. */
export const SHIPPED: Rules = rulesOf(
  {
    defaults: {
      sampler: { steps: shipped.sampler.steps, guidanceScale: shipped.sampler.guidance_scale },
      video: { ...shipped.video, numFrames: shipped.video.num_frames },
      prompts: shipped.prompts,
    },
    multiple: [16, 16],
    frameStep: 1,
  },
  false,
);

/** The numbers of a form: the end of guidance is after its beginning. */
export function numbersOf({ numbers }: Rules, { guidanceTo }: Settings): Rules['numbers'] {
  const { guidanceFrom } = numbers;
  if (guidanceFrom === undefined || !(guidanceTo >= 1)) return numbers;
  return { ...numbers, guidanceFrom: { ...guidanceFrom, max: guidanceTo - 1 } };
}

/** What is wrong with a number, in words; undefined if nothing is. */
export function wrongWith({ label, min, max, step }: NumberRule, value: number): string | undefined {
  if (!Number.isFinite(value)) return `${label} must be a number.`;
  if (value < min || value > max) return `${label} must be from ${min} to ${max.toLocaleString('en')}.`;
  if (step < 1 || (value - min) % step === 0) return undefined;
  if (step === 1) return `${label} must be a whole number.`;
  const below = min + Math.floor((value - min) / step) * step;
  const of = min % step === 0 ? `a multiple of ${step}` : `${min} more than a multiple of ${step}`;
  return `${label} must be ${of}: ${below} or ${below + step}.`;
}

/** Settings as a model takes them: what it does not have or allow gets its defaults. */
export function settled(settings: Partial<Settings>, { defaults, numbers }: Rules): Settings {
  const kept = (name: NumberName): readonly [NumberName, number] => {
    const [rule, value] = [numbers[name], settings[name] ?? Number.NaN];
    return [name, rule && wrongWith(rule, value) === undefined ? value : defaults[name]];
  };
  const all = (Object.keys(defaults) as (keyof Settings)[]).filter(isNumber).map(kept);
  const text = (name: 'prompt' | 'negative') => (settings[name] ?? '').slice(0, 2000);
  return { ...defaults, ...Object.fromEntries(all), prompt: text('prompt'), negative: text('negative') };
}

/** Settings of one model as another one takes them: what a person has not changed gets its defaults. @param linked of a link */
export function moved(settings: Settings, from: Rules, to: Rules, linked?: Settings): Settings {
  const changed = (Object.keys(settings) as (keyof Settings)[]).filter(
    (name) => settings[name] !== from.defaults[name],
  );
  return settled({ ...linked, ...Object.fromEntries(changed.map((name) => [name, settings[name]])) }, to);
}

const isNumber = (name: keyof Settings): name is NumberName => name !== 'prompt' && name !== 'negative';

/** The settings as the part of a link after `#`: what a model does not have is left out. */
export function toHash(settings: Settings): string {
  const none: Partial<Settings> = { negative: '', shift: 0, ...WHOLE };
  const left = Object.entries(settings).filter(([name, value]) => value !== none[name as keyof Settings]);
  return new URLSearchParams(left.map(([name, value]) => [name, String(value)])).toString();
}

/** The settings in a link. Missing and wrong ones get their defaults. Undefined if the link has none. */
export function fromHash(hash: string, rules: Rules): Settings | undefined {
  const said = new URLSearchParams(hash.replace(/^#/, ''));
  if (!said.has('prompt')) return undefined;
  const values = [...said].map(([name, text]) => [
    name,
    name === 'prompt' || name === 'negative' ? text : text.trim() === '' ? Number.NaN : Number(text),
  ]);
  return settled(Object.fromEntries(values), rules);
}

/** `a-red-circle-moves-right-seed-1`: a name for files. */
export function fileName({ prompt, seed }: Settings, extension: string): string {
  const words = prompt.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? ['video'];
  return `${words.join('-').slice(0, 80)}-seed-${seed}.${extension}`;
}
