// What an adapter can do at most, measured in a second or two: multiply-adds by type, and bytes copied.
// Measured times are compared with these; no model computes anything with them.
import {
  type DType,
  f32,
  type Kernel,
  type SubgroupMatrixConfig,
  u32,
  uniformBlock,
} from '@moviegen/kernels';
import type { Device } from '../device/device.ts';
import { scopeAsync } from '../device/scope.ts';
import { Tensor } from '../tensor.ts';

/** An adapter's ceilings, per second. */
export interface Ceilings {
  /** Floating-point operations: a multiply-add is two. */
  readonly flops: {
    readonly f32: number;
    /** Absent where the adapter has no f16. */
    readonly f16?: number;
    /** f16 products by subgroup matrices, with f32 sums where the adapter has those; absent without them. */
    readonly subgroupMatrix?: number;
  };
  /** Bytes that a copy reads and writes, both counted. */
  readonly copyBytes: number;
}

/** Options of {@link measureCeilings}. */
export interface CeilingsOptions {
  /** Ends the measurement between two kernels: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

const size = 256;
const chains = 8;
const unrolled = 4;

/** Chains of dependent multiply-adds, `rounds * 32` of vec4 per invocation. Bindings: out. */
export function multiplyAddKernel(dtype: 'f32' | 'f16', workgroups: number, rounds: number): Kernel {
  const uniforms = uniformBlock(1, { rounds: u32(rounds), a: f32(0.9), b: f32(0.1) });
  const each = (text: (i: number) => string, count = chains) =>
    Array.from({ length: count }, (_, i) => text(i)).join('\n');
  const code = /* wgsl */ `${dtype === 'f16' ? 'enable f16;' : ''}
alias V = vec4<${dtype}>;
@group(0) @binding(0) var<storage, read_write> out: array<V>;
${uniforms.wgsl}
@compute @workgroup_size(${size}) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let a = V(${dtype}(u.a));
  let b = V(${dtype}(u.b));
${each((i) => `  var c${i} = V(${dtype}(id.x % 7u + ${i}u));`)}
  for (var round = 0u; round < u.rounds; round++) {
${each(() => each((i) => `    c${i} = fma(c${i}, a, b);`), unrolled)}
  }
  out[id.x] = ${Array.from({ length: chains }, (_, i) => `c${i}`).join(' + ')};
}
`;
  return {
    label: `ceiling multiply-add ${dtype}`,
    code,
    bindings: [{ name: 'out', dtype, access: 'read_write' }],
    uniforms: uniforms.bytes,
    workgroups,
  };
}

/** Products of subgroup matrices that stay in registers: four sums per subgroup and workgroup. Bindings: a, b, out. */
export function subgroupMatrixKernel(
  { componentType, resultComponentType, M, N, K }: SubgroupMatrixConfig,
  subgroupSize: number,
  workgroups: number,
  rounds: number,
): Kernel {
  const uniforms = uniformBlock(3, { rounds: u32(rounds) });
  const result = resultComponentType as DType;
  const four = (text: (i: number) => string) => [0, 1, 2, 3].map(text).join('\n');
  const code = /* wgsl */ `enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;
alias Left = subgroup_matrix_left<${componentType}, ${K}, ${M}>;
alias Right = subgroup_matrix_right<${componentType}, ${N}, ${K}>;
alias Result = subgroup_matrix_result<${result}, ${N}, ${M}>;
@group(0) @binding(0) var<storage, read> a: array<${componentType}>;
@group(0) @binding(1) var<storage, read> b: array<${componentType}>;
@group(0) @binding(2) var<storage, read_write> out: array<${result}>;
${uniforms.wgsl}
@compute @workgroup_size(${subgroupSize}) fn main(@builtin(workgroup_id) id: vec3<u32>) {
  let x = subgroupMatrixLoad<Left, row_major>(&a, 0u, ${K}u);
${four((i) => `  let y${i} = subgroupMatrixLoad<Right, row_major>(&b, ${i * K * N}u, ${N}u);\n  var c${i}: Result;`)}
  for (var round = 0u; round < u.rounds; round++) {
${four((i) => `    c${i} = subgroupMatrixMultiplyAccumulate(x, y${i}, c${i});`)}
  }
  let at = id.x * ${4 * M * N}u;
${four((i) => `  subgroupMatrixStore<row_major>(&out, at + ${i * M * N}u, c${i}, ${N}u);`)}
}
`;
  return {
    label: `ceiling subgroup matrix ${componentType} ${resultComponentType} ${M}x${N}x${K}`,
    code,
    bindings: [
      { name: 'a', dtype: componentType as DType, access: 'read' },
      { name: 'b', dtype: componentType as DType, access: 'read' },
      { name: 'out', dtype: result, access: 'read_write' },
    ],
    uniforms: uniforms.bytes,
    workgroups,
  };
}

/** A copy of `count` vec4, four per invocation. Bindings: x, out. */
export function copyCeilingKernel(count: number): Kernel {
  const invocations = Math.floor(count / 4);
  const uniforms = uniformBlock(2, { invocations: u32(invocations) });
  const code = /* wgsl */ `
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4f>;
${uniforms.wgsl}
@compute @workgroup_size(${size}) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= u.invocations) { return; }
  for (var k = 0u; k < 4u; k++) { out[id.x + k * u.invocations] = x[id.x + k * u.invocations]; }
}
`;
  return {
    label: 'ceiling copy',
    code,
    bindings: [
      { name: 'x', dtype: 'f32', access: 'read' },
      { name: 'out', dtype: 'f32', access: 'read_write' },
    ],
    uniforms: uniforms.bytes,
    workgroups: Math.ceil(invocations / size),
  };
}

/**
 * Measures the device's ceilings. It takes a second or two, and on a GPU a few hundred MiB for a moment.
 * @throws the signal's reason where aborted.
 */
export async function measureCeilings(device: Device, { signal }: CeilingsOptions = {}): Promise<Ceilings> {
  const { software, f16 } = device.target;
  // Enough workgroups to fill the largest GPU several times over; a software adapter has only a few cores.
  const workgroups = software ? 16 : 4096;
  const target = { ms: software ? 30 : 10, signal };

  const multiplyAdds = (dtype: 'f32' | 'f16') =>
    scopeAsync(device, () => {
      const out = Tensor.empty(device, [workgroups * size * 4], dtype);
      const flopsEach = workgroups * size * 4 * chains * unrolled * 2;
      return rate(device, target, flopsEach, (rounds) => {
        device.run(multiplyAddKernel(dtype, workgroups, rounds), [out]);
      });
    });
  const matrix = matrixConfig(device);
  const matrices = (config: SubgroupMatrixConfig) =>
    scopeAsync(device, () => {
      const { M, N, K, resultComponentType } = config;
      const subgroups = 4 * workgroups;
      const a = Tensor.zeros(device, [M * K], 'f16');
      const b = Tensor.zeros(device, [4 * K * N], 'f16');
      const out = Tensor.empty(device, [subgroups * 4 * M * N], resultComponentType as DType);
      return rate(device, target, subgroups * 4 * 2 * M * N * K, (rounds) => {
        const kernel = subgroupMatrixKernel(config, device.target.subgroupSize[1], subgroups, rounds);
        device.run(kernel, [a, b, out]);
      });
    });
  const copy = () =>
    scopeAsync(device, () => {
      // Well beyond any cache.
      const wanted = (software ? 32 : 256) * 2 ** 20;
      const bytes = Math.min(wanted, 2 ** Math.floor(Math.log2(device.limits.maxStorageBufferBindingSize)));
      const [x, out] = [Tensor.zeros(device, [bytes / 4]), Tensor.empty(device, [bytes / 4])];
      const kernel = copyCeilingKernel(bytes / 16);
      return rate(device, target, 2 * bytes, (rounds) => {
        for (let round = 0; round < rounds; round++) device.run(kernel, [x, out]);
      });
    });

  const flops = {
    f32: await multiplyAdds('f32'),
    ...(f16 && { f16: await multiplyAdds('f16') }),
    ...(matrix && { subgroupMatrix: await matrices(matrix) }),
  };
  const copyBytes = await copy();
  device.trim();
  return { flops, copyBytes };
}

/** The largest configuration with f16 operands; one with f32 sums is preferred. */
function matrixConfig({ target }: Device): SubgroupMatrixConfig | undefined {
  const [least, most] = target.subgroupSize;
  if (!target.f16 || least !== most) return undefined;
  const volume = ({ M, N, K, resultComponentType }: SubgroupMatrixConfig) =>
    M * N * K * (resultComponentType === 'f32' ? 1000 : 1);
  return target.subgroupMatrix
    .filter(({ componentType }) => componentType === 'f16')
    .sort((a, b) => volume(b) - volume(a))[0];
}

/** Units per second: rounds are multiplied until they take long enough to measure, then the best of three counts. */
async function rate(
  device: Device,
  { ms, signal }: { readonly ms: number; readonly signal: AbortSignal | undefined },
  unitsEach: number,
  run: (rounds: number) => void,
): Promise<number> {
  const time = async (rounds: number): Promise<number> => {
    signal?.throwIfAborted();
    return (await device.time(() => run(rounds))).ms;
  };
  await time(1); // compiles
  let rounds = 1;
  let taken = await time(rounds);
  while (taken < ms && rounds < 2 ** 20) {
    rounds *= Math.max(2, Math.min(16, Math.floor(ms / Math.max(taken, ms / 16))));
    taken = await time(rounds);
  }
  for (let again = 0; again < 2; again++) taken = Math.min(taken, await time(rounds));
  return (unitsEach * rounds * 1000) / taken;
}
