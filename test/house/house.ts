// The plan of the house: which packages a package may import, and the rooms (folders) of the larger packages from top
// to bottom. The check of the import graph reads it; ARCHITECTURE.md says what each room contains.

import type { House } from './importGraph.ts';

const MODELS = ['tensor', 'kernels'];

/** Arrows run downward only: a room may import rooms of lower lines. */
export const house: House = {
  packages: {
    safetensors: [],
    kernels: [],
    tensor: ['kernels'],
    sampler: MODELS,
    text: MODELS,
    tae: MODELS,
    dit: MODELS,
    wan: MODELS,
    gguf: ['safetensors'],
    evaluation: ['text', 'tae', 'dit', 'sampler', ...MODELS],
    moviegen: ['evaluation', 'text', 'tae', 'dit', 'wan', 'sampler', 'safetensors', 'gguf', ...MODELS],
    curation: ['moviegen', 'evaluation', 'text', ...MODELS],
    server: ['moviegen'],
  },
  rooms: {
    kernels: [
      'index',
      'cases',
      'reference',
      'attention conv generators movement rows elementwise',
      'matmul',
      'formats',
      'wgsl shape',
      'activation',
      'kernel',
    ],
    tensor: [
      'node checks',
      'index',
      'stepCache timeModulation latentTokens',
      'layers',
      'weights',
      'ops',
      'trace paddedStates',
      'tensor',
      'device',
      'gpu numbers configReader',
      'tuning configError abort',
    ],
    moviegen: [
      'cli',
      'node',
      'index',
      'parity',
      'plan movieGen upsampler',
      'textModel',
      'pipeline autoencoder imageModel',
      'families',
      'generate',
      'imageProcessor',
      'checkpoint video',
      'platform',
      'arguments',
      'animation checkpointFiles errors hubPlace',
    ],
    curation: ['cli', 'node', 'index', 'choose', 'measures'],
    server: [
      'cli index',
      'serve work',
      'server options',
      'data api',
      'lock metrics worker limits',
      'store jobs',
      'log models errors pause',
    ],
  },
  node: [
    'safetensors/node',
    'tensor/node',
    'moviegen/node',
    'moviegen/cli',
    'curation/node',
    'curation/cli',
    'server',
  ],
};
