// Lays a constant weight out for the product kernels, once, at load: W [N, I, taps] (linear: taps 1)
// becomes [taps, I, pitch], so that neighbouring outputs lie side by side. Several weights may share a
// packed one: stacked along the output (`start`), or in alternating groups of four outputs (`every`),
// as SwiGLU wants. Numbers between N and the pitch are left as they are: no kernel's result reads them.
import { type DType, type Kernel, u32, uniformBlock, workgroupIndexWGSL } from './kernel.ts';
import { enableWGSL } from './matmulStorage.ts';

/** Where one weight goes in a packed one. */
export interface PackShape {
  readonly N: number;
  readonly I: number;
  readonly taps: number;
  /** Numbers of a packed row, a multiple of 4. */
  readonly pitch: number;
  /** Packed column of the first output. */
  readonly start: number;
  /** Packed columns from one group of four outputs to the next; 4 leaves no gap. */
  readonly every: number;
}

const workgroupSize = 64;

/** The kernel that packs one weight. Bindings: weight, out. An invocation moves one number. */
export function packKernel({ N, I, taps, pitch, start, every }: PackShape, dtype: DType): Kernel {
  const size = N * I * taps;
  const uniforms = uniformBlock(2, {
    size: u32(size),
    N: u32(N),
    I: u32(I),
    taps: u32(taps),
    pitch: u32(pitch),
    start: u32(start),
    every: u32(every),
  });
  const code = /* wgsl */ `${enableWGSL(dtype, false)}
@group(0) @binding(0) var<storage, read> weight: array<${dtype}>;
@group(0) @binding(1) var<storage, read_write> out: array<${dtype}>;
${uniforms.wgsl}${workgroupIndexWGSL}
@compute @workgroup_size(${workgroupSize}) fn main(
  @builtin(workgroup_id) id: vec3<u32>,
  @builtin(num_workgroups) count: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = workgroupIndex(id, count) * ${workgroupSize}u + lane;
  if (index >= u.size) { return; }
  let n = index % u.N;
  let row = index / u.N; // tap * I + i
  let column = u.start + n / 4u * u.every + n % 4u;
  out[row * u.pitch + column] = weight[(n * u.I + row % u.I) * u.taps + row / u.I];
}
`;
  return {
    label: `pack ${dtype}`,
    code,
    bindings: [
      { name: 'weight', dtype, access: 'read' },
      { name: 'out', dtype, access: 'read_write' },
    ],
    uniforms: uniforms.bytes,
    workgroups: Math.ceil(size / workgroupSize),
  };
}
