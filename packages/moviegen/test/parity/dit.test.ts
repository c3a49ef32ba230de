// The DiT against PyTorch's, layer by layer.

import { testDevice } from '@moviegen/testing/device';
import { loadDiT } from '../../src/parity/dit.ts';
import { testParity } from './fixtures.ts';

// SwiGLU's two products and its gate are one kernel; keys and values of the text are computed with the context.
const fused = /feed_forward\.(w1|w3)$|cross_attention\.(wk|wv)$/;

for (const folder of ['dit', 'dit-odd', 'dit-f16', 'dit-bf16', 'dit-masked', 'dit-video', 'dit-vision'])
  testParity(testDevice, folder, loadDiT, fused);
