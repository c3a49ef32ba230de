// y = residual + gate * activation(x W^T + bias). All parts except the product are optional, and fused.
// Legend: x [rows, K], W [N, K] prepacked in 4 x 4 blocks (pack.ts, packQuantized.ts), bias [N], gate [N], [B, N], or
// two vectors per batch item or for all, residual and y [rows, N]. Accumulates in f32.
import { type Activation, activationWGSL } from '../activation.ts';
import {
  type Binding,
  type DType,
  type Kernel,
  type Target,
  u32,
  uniformBlock,
  workgroupIndexWGSL,
} from '../kernel.ts';
import {
  enableWGSL,
  type ItemRows,
  itemRowUniforms,
  itemRowWGSL,
  storageArray,
  storeRowWGSL,
} from '../wgsl.ts';
import { epilogueWGSL } from './epilogue.ts';
import { type Product, packedWGSL, rowsByPacked } from './product.ts';
import { tilingNames, tilingOf } from './tiles.ts';

/** Sizes and fused parts of a linear layer. */
export interface LinearShape {
  readonly rows: number;
  readonly K: number;
  readonly N: number;
  /** Number of blocks in a row of packed weights. */
  readonly pitch: number;
  /** Type of the packed weight; it may be quantised. Default: the type of the other operands. */
  readonly weight?: DType;
  readonly bias?: boolean;
  readonly activation?: Activation | undefined;
  /** Which row of the gate goes with a row; absent without a gate. */
  readonly gate?: ItemRows | undefined;
  readonly residual?: boolean;
  /** Type of the residual and the result. Default: the type of the other operands. */
  readonly stream?: DType;
}

const needsOf = ({ rows, K, N }: LinearShape, dtype: DType) => ({ M: rows, N, K, dtype });

/** Variants for this shape on this adapter, best first. */
export function linearVariants(shape: LinearShape, target: Target, dtype: DType = 'f32'): string[] {
  return tilingNames(needsOf(shape, dtype), target);
}

/** The kernel of one linear layer. Bindings: x, weight, bias, gate, residual, out. An absent part's binding takes any tensor. */
export function linearKernel(
  shape: LinearShape,
  dtype: DType,
  target: Target,
  variant: string = linearVariants(shape, target, dtype)[0]!,
): Kernel {
  const { rows, K, N, pitch, weight = dtype, stream = dtype, activation } = shape;
  const tile = tilingOf('linear', variant, needsOf(shape, dtype), target);
  const step = K % 4 === 0 ? 4 : 1;
  const wideC = N % 4 === 0;
  const columns = Math.ceil(N / 4);
  const { tilesM, tilesN } = tile.count(rows, columns);
  const parts = {
    bias: shape.bias ?? false,
    gate: shape.gate !== undefined,
    residual: shape.residual ?? false,
  };
  const epilogue = epilogueWGSL(2, parts, dtype, wideC, stream);
  const uniforms = uniformBlock(6, {
    M: u32(rows),
    N: u32(N),
    K: u32(K),
    tilesM: u32(tilesM),
    tilesN: u32(tilesN),
    tiles: u32(tilesM * tilesN),
    columns: u32(columns),
    pitch: u32(pitch),
    ...itemRowUniforms(shape.gate ?? { rowsPerItem: rows, each: 0 }),
    ...epilogue.uniforms,
  });
  const declarations = /* wgsl */ `${enableWGSL(dtype, tile.subgroups)}
@group(0) @binding(0) var<storage, read> x: ${storageArray(dtype, step === 4)};
${packedWGSL(1, weight, step)}
${epilogue.declarations}
@group(0) @binding(5) var<storage, read_write> out: ${storageArray(stream, wideC)};
${uniforms.wgsl}${workgroupIndexWGSL}${itemRowWGSL}${activationWGSL(activation)}`;

  const product: Product = {
    declarations,
    ...rowsByPacked(dtype, weight, step),
    vectorsPerResult: 1,
    result: (c) => c(0),
    column: epilogue.column,
    finish: epilogue.finish,
    adds: epilogue.adds,
    store: storeRowWGSL(stream, wideC, 'row'),
  };
  const types = [dtype, weight === dtype ? '' : weight, stream === dtype ? '' : `into ${stream}`];
  return {
    label: ['linear', ...types, variant, activation].filter(Boolean).join(' '),
    code: tile.wgsl(product),
    bindings: [
      { name: 'x', dtype, access: 'read' },
      { name: 'weight', dtype: weight, access: 'read' },
      ...epilogue.bindings,
      { name: 'out', dtype: stream, access: 'read_write' },
    ] satisfies Binding[],
    uniforms: uniforms.bytes,
    workgroups: tilesM * tilesN,
    flops: 2 * rows * N * K,
  };
}
