// @moviegen/tensor/node: what only Node needs to open a device.
export type { FoundAdapter, OpenOptions } from './open.ts';
export { findAdapter, openDevice } from './open.ts';
export type { SwiftShader } from './swiftshader.ts';
export { unpackSwiftShader } from './swiftshader.ts';
