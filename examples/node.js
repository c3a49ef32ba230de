// node examples/node.js [FOLDER of a transformer]

import { fileURLToPath } from 'node:url';
import { folder } from '@moviegen/safetensors/node';
import { openDevice } from '@moviegen/tensor/node';
import { sampleLatents } from './sample.js';

const shipped = fileURLToPath(new URL('../models/shapes-world/transformer', import.meta.url));
const device = await openDevice();
await sampleLatents(device, folder(process.argv[2] ?? shipped), console.log);
device.destroy();
