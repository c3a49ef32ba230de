// What is not what a public function takes is answered with one line of an InputError, never with an error of JavaScript's own.

import { fileURLToPath } from 'node:url';
import { TINY } from '@moviegen/testing/checkpoints';
import { afterAll, describe, expect, test } from 'vitest';
import * as moviegen from '../src/index.ts';
import { Autoencoder, InputError, type Latents, TextModel, type Video } from '../src/index.ts';
import * as node from '../src/node/index.ts';
import { openTiny, PROMPT } from './tinyPipeline.ts';

const { device, movieGen } = await openTiny();
const autoencoder = await Autoencoder.fromPretrained(TINY, { device });
const folder = fileURLToPath(new URL('../fixtures/text-pretrained/clip', import.meta.url));
const text = await TextModel.fromPretrained(folder, { device });
afterAll(() => {
  autoencoder.dispose();
  text.dispose();
});

const video: Video = { data: new Uint8Array(16 * 32 * 3), shape: [1, 16, 32, 3], fps: 12 };
const latents: Latents = { data: new Float32Array(4 * 2 * 4), shape: [4, 1, 2, 4] };
const WRONG: readonly unknown[] = [
  ...[null, 5, Number.NaN, 5n, true, Symbol('x'), () => 1, {}, Object.create(null), [5], [null], [{}]],
  ...[new Date(), new Map(), new Uint8Array(3), new Float32Array(3), '', 'half \ud83d'],
  ...[
    { data: null, shape: null },
    { data: [], shape: [1, 1, 1, 3] },
    { data: new Float32Array(3), shape: [1] },
  ],
  ...[
    { data: new Float32Array(3), shape: [1, 1, 1, 3], fps: 12 },
    { data: new Uint8Array(2), shape: [1, 1, 1, 3] },
  ],
];
const each = async (stream: AsyncIterable<unknown>) => {
  for await (const _ of stream);
};

/** Calls with one argument that is wrong, whatever it is. @param but values that are right, or are not looked at */
const calls: Readonly<Record<string, (wrong: never) => unknown>> = {
  'generate: prompt': (wrong) => movieGen.generate(wrong),
  'generate: one of the prompts': (wrong) => movieGen.generate([PROMPT, wrong]),
  'generate: options': (wrong) => movieGen.generate(PROMPT, wrong),
  'generate: seed': (seed) => movieGen.generate(PROMPT, { seed }),
  'generate: steps': (steps) => movieGen.generate(PROMPT, { steps }),
  'generate: numFrames': (numFrames) => movieGen.generate(PROMPT, { numFrames }),
  'generate: fps': (fps) => movieGen.generate(PROMPT, { fps }),
  'generate: guidanceScale': (guidanceScale) => movieGen.generate(PROMPT, { guidanceScale }),
  'generate: schedule': (schedule) => movieGen.generate(PROMPT, { schedule }),
  'generate: solver': (solver) => movieGen.generate(PROMPT, { solver }),
  'generate: negativePrompt': (negativePrompt) => movieGen.generate(PROMPT, { negativePrompt }),
  'generate: latents': (noise) => movieGen.generate(PROMPT, { latents: noise }),
  'generate: signal': (signal) => movieGen.generate(PROMPT, { signal }),
  'generate: onProgress': (onProgress) => movieGen.generate(PROMPT, { onProgress }),
  'generateEach: prompts': (wrong) => each(movieGen.generateEach(wrong)),
  'generateStreams: prompts': (wrong) => each(movieGen.generateStreams(wrong)),
  'encode: video': (wrong) => movieGen.encode(wrong),
  'encode: one of the pieces': (wrong) => movieGen.encode([video, wrong]),
  'encode: options': (wrong) => movieGen.encode(video, wrong),
  'encode: sampleSeed': (sampleSeed) => movieGen.encode(video, { sampleSeed }),
  'decode: latents': (wrong) => movieGen.decode(wrong),
  'decode: options': (wrong) => movieGen.decode(latents, wrong),
  'decode: numFrames': (numFrames) => movieGen.decode(latents, { numFrames }),
  'decodeStream: latents': async (wrong) => each(movieGen.decodeStream(wrong)),
  'Autoencoder.encode: video': (wrong) => autoencoder.encode(wrong),
  'Autoencoder.encode: options': (wrong) => autoencoder.encode(video, wrong),
  'Autoencoder.decode: latents': (wrong) => autoencoder.decode(wrong),
  'Autoencoder.decode: options': (wrong) => autoencoder.decode(latents, wrong),
  'Autoencoder.fromPretrained: source': (wrong) => Autoencoder.fromPretrained(wrong, { device }),
  'Autoencoder.fromPretrained: options': (wrong) => Autoencoder.fromPretrained(TINY, wrong),
  'TextModel.encode: texts': (wrong) => text.encode(wrong),
  'TextModel.encode: one of the texts': (wrong) => text.encode(['a', wrong]),
  'TextModel.tokenize: text': (wrong) => text.tokenize(wrong),
  'TextModel.tokenize: maxLength': (wrong) => text.tokenize('a', wrong),
  'TextModel.fromPretrained: source': (wrong) => TextModel.fromPretrained(wrong, { device }),
  'TextModel.fromPretrained: options': (wrong) => TextModel.fromPretrained(folder, wrong),
  'MovieGen.fromPretrained: source': (wrong) => moviegen.MovieGen.fromPretrained(wrong, { device }),
  'MovieGen.fromPretrained: options': (wrong) => moviegen.MovieGen.fromPretrained(TINY, wrong),
  'planGeneration: model': (wrong) => moviegen.planGeneration(wrong),
  'planGeneration: options': (wrong) => moviegen.planGeneration(TINY, wrong),
  'encodeVideo: video': (wrong) => moviegen.encodeVideo(wrong, { format: 'gif' }),
  'encodeVideo: options': (wrong) => moviegen.encodeVideo(video, wrong),
  'encodeVideo: format': (format) => moviegen.encodeVideo(video, { format }),
  'encodeVideoTo: sink': (wrong) => moviegen.encodeVideoTo(wrong, video, { format: 'gif' }),
  'encodeVideoTo: video': (wrong) => moviegen.encodeVideoTo({ write() {} }, wrong, { format: 'gif' }),
  'decodeVideo: bytes': (wrong) => moviegen.decodeVideo(wrong),
  'openVideo: file': (wrong) => moviegen.openVideo(wrong),
  'openVideo: options': (wrong) => moviegen.openVideo(new Uint8Array(4), wrong),
  'encodePng: frames': async (wrong) => moviegen.encodePng(wrong),
  'encodePng: index': async (wrong) => moviegen.encodePng(video, wrong),
  'decodePng: bytes': async (wrong) => moviegen.decodePng(wrong),
  'gridOf: videos': async (wrong) => moviegen.gridOf(wrong),
  'gridOf: one of the videos': async (wrong) => moviegen.gridOf([video, wrong]),
  'collectFrames: stream': (wrong) => moviegen.collectFrames(wrong),
  'latentsFrom: shape': async (wrong) => moviegen.latentsFrom(new Float32Array(3), wrong),
  'latentsFrom: data': async (wrong) => moviegen.latentsFrom(wrong, [1, 1, 1, 1]),
  'formatOf: path': async (wrong) => moviegen.formatOf(wrong),
  'parsePolicy: text': async (wrong) => moviegen.parsePolicy(wrong),
  'readVideo: path': (wrong) => node.readVideo(wrong),
};

