// Runs CLIP's image tower on a fixture's pixels.

import { Tensor } from '@moviegen/tensor';
import { ClipVisionModel, parseClipVisionConfig } from '@moviegen/text';
import type { ParityLoader, ParityModel } from './parity.ts';
import { configOf, type LayoutOf, weightsOf } from './text.ts';

/** Transformers' name of each output. */
const OUTPUTS = {
  states: 'last_hidden_state',
  penultimate: 'penultimate',
  pooled: 'pooler_output',
  tokens: 'tokens',
  projected: 'image_embeds',
} as const;

/** Loads the image tower of a fixture. */
export const loadClipVision: ParityLoader = (device, fixture) => loadClipVisionLayout(device, fixture, '.');

/** The same from one of the folders in which the fixture holds its weights in another layout. */
export async function loadClipVisionLayout(...[device, fixture, layout]: LayoutOf): Promise<ParityModel> {
  const config = parseClipVisionConfig(await configOf(fixture, layout));
  const tower = await ClipVisionModel.load(device, await weightsOf(fixture, layout), config);
  return {
    run(given, report) {
      const { shape, data } = given.values('input.pixel_values');
      const pixels = Tensor.from(device, Float32Array.from(data), shape);
      const features = { ...tower.features(pixels, { trace: report }), tokens: tower.tokens(pixels) };
      pixels.dispose();
      for (const [name, output] of Object.entries(OUTPUTS)) {
        const tensor = features[name as keyof typeof OUTPUTS];
        if (tensor === undefined) continue;
        report(`output.${output}`, tensor);
        tensor.dispose();
      }
    },
    dispose: () => tower.dispose(),
  };
}
