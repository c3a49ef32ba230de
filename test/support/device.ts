// The device of a test file. Each file has its own, so that the memory that it counts is only that file's; the worker prints
// once which adapter the tests run on.

import type { Device } from '@moviegen/tensor';
import { openDevice } from '@moviegen/tensor/node';
import { expect } from 'vitest';

let current: { readonly file: string | undefined; readonly device: Promise<Device> } | undefined;
let said = false;

/** The device of the current test file: on `MOVIEGEN_ADAPTER`, a GPU, or SwiftShader. */
export function testDevice(): Promise<Device> {
  const file = expect.getState().testPath;
  if (!current || current.file !== file) {
    const earlier = current?.device;
    current = { file, device: open(earlier) };
  }
  return current.device;
}

async function open(earlier: Promise<Device> | undefined): Promise<Device> {
  (await earlier)?.destroy();
  const device = await openDevice({ label: 'tests' });
  const { vendor, architecture, description } = device.info;
  if (!said) console.log(`adapter: ${vendor} ${architecture} (${description}), f16: ${device.target.f16}`);
  said = true;
  return device;
}