describe.each(Object.entries(calls))('%s', (name, call) => {
  test('is an InputError', async () => {
    for (const wrong of WRONG) {
      const error = await Promise.resolve()
        .then(() => call(wrong as never))
        .then(
          () => undefined, // some of them are right here: options without a wrong entry, a callback
          (reason: unknown) => reason as Error,
        );
      if (error === undefined) continue;
      const said = `${name}, ${Object.prototype.toString.call(wrong)}: ${error.stack}`;
      expect(error, said).toBeInstanceOf(InputError);
      expect(error.message).not.toContain('\n');
      expect(error.message).not.toMatch(/\[object|Cannot read|is not a function|not iterable/);
    }
  });
});

test('texts that are not there are named', async () => {
  const undefinedPrompt = movieGen.generate(undefined as never);
  await expect(undefinedPrompt).rejects.toThrow('generate: the prompt must be text, got undefined');
  await expect(movieGen.generate('\ud83d' as never)).rejects.toThrow('holds half of a letter');
  expect(() => text.encode('a' as never)).toThrow('text: texts must be an array of texts, got "a"');
  await expect(moviegen.decodeVideo('a.mp4' as never)).rejects.toThrow(
    'paths are for readVideo of moviegen/node',
  );
  await expect(moviegen.encodeVideo(video, { format: 'avi' as never })).rejects.toThrow(
    'format must be one of mp4, webm, gif, got "avi"',
  );
});

test('an option that a function does not have is named, not ignored', async () => {
  const wrong = { guidence: 3 } as object;
  const asked: Readonly<Record<string, () => Promise<unknown>>> = {
    generate: () => movieGen.generate(PROMPT, wrong),
    'encode of a pipeline': () => movieGen.encode(video, wrong),
    'decode of a pipeline': () => movieGen.decode(latents, wrong),
    'encode of an autoencoder': () => autoencoder.encode(video, wrong),
    'decode of an autoencoder': () => autoencoder.decode(latents, wrong),
    'a pipeline': () => moviegen.VideoPipeline.fromPretrained(TINY, wrong),
    'an autoencoder': () => Autoencoder.fromPretrained(TINY, wrong),
    'a text model': () => TextModel.fromPretrained(folder, wrong),
    'an image model': () => moviegen.ImageModel.fromPretrained(folder, wrong),
    encodePrompt: () => moviegen.encodePrompt(TINY, PROMPT, wrong),
    planGeneration: () => moviegen.planGeneration(TINY, wrong),
    decodeVideo: () => moviegen.decodeVideo(new Uint8Array(4), wrong),
    encodeVideo: () => moviegen.encodeVideo(video, { format: 'gif', ...wrong }),
  };
  for (const [name, ask] of Object.entries(asked))
    await expect(ask(), name).rejects.toThrow('there is no option "guidence"; its options are ');
});
