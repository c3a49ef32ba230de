// @moviegen/tensor/node: what only Node needs to open a device.
export type { OpenOptions } from './open.ts';
export { openDevice } from './open.ts';
