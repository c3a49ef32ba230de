// What the shipped checkpoints of reference pictures and of letters have learnt.

import { fileURLToPath } from 'node:url';
import { judgeLetters, judgePattern, letterSamples, patternSamples, pictureOf } from '@moviegen/evaluation';
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

test('draws the letter between the quotes', async () => {
  const model = await opened('shapes-world-letters');
  for (const [seed, text] of ['A', 'K'].entries()) {
    const word = { text, colour: 'blue', motion: 'moves up', background: 'black', saysColour: true } as const;
    const { frames } = await model.generate(`the blue word "${text}" moves up on a black background`, {
      seed,
      steps: 25,
    });
    expect(judgeLetters(frames, { ...letterSamples()[0]!, word })).toMatchObject({ right: true });
  }
  model.dispose();
});
