// @moviegen/gguf: the files of llama.cpp and ComfyUI-GGUF, strict and streaming. Their blocks are decoded in @moviegen/kernels.

export type { GgufValue } from './cursor.ts';
export { GgufError } from './errors.ts';
export { Gguf, type GgufOptions } from './gguf.ts';
export type { GgufTensor } from './header.ts';
