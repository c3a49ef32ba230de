// Lays a constant weight out for the product kernels, once, at load. W [N, I, taps] (linear: 1 tap) becomes blocks
// of 4 inputs by 4 outputs, [taps, ceil(I / 4), pitch, 4 inputs, 4 outputs], so that a block is one read. Several
// weights may share one packed weight: side by side along the output (`start`), or with alternating blocks
// (`every`), as SwiGLU needs. Places of a block beyond I and N are not written: no kernel's result depends on them.
import { type DType, type Kernel, u32, uniformBlock, workgroupIndexWGSL } from '../kernel.ts';
import { enableWGSL } from '../wgsl.ts';

/** Where one weight goes in a packed weight. */
export interface PackShape {
  readonly N: number;
  readonly I: number;
  readonly taps: number;
  /** Number of blocks in a row, over all weights that share the packed weight. */
  readonly pitch: number;
  /** Packed column of the first output. */
  readonly start: number;
  /** Packed columns from the start of one group of four outputs to the start of the next; 4 leaves no gap. */
  readonly every: number;
}

const workgroupSize = 64;

/** The kernel that packs one weight. Bindings: weight, out. Each invocation moves one number. */
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
  let i = index / u.N % u.I;
  let tap = index / (u.N * u.I);
  let column = u.start + n / 4u * u.every + n % 4u;
  let block = (tap * ((u.I + 3u) / 4u) + i / 4u) * u.pitch + column / 4u;
  out[block * 16u + i % 4u * 4u + column % 4u] = weight[(n * u.I + i) * u.taps + tap];
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
