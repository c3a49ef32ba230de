// @moviegen/tensor/node: what only Node needs to open a device.
/// <reference types="@webgpu/types" preserve="true" />
export type { FoundAdapter, OpenOptions } from './open.ts';
export { findAdapter, openDevice } from './open.ts';
export type { SwiftShader } from './swiftshader.ts';
export { unpackSwiftShader } from './swiftshader.ts';
