// Schedules, path, loss and the solvers' trajectories against PyTorch's.

import { testDevice } from '@moviegen/testing/device';
import { loadFlow } from '../../src/parity/flow.ts';
import { testParity } from './fixtures.ts';

testParity(testDevice, 'flow', loadFlow, /^sample-dopri5\/step\.\d+$/);
