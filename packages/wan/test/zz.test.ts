import { dryDevice, Tensor } from '@moviegen/tensor';
import { test } from 'vitest';
import { autoencoderConfigs, WanAutoencoder } from '../src/index.ts';

test('dry', async () => {
  for (const [version, W, H, T, tile] of [
    ['2.1', 832, 480, 4, 0],
    ['2.1', 832, 480, 4, 32],
    ['2.1', 1280, 720, 4, 0],
    ['2.2', 1280, 704, 4, 0],
    ['2.2', 1280, 704, 4, 16],
  ] as const)
    for (const dtype of ['f32', 'f16'] as const) {
      let flops = 0;
      const by: Record<string, number> = {};
      const fl: Record<string, number> = {};
      let count = 0;
      let big = 0;
      const device = dryDevice({
        onDispatch: (k, bytes) => {
          flops += k.flops ?? 0;
          count++;
          const op = k.label.split(' ')[0]! + (k.flops && k.label.includes('attention') ? k.label : '');
          by[op] = (by[op] ?? 0) + bytes;
          fl[op] = (fl[op] ?? 0) + (k.flops ?? 0);
        },
        onBuffer: (b) => {
          big = Math.max(big, b);
        },
      });
      const config = autoencoderConfigs[version];
      const weights = Object.fromEntries(
        Object.entries(WanAutoencoder.weightShapes(config)).map(([n, s]) => [
          n,
          Tensor.empty(device, s, dtype),
        ]),
      );
      const model = new WanAutoencoder(device, config, weights);
      const base = device.memory().used;
      const options = tile ? { spatialTile: tile } : {};
      const f = model.factor;
      const shape = [1, config.zDim, T, H / f, W / f];
      let out = '';
      for (const op of ['encode', 'decode']) {
        for (const k in by) delete by[k];
        let at = 0;
        if (op === 'decode')
          for await (const p of model.decodeTiled(
            { shape, part: () => Tensor.empty(device, [1, config.zDim, 1, H / f, W / f]) },
            options,
          )) {
            p.dispose();
            if (++at === 3) {
              device.trim();
              device.resetPeak();
              flops = 0;
              count = 0;
              for (const k in by) delete by[k];
            }
          }
        else {
          const vid = async function* () {
            for (const n of [1, 4, 4, 4]) {
              const t = Tensor.empty(device, [1, 3, n, H, W]);
              try {
                yield t;
              } finally {
                t.dispose();
              }
            }
          };
          for await (const p of model.encodeTiled(vid(), options)) {
            p.mean.dispose();
            p.logvar.dispose();
            if (++at === 3) {
              device.trim();
              device.resetPeak();
              flops = 0;
              count = 0;
              for (const k in by) delete by[k];
            }
          }
        }
        out += ` ${op}: ${((device.memory().peakUsed - base) / 1e9).toFixed(2)} GB beside weights, ${(flops / 1e12).toFixed(2)} TFLOP, ${count} dispatches, largest ${(big / 1e6).toFixed(0)} MB, GB ${JSON.stringify(Object.fromEntries(Object.entries(by).map(([k, v]) => [k, +(v / 1e9).toFixed(2)])))} \n `;
      }
      console.log(version, W, H, dtype, 'tile', tile, `weights ${(base / 1e9).toFixed(2)}`, out);
    }
}, 600000);
