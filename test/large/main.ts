// `npm run test:large`: one forward pass of a seeded transformer, printed as one JSON document. Options as below; what is
// measured is in run.ts.
//
//   npm run test:large -- --against FILE                       a file of seeded_dit.py: same size, same tokens
//   npm run test:large -- --size 30b --latent 32,96,96 --dtype f16        30b whole at 73,728 tokens
//   npm run test:large -- --size 30b --layers 2 --latent 4,32,32
//   npm run test:large -- --family wan --size 1.3b --latent 21,60,104 --dtype f16     Wan 1.3B whole at 32,760 tokens
//   npm run test:large -- --family wan --against test/large/wan.safetensors           a file of seeded_wan.py

import { parseArgs } from 'node:util';
import { configs } from '@moviegen/dit';
import { measureCeilings } from '@moviegen/tensor/checks';
import { openDevice } from '@moviegen/tensor/node';
import { transformerConfigs } from '@moviegen/wan';
import { referenceOf, runLarge, runLargeWan, wanReferenceOf } from './run.ts';

const { values } = parseArgs({
  options: {
    against: { type: 'string' },
    family: { type: 'string', default: 'movie-gen' },
    size: { type: 'string' },
    layers: { type: 'string' },
    latent: { type: 'string', default: '4,32,32' },
    dtype: { type: 'string', default: 'f32' },
    runs: { type: 'string', default: '1' },
    adapter: { type: 'string' },
  },
});
if (!['movie-gen', 'wan'].includes(values.family)) throw new Error('--family must be movie-gen or wan');
const isWan = values.family === 'wan';

/** The published config of the size, with as many layers as were asked for. */
function sized<Config extends { readonly numLayers: number }>(
  published: Readonly<Record<string, Config>>,
  usual: string,
): Config {
  const config = published[values.size ?? usual];
  if (!config) throw new Error(`--size must be one of ${Object.keys(published).join(', ')}`);
  return { ...config, numLayers: values.layers === undefined ? config.numLayers : Number(values.layers) };
}

const device = await openDevice(values.adapter === undefined ? {} : { adapter: values.adapter });
try {
  const run = {
    latent: values.latent.split(',').map(Number),
    dtype: values.dtype === 'f16' ? ('f16' as const) : ('f32' as const),
    runs: Number(values.runs),
  };
  const result = isWan
    ? await runLargeWan(device, {
        config: sized(transformerConfigs, '1.3b'),
        ...run,
        ...(values.against !== undefined && (await wanReferenceOf(values.against))),
      })
    : await runLarge(device, {
        config: sized(configs, '30b'),
        ...run,
        ...(values.against !== undefined && (await referenceOf(values.against))),
      });
  const ceilings = await measureCeilings(device);
  console.log(JSON.stringify({ adapter: device.info.description, ...result, ceilings }, null, 2));
  const bound = run.dtype === 'f16' ? 3e-2 : 1e-4;
  if (!result.finite || (result.error ?? 0) > bound) process.exitCode = 1;
} finally {
  device.destroy();
}
