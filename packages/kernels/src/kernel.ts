// What a kernel is: a pure record. Functions of shapes, types and a target return one; nothing here
// touches a GPU. One place in @moviegen/tensor dispatches it.

/** A format of quantised weights (formats/quantize.ts). */
export type QuantFormat = 'q8' | 'q4';

/** Element type of a tensor. Only the weights of linear layers can be `q8` or `q4` (formats/quantize.ts). */
export type DType = 'f32' | 'f16' | 'i32' | 'u32' | QuantFormat;

/** Bytes of one element. A quantised element counts its share of its block's scale. */
export const BYTES: Readonly<Record<DType, number>> = {
  f32: 4,
  f16: 2,
  i32: 4,
  u32: 4,
  q8: 34 / 32,
  q4: 18 / 32,
};

/** A storage buffer that a kernel declares: `@group(0) @binding(position in the list)`. */
export interface Binding {
  readonly name: string;
  readonly dtype: DType;
  readonly access: 'read' | 'read_write';
}

/** What a kernel may count on: the part of an adapter's features and limits that chooses code. */
export interface Target {
  readonly f16: boolean;
  readonly subgroups: boolean;
  /** Smallest and largest subgroup size; 0, 0 without subgroups. */
  readonly subgroupSize: readonly [min: number, max: number];
  readonly subgroupMatrix: readonly SubgroupMatrixConfig[];
  readonly maxWorkgroupSize: number;
  readonly maxWorkgroupStorage: number;
  /** A software rasterizer: it runs a workgroup as a loop on a CPU core, so barriers and workgroup memory are expensive. */
  readonly software: boolean;
}

/** One matrix shape that the adapter's tensor cores can multiply. */
export interface SubgroupMatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** A compute kernel as data. The entry point is `main`. */
export interface Kernel {
  /** Op, type and variant: `matmul f32 8x8`. WebGPU's messages carry it. */
  readonly label: string;
  /** Whole WGSL text. It depends on the class of shapes, not on one shape: kernels of equal text share a pipeline. */
  readonly code: string;
  readonly bindings: readonly Binding[];
  /** Bytes of the `u` uniform block, bound after the last storage buffer; absent if the kernel has no uniforms. */
  readonly uniforms?: Uint8Array<ArrayBuffer>;
  /** Number of workgroups, as one line. The dispatcher folds counts beyond 65,535; `workgroupIndex` unfolds them. */
  readonly workgroups: number;
  /** Floating-point operations of the formula; absent if the kernel's time depends on the bytes it moves instead. */
  readonly flops?: number;
}

type Uniform = { readonly type: 'u32' | 'i32' | 'f32'; readonly value: number };
/** A uniform of a kernel, of type u32. */
export const u32 = (value: number): Uniform => ({ type: 'u32', value });
/** A uniform of type i32. */
export const i32 = (value: number): Uniform => ({ type: 'i32', value });
/** A uniform of type f32. */
export const f32 = (value: number): Uniform => ({ type: 'f32', value });
/** A uniform of a number of this type; f16 becomes f32. */
export const uniformOf = (dtype: DType, value: number): Uniform =>
  (dtype === 'u32' ? u32 : dtype === 'i32' ? i32 : f32)(value);

/** Packs named scalars: returns the WGSL of the block `u` at `binding`, and its bytes (padded to a multiple of 16). */
export function uniformBlock(
  binding: number,
  fields: Readonly<Record<string, Uniform>>,
): { wgsl: string; bytes: Uint8Array<ArrayBuffer> } {
  const entries = Object.entries(fields);
  const view = new DataView(new ArrayBuffer(Math.ceil((entries.length * 4) / 16) * 16));
  entries.forEach(([name, { type, value }], i) => {
    if (type === 'f32') view.setFloat32(i * 4, value, true);
    else if (!Number.isInteger(value))
      throw new Error(`internal: uniform ${name} is not an integer: ${value}`);
    else if (type === 'u32') view.setUint32(i * 4, value, true);
    else view.setInt32(i * 4, value, true);
  });
  const members = entries.map(([name, { type }]) => `  ${name}: ${type},`).join('\n');
  return {
    wgsl: `struct Uniforms {\n${members}\n}\n@group(0) @binding(${binding}) var<uniform> u: Uniforms;\n`,
    bytes: new Uint8Array(view.buffer),
  };
}

/**
 * WGSL text that undoes the dispatcher's fold: `workgroupIndex(workgroup_id, num_workgroups)` is the
 * position on the line. The fold may round up, so a kernel must return if the index is past its count.
 */
export const workgroupIndexWGSL = /* wgsl */ `
fn workgroupIndex(id: vec3<u32>, count: vec3<u32>) -> u32 {
  return id.x + count.x * (id.y + count.y * id.z);
}
`;
