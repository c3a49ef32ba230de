// Makes the pictures of the gallery: for each job four videos by models/shapes-world-jobs (of pictures by models/shapes-world-reference,
// of letters by models/shapes-world-letters, upscaled by models/shapes-world-upsampler), seeds 0 to 3, without selection; above each what was given, which shapes world has drawn. `npm run docs:gallery` writes docs/public/gallery/*.webp; it takes some minutes.

import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { draw, parsePrompt, patternSamples, pictureOf } from '@moviegen/evaluation';
import {
  collectFrames,
  encodeVideo,
  type Frames,
  gridOf,
  MovieGenUpsampler,
  type Video,
  VideoPipeline,
} from 'moviegen';
import sharp from 'sharp';

const here = dirname(fileURLToPath(import.meta.url));
const PROMPTS = [
  'a big red circle moves right on a black background',
  'a big yellow square stays still on a navy background',
  'a big green star moves down on a gray background',
  'a big blue triangle grows on a white background',
] as const;

interface Made {
  readonly given?: Video;
  readonly caption: string;
  readonly video: Video;
}

const clip = (prompt: string): Video => ({ ...draw(parsePrompt(prompt)), fps: 16 });
const frame = ({ data, shape: [T, H, W, C] }: Video, t: number): Frames => {
  const size = H * W * C;
  const from = t < 0 ? T + t : t;
  return { data: data.slice(from * size, (from + 1) * size), shape: [1, H, W, C] };
};
const still = (picture: Frames): Video => ({ ...picture, fps: 16 });

const pipeline = await VideoPipeline.fromPretrained(join(here, '../models/shapes-world-jobs'));

/** White on the left half, black on the right one. */
const leftHalf: Frames = {
  shape: [1, 64, 64, 3],
  data: Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (Math.floor(i / 3) % 64 < 32 ? 255 : 0)),
};

const each = async (make: (prompt: string, seed: number) => Promise<Made>): Promise<Made[]> => {
  const made: Made[] = [];
  for (const [seed, prompt] of PROMPTS.entries()) made.push(await make(prompt, seed));
  return made;
};

/** A clip begins as its motion does, as those that the model was trained on. */
const MOVING = [
  ['a big red circle moves left on a black background', 'it moves left'],
  ['a yellow square grows on a navy background', 'it grows'],
  ['a big green star moves up on a gray background', 'it moves up'],
  ['a big blue triangle circles clockwise on a white background', 'it circles clockwise'],
] as const;
const WORDS = [
  'the red word "A" moves right on a black background',
  'the yellow word "C" stays still on a navy background',
  'the green word "E" moves down on a gray background',
  'the blue word "G" grows on a white background',
] as const;
const EDITS = ['make it blue', 'remove the square', 'make the background white', 'it moves left'];

const JOBS: Readonly<Record<string, () => Promise<Made[]>>> = {
  'first-frame': () =>
    each(async (_, seed) => {
      const [prompt, caption] = MOVING[seed]!;
      const image = frame(clip(prompt), 0);
      return {
        given: still(image),
        caption,
        video: (await pipeline.generate(caption, { image, seed })).frames,
      };
    }),
  'first-and-last-frame': () =>
    each(async (prompt, seed) => {
      const given = clip(prompt);
      const [image, lastImage] = [frame(given, 0), frame(given, -1)];
      const both: Video = { ...joined(image, lastImage), fps: 2 };
      return {
        given: both,
        caption: prompt,
        video: (await pipeline.generate(prompt, { image, lastImage, seed })).frames,
      };
    }),
  extend: () =>
    each(async (_, seed) => {
      const [prompt, caption] = MOVING[seed]!;
      const given = clip(prompt);
      return {
        given,
        caption,
        video: (await pipeline.extend(given, caption, { numFrames: 48, seed })).frames,
      };
    }),
  edit: () =>
    each(async (prompt, seed) => {
      const [given, caption] = [clip(prompt), EDITS[seed]!];
      return { given, caption, video: (await pipeline.edit(given, caption, { seed })).frames };
    }),
  mask: () =>
    each(async (prompt, seed) => {
      const video = clip(prompt);
      return {
        given: video,
        caption: prompt,
        video: (await pipeline.generate(prompt, { video, mask: leftHalf, seed })).frames,
      };
    }),
  'start-from-a-video': () =>
    each(async (prompt, seed) => {
      const video = clip(prompt);
      const caption = prompt.replace(/red|yellow|green|blue/, 'pink');
      return {
        given: video,
        caption,
        video: (await pipeline.generate(caption, { video, strength: 0.9, seed })).frames,
      };
    }),
  reference: async () => {
    const referring = await VideoPipeline.fromPretrained(join(here, '../models/shapes-world-reference'));
    const made = await each(async (_, seed) => {
      const { looks, place, prompt } = patternSamples()[seed]!;
      const referenceImage = pictureOf(looks, place);
      const { frames } = await referring.generate(prompt, { referenceImage, seed });
      return { given: still(referenceImage), caption: prompt, video: frames };
    });
    referring.dispose();
    return made;
  },
  letters: async () => {
    const writing = await VideoPipeline.fromPretrained(join(here, '../models/shapes-world-letters'));
    const made = await each(async (_, seed) => {
      const caption = WORDS[seed]!;
      return { caption, video: (await writing.generate(caption, { seed })).frames };
    });
    writing.dispose();
    return made;
  },
  upscale: async () => {
    const upsampler = await MovieGenUpsampler.fromPretrained(join(here, '../models/shapes-world-upsampler'));
    const made = await each(async (prompt, seed) => {
      const { frames } = await pipeline.generate(prompt, { seed });
      return { given: doubled(frames), caption: prompt, video: await upsampler.upscale(frames, { seed }) };
    });
    upsampler.dispose();
    return made;
  },
};

/** Each pixel twice as wide and as high. */
function doubled({ data, shape: [T, H, W], fps }: Video): Video {
  const large = new Uint8Array(data.length * 4);
  for (let i = 0; i < T * H * W; i++)
    for (const [y, x] of [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ] as const)
      large.set(data.subarray(3 * i, 3 * i + 3), 3 * ((2 * Math.floor(i / W) + y) * 2 * W + 2 * (i % W) + x));
  return { data: large, shape: [T, 2 * H, 2 * W, 3], fps };
}

function joined(a: Frames, b: Frames): Frames {
  const data = new Uint8Array(a.data.length + b.data.length);
  data.set(a.data);
  data.set(b.data, a.data.length);
  return { data, shape: [2, a.shape[1], a.shape[2], a.shape[3]] };
}

const wanted = process.argv.slice(2);
for (const [name, job] of Object.entries(JOBS).filter(
  ([name]) => wanted.length === 0 || wanted.includes(name),
)) {
  const made = await job();
  const given = made.flatMap((one) => one.given ?? []);
  const grid = await collectFrames(
    gridOf([...given, ...made.map(({ video }) => video)], {
      columns: PROMPTS.length,
      scale: made[0]!.video.shape[1] === 64 ? 2 : 1,
      captions: [...given.map(() => ''), ...made.map(({ caption }) => caption)],
    }),
  );
  const gif = await encodeVideo(grid, { format: 'gif' });
  const webp = await sharp(Buffer.from(gif), { animated: true }).webp({ quality: 70, effort: 6 }).toBuffer();
  await writeFile(join(here, 'public/gallery', `${name}.webp`), webp);
  console.log(`${name}: ${(webp.length / 1024).toFixed(0)} KiB`);
}
pipeline.dispose();
