// The temporal autoencoder against PyTorch's, layer by layer.

import { loadTAE } from '../../moviegen/src/parity/tae.ts';
import { testParity } from '../../moviegen/test/fixtures.ts';
import { testDevice } from '../../tensor/test/device.ts';

for (const folder of ['tae', 'tae-one-group']) testParity(testDevice, folder, loadTAE);
