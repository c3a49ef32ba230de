// Pictures and videos that were cut off at any length, or whose bytes were changed: one line each that says which file, what is
// wrong with it and what to do, and nothing that a program must not do meanwhile.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { InputError } from '../src/errors.ts';
import { decodeVideo } from '../src/video/decode.ts';
import { encodeVideo, type VideoFormat } from '../src/video/encode.ts';

const [H, W] = [48, 64];
/** Noise, so that no file is small. */
const noise = (frames: number) => {
  let state = 1;
  return Uint8Array.from({ length: frames * H * W * 3 }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state >>> 24;
  });
};
const raw = (frames = 1) =>
  sharp(noise(frames), { raw: { width: W, height: H * frames, channels: 3, pageHeight: H } });
const film = (format: VideoFormat) =>
  encodeVideo({ data: noise(8), shape: [8, H, W, 3], fps: 8 }, { format });
const media = (name: string) => readFileSync(fileURLToPath(new URL(`media/${name}`, import.meta.url)));

const KINDS: Readonly<Record<string, () => Promise<Uint8Array>>> = {
  png: () => raw().png().toBuffer(),
  'palette.png': () => raw().png({ palette: true }).toBuffer(),
  'interlaced.png': () => raw().png({ progressive: true }).toBuffer(),
  jpg: () => raw().jpeg().toBuffer(),
  'progressive.jpg': () => raw().jpeg({ progressive: true }).toBuffer(),
  webp: () => raw().webp().toBuffer(),
  'animated.webp': () => raw(3).webp().toBuffer(),
  gif: () => raw().gif().toBuffer(),
  'animated.gif': () => raw(3).gif().toBuffer(),
  avif: () => raw().avif().toBuffer(),
  tiff: () => raw().tiff().toBuffer(),
  mp4: () => film('mp4'),
  webm: () => film('webm'),
  mov: async () => media('display/turned.mov'),
  mkv: async () => media('audio-first.mkv'),
};

/** One line with the file's name and what to do; nothing of the insides of libraries. */
const LINE = /^x\.\S+: [^\n]{20,}(get it again|convert it|one that has one)[^\n]*$/;
const INSIDE = /undefined|Assertion|internal|DataView|\(\)|: ;|null/;

async function messageOf(bytes: Uint8Array, name: string): Promise<string | undefined> {
  const error = await decodeVideo(Uint8Array.from(bytes), { name: `x.${name}` }).then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (error === undefined) return undefined;
  expect(error).toBeInstanceOf(InputError);
  const { message } = error as InputError;
  expect(message).toMatch(LINE);
  expect(message).not.toMatch(INSIDE);
  return message;
}

const loose: unknown[] = [];
const note = (reason: unknown) => loose.push(reason);
beforeAll(() => {
  process.on('unhandledRejection', note);
  vi.spyOn(console, 'warn').mockImplementation((...words) => void loose.push(words));
});
afterAll(() => {
  process.off('unhandledRejection', note);
  vi.restoreAllMocks();
});

test.each(Object.entries(KINDS))('%s, cut off at 20 lengths', { timeout: 60_000 }, async (name, make) => {
  const bytes = await make();
  expect(await messageOf(bytes, name)).toBeUndefined();
  for (let k = 1; k <= 20; k++) {
    const cut = bytes.subarray(0, Math.floor((bytes.length * k) / 21));
    expect(await messageOf(cut, name), `${cut.length} of ${bytes.length} bytes`).toBeDefined();
  }
  expect(loose).toEqual([]);
});

test.each(Object.entries(KINDS))('%s, bytes changed', { timeout: 120_000 }, async (name, make) => {
  const bytes = await make();
  let state = 7;
  const random = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % below;
  };
  for (let k = 0; k < 20; k++) {
    const changed = Uint8Array.from(bytes);
    for (let n = 0; n <= k % 5; n++) changed[random(bytes.length)]! ^= 1 << random(8);
    await messageOf(changed, name);
  }
  await new Promise((resolve) => setTimeout(resolve, 20)); // what rejects after all
  expect(loose).toEqual([]);
});
