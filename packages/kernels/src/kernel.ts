// What a kernel is: a pure record. Functions of shapes, types and a target return one; nothing here
// touches a GPU. One place in @moviegen/tensor dispatches it.

/** A format of quantised weights (formats/quantize.ts). */
export type QuantFormat = 'q8' | 'q4';

/** Element type of a tensor. `q8` and `q4` are those of linear layers' weights only (quantize.ts). */
export type DType = 'f32' | 'f16' | 'i32' | 'u32' | QuantFormat;

/** Bytes of one element; of quantised weights with their part of the block's scale. */
export const BYTES: Readonly<Record<DType, number>> = {
  ...{ f32: 4, f16: 2, i32: 4, u32: 4 },
  ...{ q8: 34 / 32, q4: 18 / 32 },
};

/** A storage buffer of a kernel: `@group(0) @binding(position in the list)`. */
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
  /** A software rasterizer: a workgroup is a loop on a CPU core, barriers and workgroup memory cost. */
  readonly software: boolean;
}

/** One shape of matrix that the adapter's tensor cores multiply. */
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
  /** Whole WGSL text. It depends on the shape class, not on the shape: equal text shares a pipeline. */
  readonly code: string;
  readonly bindings: readonly Binding[];
  /** Bytes of the `u` uniform block, bound after the last storage buffer; absent where there is none. */
  readonly uniforms?: Uint8Array<ArrayBuffer>;
  /** Workgroups on one line. The dispatcher folds counts beyond 65,535; `workgroupIndex` unfolds them. */
  readonly workgroups: number;
  /** Floating-point operations, as the formula has them; absent where bytes are what such a kernel costs. */
  readonly flops?: number;
}

type Uniform = { readonly type: 'u32' | 'i32' | 'f32'; readonly value: number };
/** A uniform of a kernel, by type. */
export const u32 = (value: number): Uniform => ({ type: 'u32', value });
export const i32 = (value: number): Uniform => ({ type: 'i32', value });
export const f32 = (value: number): Uniform => ({ type: 'f32', value });

/** Packs named scalars: the WGSL block named `u` at `binding`, and its bytes (padded to 16). */
export function uniformBlock(
  binding: number,
  fields: Readonly<Record<string, Uniform>>,
): { wgsl: string; bytes: Uint8Array<ArrayBuffer> } {
  const entries = Object.entries(fields);
  const view = new DataView(new ArrayBuffer(Math.ceil((entries.length * 4) / 16) * 16));
  entries.forEach(([name, { type, value }], i) => {
    if (type === 'f32') view.setFloat32(i * 4, value, true);
    else if (!Number.isInteger(value)) throw new Error(`internal: uniform ${name} is no integer: ${value}`);
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
 * position on the line. The fold may round up, so a kernel returns where the index is past its count.
 */
export const workgroupIndexWGSL = /* wgsl */ `
fn workgroupIndex(id: vec3<u32>, count: vec3<u32>) -> u32 {
  return id.x + count.x * (id.y + count.y * id.z);
}
`;
