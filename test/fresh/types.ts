// The types of a program in Node, which resolve and are not `any`.

import type { Device } from '@moviegen/tensor';
import { openDevice } from '@moviegen/tensor/node';
import { MovieGen } from 'moviegen';
import { averageCheckpoints } from 'moviegen/node';

const device: Device = await openDevice();
const gpu: GPUDevice = device.gpu;
// @ts-expect-error: there is no such method, so the type is not `any`
gpu.nothing();
const model: MovieGen = await MovieGen.fromPretrained('folder', { device });
const { frames } = await model.generate('a red circle');
export const data: Uint8Array<ArrayBuffer> = frames.data;
// @ts-expect-error: a number is not a list of folders
await averageCheckpoints(1);
