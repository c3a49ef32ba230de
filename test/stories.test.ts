// Three stories from end to end, on the shipped checkpoint: someone types a prompt and watches the video; someone
// encodes a clip and decodes it again; someone imports the library and builds a model of their own.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DiT, type DiTConfig, parseConfig } from '@moviegen/dit';
import { draw, type Facts, judge, parsePrompt } from '@moviegen/evaluation';
import { Safetensors, serialize } from '@moviegen/safetensors';
import { linearQuadraticSchedule, sample } from '@moviegen/sampler';
import { randn, Tensor } from '@moviegen/tensor';
import { testDevice } from '@moviegen/testing/device';
import { MovieGen } from 'moviegen';
import { readVideo } from 'moviegen/node';
import { expect, test } from 'vitest';
import { filesIn, moviegen, temporaryFolder } from './cli.ts';

const model = fileURLToPath(new URL('../models/shapes-world', import.meta.url));

test('a prompt becomes an mp4 and frames that show what it says', async () => {
  const cwd = temporaryFolder();
  const prompt = 'a small blue circle moves right on a black background';
  const args = ['--seed', '1', '--frames-dir', 'f', '--output', 'o.mp4', '--model', model];
  const { status, stdout } = await moviegen(['generate', prompt, ...args], { cwd });
  expect(status).toBe(0);
  console.log(stdout.trimEnd().split('\n').at(-1));

  const frames = Array.from({ length: 16 }, (_, k) => `f/frame-${String(k).padStart(4, '0')}.png`);
  expect(filesIn(cwd)).toEqual(['f', ...frames, 'o.mp4']);
  const video = await readVideo(join(cwd, 'o.mp4'));
  expect(video).toMatchObject({ shape: [16, 64, 64, 3], fps: 16 });
  expect(judge(video, parsePrompt(prompt))).toMatchObject({ right: true });
  expect(judge(await readVideo(join(cwd, 'f')), parsePrompt(prompt))).toMatchObject({ right: true });
});

test('unseen clips come back from the autoencoder as well as the model card says', async () => {
  const bound = cardBound(readFileSync(join(model, 'README.md'), 'utf8'));
  const device = await testDevice();
  const movieGen = await MovieGen.fromPretrained(model, { device });
  // Facts and offsets that are not in any training list; every start offset is new.
  const clips: readonly [Facts, readonly [number, number]][] = [
    [{ colour: 'red', shape: 'square', motion: 'moves left', background: 'navy', size: 'big' }, [1.7, -2.6]],
    [{ colour: 'yellow', shape: 'circle', motion: 'shrinks', background: 'black', size: '' }, [-3.3, 0.6]],
    [{ colour: 'green', shape: 'triangle', motion: 'stays still', background: 'gray', size: '' }, [0.8, 1.9]],
  ];
  let squares = 0;
  let count = 0;
  for (const [facts, offset] of clips) {
    const clip = draw(facts, offset);
    const latents = await movieGen.encode(clip);
    expect(latents.shape).toEqual([16, 2, 8, 8]);
    const back = await movieGen.decode(latents);
    back.data.forEach((value, i) => {
      squares += (value - clip.data[i]!) ** 2;
    });
    count += clip.data.length;
  }
  movieGen.dispose();
  const psnr = 10 * Math.log10(255 ** 2 / (squares / count));
  console.log(
    `TAE: ${psnr.toFixed(2)} dB on three unseen clips; the card promises ${bound} dB for the worst`,
  );
  expect(psnr).toBeGreaterThan(bound);
});

/** The lowest PSNR of an unseen clip, as the model card tells it. */
function cardBound(card: string): number {
  const found = /worst clip ([\d.]+) dB/.exec(card);
  expect(found, 'the model card says what the worst clip loses').not.toBeNull();
  return Number(found![1]);
}

test('a library user builds a small DiT from weights of their own, samples it, and cleans up', async () => {
  const device = await testDevice();
  const { used } = device.memory();
  const config: DiTConfig = parseConfig({
    in_channels: 4,
    hidden_size: 24,
    num_layers: 2,
    num_heads: 3,
    ffn_hidden_size: 40,
    timestep_dim: 32,
    max_grid: [2, 3, 3],
    text_dims: { metaclip: 10 },
  });
  // Weights as in a file: numbers from a formula that everybody can repeat.
  const tensors = Object.entries(DiT.weightShapes(config)).map(([name, shape], seed) => {
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) =>
      name.endsWith('norm.weight') ? 1 : 0.2 * Math.sin(12.9898 * (i + 1) + 78.233 * seed),
    );
    return [name, { dtype: 'F32', shape, data }] as const;
  });
  const source = await Safetensors.open(serialize(Object.fromEntries(tensors)));
  const dit = await DiT.load(device, source, config);

  const text = Tensor.from(
    device,
    Float32Array.from({ length: 50 }, (_, i) => Math.cos(i)),
    [1, 5, 10],
  );
  const context = dit.context({ metaclip: { states: text, lengths: [5] } });
  const noise = randn(device, [1, 4, 2, 6, 6], { seed: 42 });
  const velocity = (x: Tensor, t: number) => dit.forward(x, Tensor.from(device, [t]), context);
  const times: number[] = [];
  const options = {
    schedule: linearQuadraticSchedule(6, 20),
    onStep: ({ t }: { t: number }) => void times.push(t),
  };
  const [first, second] = [await sample(velocity, noise, options), await sample(velocity, noise, options)];
  const values = await first.read();
  expect(first.shape).toEqual([1, 4, 2, 6, 6]);
  expect(values.every(Number.isFinite)).toBe(true);
  expect(values).toEqual(await second.read());
  expect(times.slice(0, 6)).toEqual(linearQuadraticSchedule(6, 20).slice(1));
  expect(values).not.toEqual(await noise.read());

  for (const owned of [first, second, noise, context, text, dit]) owned.dispose();
  expect(device.memory().used).toBe(used);
});
