// The table of loaders: how each kind of model is run on a fixture.

import { loadDiT } from './dit.ts';
import { loadFlow } from './flow.ts';
import type { ParityLoader } from './parity.ts';
import { loadPhilox } from './philox.ts';
import { loadPipeline } from './pipeline.ts';
import { loadQuantized } from './quantized.ts';
import { loadAutoencoderKL, loadTAE } from './tae.ts';
import { loadClip, loadT5 } from './text.ts';
import { loadClipVision } from './vision.ts';

/** Loaders by the `model` of a `fixture.json`. */
export const parityLoaders: Readonly<Record<string, ParityLoader>> = {
  dit: loadDiT,
  tae: loadTAE,
  autoencoder_kl: loadAutoencoderKL,
  t5: loadT5,
  clip: loadClip,
  clip_vision: loadClipVision,
  flow: loadFlow,
  philox: loadPhilox,
  pipeline: loadPipeline,
  quantized: loadQuantized,
};
