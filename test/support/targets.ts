// Adapters with tensor cores, described as kernels know them. No GPU is needed for them.
import type { Target } from '@moviegen/kernels';

const matrices = (side: number) => [
  { componentType: 'f16', resultComponentType: 'f32', M: side, N: side, K: side },
];

export const targets: Readonly<Record<string, Target>> = {
  'NVIDIA-like': {
    f16: true,
    subgroups: true,
    subgroupSize: [32, 32],
    subgroupMatrix: matrices(16),
    maxWorkgroupSize: 1024,
    maxWorkgroupStorage: 49152,
    software: false,
  },
  'Apple-like': {
    f16: true,
    subgroups: true,
    subgroupSize: [32, 32],
    subgroupMatrix: matrices(8),
    maxWorkgroupSize: 1024,
    maxWorkgroupStorage: 32768,
    software: false,
  },
  'llvmpipe-like': {
    f16: true,
    subgroups: true,
    subgroupSize: [8, 8],
    subgroupMatrix: matrices(8),
    maxWorkgroupSize: 1024,
    maxWorkgroupStorage: 32768,
    software: true,
  },
};
