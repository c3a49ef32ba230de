// The fields of requests: one schema each, which checks what clients send and which the OpenAPI document shows. Not here: what
// a checkpoint allows (order.ts), how bodies are read (body.ts).

import { z } from 'zod';
import { ID } from '../jobs/videos.ts';

/** Text that the database and the models take: no half letters, no NUL. */
const text = (most: number) =>
  z
    .string()
    .max(most, `must have at most ${most} characters`)
    .refine((value) => !/\p{Surrogate}|\0/u.test(value), 'holds characters that are not text');

const integer = (least: number, most: number) =>
  z
    .number()
    .int('must be an integer')
    .min(least, `must be at least ${least}`)
    .max(most, `must be at most ${most}`);

const promptOf = (most: number) =>
  text(most)
    .refine((value) => value.trim() !== '', 'is empty: say what the video should show')
    .describe('What the video should show.');

const id = (kind: string) =>
  z.string().regex(ID, `must be the id of a ${kind}, as this server gave it`).describe(`Id of a ${kind}.`);

/** An uploaded file. */
export const file = z.instanceof(File).meta({ type: 'string', format: 'binary' });

const seconds = z
  .union([
    z.string().regex(/^\d{1,5}(\.\d{1,4})?$/, 'must be a number of seconds'),
    z.number().positive().max(99_999),
  ])
  .describe('Length in seconds.');

/** Options of sampling, which OpenAI's API does not have. */
const sampling = {
  seed: z
    .union([
      integer(0, Number.MAX_SAFE_INTEGER),
      z
        .string()
        .refine(
          (value) => /^\d{1,20}$/.test(value) && BigInt(value) < 2n ** 64n,
          'must be an integer below 2^64',
        ),
    ])
    .optional()
    .describe('Seed of the noise, an integer of up to 64 bits. Default: drawn, and told in the answer.'),
  steps: integer(1, 10_000).optional().describe('Steps of the solver. Default: the model’s.'),
  guidance_scale: z.number().min(-100).max(1000).optional().describe('Strength of guidance; 1 turns it off.'),
  negative_prompt: (most: number) => text(most).optional().describe('What the video should not show.'),
  num_frames: integer(1, 100_000).optional().describe('Number of frames, instead of `seconds`.'),
  fps: z.number().positive().max(240).optional().describe('Frames per second. Default: the model’s.'),
};

const samplingOf = (most: number) => ({ ...sampling, negative_prompt: sampling.negative_prompt(most) });

const imageUrl = z
  .strictObject({
    image_url: z
      .string()
      .optional()
      .describe('A data: address of a picture, or an address that the server may fetch.'),
    file_id: z.string().optional().describe('Not supported here.'),
  })
  .describe('A reference to a picture.');

const source = z
  .union([file, z.strictObject({ id: id('video') })])
  .describe('A video file, or the id of a completed video.');

/** The schemas, with the bounds of a server. */
export function schemasOf(promptLength: number) {
  const prompt = promptOf(promptLength);
  const more = samplingOf(promptLength);
  return {
    create: z.strictObject({
      prompt,
      model: z.string().max(200).optional().describe('One of `GET /v1/models`. Default: the first of them.'),
      size: z.string().max(40).optional().describe('WIDTHxHEIGHT in pixels. Default: the model’s.'),
      seconds: seconds.optional(),
      input_reference: z.union([file, imageUrl]).optional().describe('A picture that the video begins with.'),
      characters: z
        .array(z.strictObject({ id: id('character') }))
        .min(1)
        .max(1, 'must name one: a video shows one character')
        .optional()
        .describe('The character that the video shows.'),
      ...more,
    }),
    edit: z.strictObject({ prompt, video: source, model: z.string().max(200).optional(), ...more }),
    extend: z.strictObject({
      prompt,
      video: source,
      seconds,
      model: z.string().max(200).optional(),
      ...more,
    }),
    upscale: z.strictObject({
      prompt: text(promptLength).optional().describe('What the video shows. Default: nothing.'),
      video: z
        .union([file, z.strictObject({ id: id('video') })])
        .describe('A video or a picture, or the id of a completed video.'),
      model: z.string().max(200).optional(),
      size: z.string().max(40).optional().describe('WIDTHxHEIGHT in pixels, instead of `scale`.'),
      scale: z
        .number()
        .min(1, 'must be at least 1: a video can only become larger')
        .max(100)
        .optional()
        .describe('How many times as wide and high it becomes. Default: the upsampler’s.'),
      seed: more.seed,
      steps: more.steps.describe('Steps of the solver. Default: the upsampler’s.'),
      guidance_scale: more.guidance_scale,
      negative_prompt: more.negative_prompt,
    }),
    remix: z.strictObject({ prompt }),
    character: z.strictObject({
      name: text(200).refine((value) => value.trim() !== '', 'is empty: give the character a name'),
      video: file.describe('A picture or a video of the character.'),
    }),
    list: z.strictObject({
      after: z.string().max(100).optional().describe('The last id of the page before.'),
      limit: integer(1, 100).optional().describe('Default 20.'),
      order: z.enum(['asc', 'desc']).optional().describe('By time of creation. Default desc.'),
    }),
    content: z.strictObject({ variant: z.enum(['video', 'thumbnail', 'spritesheet']).optional() }),
  };
}

/** See {@link schemasOf}. */
export type Schemas = ReturnType<typeof schemasOf>;
