// `npm run test:large`: one forward pass of a seeded DiT, printed as one JSON document. Options as below; what is
// measured is in run.ts.
//
//   npm run test:large -- --against FILE                       a file of seeded_dit.py: same size, same tokens
//   npm run test:large -- --size 30b --latent 32,96,96 --dtype f16        30b whole at 73,728 tokens
//   npm run test:large -- --size 30b --layers 2 --latent 4,32,32

import { parseArgs } from 'node:util';
import { configs } from '@moviegen/dit';
import { measureCeilings } from '@moviegen/tensor/checks';
import { openDevice } from '@moviegen/tensor/node';
import { type LargeRun, referenceOf, runLarge } from './run.ts';

const { values } = parseArgs({
  options: {
    against: { type: 'string' },
    size: { type: 'string', default: '30b' },
    layers: { type: 'string' },
    latent: { type: 'string', default: '4,32,32' },
    dtype: { type: 'string', default: 'f32' },
    runs: { type: 'string', default: '1' },
    adapter: { type: 'string' },
  },
});
const published = configs[values.size as keyof typeof configs];
if (!published) throw new Error(`--size must be one of ${Object.keys(configs).join(', ')}`);
const numLayers = values.layers === undefined ? published.numLayers : Number(values.layers);
const given = values.against === undefined ? undefined : await referenceOf(values.against);
const device = await openDevice(values.adapter === undefined ? {} : { adapter: values.adapter });
try {
  const run: LargeRun = {
    config: { ...published, numLayers },
    latent: values.latent.split(',').map(Number),
    ...given,
    dtype: values.dtype === 'f16' ? 'f16' : 'f32',
    runs: Number(values.runs),
  };
  const result = await runLarge(device, run);
  const ceilings = await measureCeilings(device);
  console.log(JSON.stringify({ adapter: device.info.description, ...result, ceilings }, null, 2));
  const bound = run.dtype === 'f16' ? 3e-2 : 1e-4;
  if (!result.finite || (result.error ?? 0) > bound) process.exitCode = 1;
} finally {
  device.destroy();
}
