// What a browser's device does apart from computing: memory, recordings, errors, and the loss of the GPU.

import { randn } from '@moviegen/tensor';
import { openDevice } from '@moviegen/tensor/node';
import { expect, test } from 'vitest';
import { launchChromium } from './chromium.ts';
import { openModule } from './remote.ts';

// Without this flag, Chromium refuses a new device to a page that has seen the GPU's process die.
const browser = await launchChromium('--disable-domain-blocking-for-3d-apis');
const { module } = await openModule<typeof import('./pages/device.ts')>(browser, 'device');

test('a scope releases its memory', async () => {
  const { before, during, after, values } = await module.scoped();
  expect(values).toEqual([20, 30, 40]);
  expect(during).toBeGreaterThan(before);
  expect(after).toBe(before);
});

test('a recording replays with the present content of its operands', async () => {
  expect(await module.recorded()).toEqual([4, 12, 0]);
});

test('a seed gives the same normals as in Node', async () => {
  const device = await openDevice({ adapter: 'swiftshader' }); // the same adapter as Chromium's
  expect(await module.normals(7)).toEqual([...(await randn(device, [64], { seed: 7 }).read())]);
  device.destroy();
});

test('a kernel that WGSL refuses is named, with its line, and the device goes on', async () => {
  const { kind, message, after } = await module.refused();
  expect(kind).toBe(true);
  expect(message).toMatch(/broken f32: unresolved value 'nothing'\n +2 \|.*nothing/);
  expect(after).toBe(3);
});

test('a memory limit that is too small is reported', async () => {
  const { kind, message } = await module.crowded();
  expect(kind).toBe(true);
  expect(message).toMatch(/OutOfMemoryError: .*1000/);
});

test('the GPU goes away: the device says so, and a new one computes', async () => {
  const waiting = module.lost();
  await (await browser.newBrowserCDPSession()).send('Browser.crashGpuProcess');
  expect(await waiting).toMatchObject({ reason: 'unknown', kind: true });
  await module.reopen();
  expect((await module.scoped()).values).toEqual([20, 30, 40]);
});

test('a destroyed device says so', async () => {
  await module.destroy();
  const { reason, kind, message } = await module.lost();
  expect({ reason, kind }).toEqual({ reason: 'destroyed', kind: true });
  expect(message).toContain('DeviceLostError: device: lost (destroyed)');
});
