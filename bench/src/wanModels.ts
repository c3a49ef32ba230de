// Parts of Wan with seeded weights: one block of the 1.3B transformer, a piece of the autoencoder of Wan 2.1.
import { randn, scopeAsync, Tensor } from '@moviegen/tensor';
import { autoencoderConfigs, transformerConfigs, WanAutoencoder, WanTransformer } from '@moviegen/wan';
import { type Latent, type ModelRow, seededWeights, timeReplays } from './models.ts';

/** Rows of text that are not zeros. */
const TEXT = 64;

/** A transformer of one block, with all that is before and after it. */
function wanBlock(name: string, size: keyof typeof transformerConfigs, [T, H, W]: Latent): ModelRow {
  const config = { ...transformerConfigs[size], numLayers: 1 };
  return {
    name,
    hardware: false,
    spec: { kind: 'wan', config, latent: [T, H, W] },
    run: (context) =>
      scopeAsync(context.device, async () => {
        const { device, dtype } = context;
        const weights = seededWeights(device, WanTransformer.weightShapes(config), dtype);
        const model = new WanTransformer(device, config, weights);
        const states = randn(device, [1, TEXT, config.textDim], { seed: 3 });
        const text = model.context({ states, lengths: [TEXT] });
        const x = randn(device, [1, config.inChannels, T, H, W], { seed: 1 });
        const t = Tensor.from(device, [640]);
        model.preparePositions(x.shape);
        try {
          return await timeReplays(name, context, () => model.forward(x, t, text));
        } finally {
          for (const used of [text, model]) used.dispose();
        }
      }),
  };
}

/** The first frame of a video and a piece of four frames, out of two frames of latents. @param baseDim channels of its first level: 96 in Wan */
function wanPiece(
  name: string,
  [H, W]: readonly [height: number, width: number],
  { baseDim = 96, hardware = true } = {},
): ModelRow {
  const config = { ...autoencoderConfigs['2.1'], baseDim, decoderBaseDim: baseDim };
  return {
    name,
    hardware,
    spec: { kind: 'wanVae', config, latent: [2, H, W] },
    run: (context) =>
      scopeAsync(context.device, async () => {
        const { device, dtype } = context;
        const weights = seededWeights(device, WanAutoencoder.weightShapes(config), dtype);
        const model = new WanAutoencoder(device, config, weights);
        const z = randn(device, [1, config.zDim, 2, H, W], { seed: 2 });
        try {
          return await timeReplays(name, context, () => model.decode(z));
        } finally {
          model.dispose();
        }
      }),
  };
}

/** Rows of Wan. */
export const wanRows: readonly ModelRow[] = [
  wanBlock('Wan 1.3B, one block, 1560 tokens', '1.3b', [1, 60, 104]),
  wanPiece('Wan 2.1 VAE decode, 1 + 4 frames of 128x128', [16, 16]), // 0.8 TFLOP
  // The same at a third of the width, a ninth of the operations, for software adapters.
  wanPiece('Wan 2.1 VAE of width 32, decode, 1 + 4 frames of 128x128', [16, 16], {
    baseDim: 32,
    hardware: false,
  }),
];
