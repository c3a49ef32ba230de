// The one device that a worker's test files share. It says once which adapter the tests run on.

import type { Device } from '@moviegen/tensor';
import { openDevice } from '@moviegen/tensor/node';

let shared: Promise<Device> | undefined;

/** The shared device: `MOVIEGEN_ADAPTER`, a GPU, or SwiftShader. */
export function testDevice(): Promise<Device> {
  shared ??= openDevice({ label: 'tests' }).then((device) => {
    const { vendor, architecture, description } = device.info;
    console.log(`adapter: ${vendor} ${architecture} (${description}), f16: ${device.target.f16}`);
    return device;
  });
  return shared;
}
