// Schedules, path, loss and the solvers' trajectories against PyTorch's.

import { loadFlow } from '../../moviegen/src/parity/flow.ts';
import { testParity } from '../../moviegen/test/fixtures.ts';
import { testDevice } from '../../tensor/test/device.ts';

testParity(testDevice, 'flow', loadFlow, /^sample-dopri5\/step\.\d+$/);
