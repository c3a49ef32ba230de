// The diffusion transformer and the sampler on their own: noise becomes latents, by following the model's velocity.
// There is no text encoder and no autoencoder. The same file runs in Node (node.js) and in a page without a bundler
// (index.html).

import { DiT, parseConfig } from '@moviegen/dit';
import { openCheckpoint } from '@moviegen/safetensors';
import { sample } from '@moviegen/sampler';
import { randn, Tensor } from '@moviegen/tensor';

/**
 * @param {import('@moviegen/tensor').Device} device
 * @param {import('@moviegen/safetensors').OpenFile} open opens the files of a transformer's folder by their names
 * @param {(line: string) => void} say
 */
export async function sampleLatents(device, open, say) {
  const file = await open('config.json');
  if (!file) throw new Error('there is no config.json: give the folder of a transformer');
  const config = parseConfig(JSON.parse(new TextDecoder().decode(await file.read(0, file.byteLength))));
  const dit = await DiT.load(device, await openCheckpoint(open), config);

  const states = Tensor.zeros(device, [1, 1, config.textDims.ul2 ?? 1]);
  const noPrompt = dit.context({ ul2: { states, lengths: [0] } });
  const noise = randn(device, [1, config.inChannels, 2, 8, 8], { seed: 1 });
  const latents = await sample((x, t) => dit.forward(x, Tensor.from(device, [t]), noPrompt), noise, {
    steps: 10,
    onStep: ({ step, steps, t }) => say(`step ${step} of ${steps}: t = ${t.toFixed(3)}`),
  });

  const values = Float32Array.from(await latents.read());
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / values.length);
  say(`latents [${latents.shape.join(', ')}] of deviation ${deviation.toFixed(4)}`);
}
