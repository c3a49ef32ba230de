// The map from an autoencoder's latents to small pictures, fitted to the latents of a chart of plain colours. How the fit is
// computed is in preview.ts.

import { type Device, scope, Tensor } from '@moviegen/tensor';
import { readLatents } from './latents.ts';
import { fitProjection, type LatentProjection } from './preview.ts';

/** An autoencoder, as the projection is fitted to it. */
interface Encoder {
  readonly device: Device;
  readonly factor: number;
  /** @param video [1, 3, 1, H', W'] in [-1, 1] */
  encode(video: Tensor): { mode(): Tensor };
}

/** The projection of an autoencoder's latents, fitted to a chart that it has encoded itself. */
export async function projectionOf(autoencoder: Encoder): Promise<LatentProjection> {
  const [side, patch] = [128, 16];
  const chart = colourChart(side, patch);
  const mode = scope(autoencoder.device, () =>
    autoencoder.encode(Tensor.from(autoencoder.device, chart, [1, 3, 1, side, side])).mode(),
  );
  const latents = (await readLatents(mode))[0]!;
  mode.dispose();
  const [, , H, W] = latents.shape;
  const colours = new Float32Array(H * W * 3);
  for (let at = 0; at < H * W; at++) {
    const middle = (i: number) => Math.floor((i + 0.5) * autoencoder.factor);
    const pixel = middle(Math.floor(at / W)) * side + middle(at % W);
    for (let channel = 0; channel < 3; channel++)
      colours[at * 3 + channel] = chart[channel * side * side + pixel]!;
  }
  return fitProjection(latents, colours);
}

/** A picture of many plain colours: [3, 1, side, side] in [-1, 1]. */
function colourChart(side: number, patch: number): Float32Array<ArrayBuffer> {
  const pixels = new Float32Array(3 * side * side);
  const patches = side / patch;
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      const index = Math.floor(y / patch) * patches + Math.floor(x / patch);
      // Steps by irrational shares of the range spread any number of colours evenly over the cube.
      [0.8191725, 0.6710436, 0.5497005].forEach((share, channel) => {
        pixels[(channel * side + y) * side + x] = 2 * ((0.5 + index * share) % 1) - 1;
      });
    }
  return pixels;
}
