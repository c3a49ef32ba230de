// What the shipped checkpoint of reference pictures has learnt.

import { fileURLToPath } from 'node:url';
import { judgePattern, patternSamples, pictureOf } from '@moviegen/evaluation';
import { testDevice } from '@moviegen/testing/device';
import { expect, test } from 'vitest';
import { VideoPipeline } from '../src/index.ts';

const opened = async (name: string) =>
  VideoPipeline.fromPretrained(fileURLToPath(new URL(`../../../models/${name}`, import.meta.url)), {
    device: await testDevice(),
  });

test('shows the object of a picture, elsewhere', async () => {
  const seed = 0;
  const samples = patternSamples();
  const { prompt, looks, place } = samples[seed]!;
  const model = await opened('shapes-world-reference');
  const { frames } = await model.generate(prompt, {
    referenceImage: pictureOf(looks, place),
    seed,
    steps: 25,
  });
  model.dispose();
  expect(judgePattern(frames, seed, samples)).toMatchObject({ right: true, rank: 1 });
});
