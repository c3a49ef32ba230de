// y = silu(x W1^T) * (x W3^T): the gate of a SwiGLU feed-forward in one kernel, so that neither product is written
// to memory. Legend: x [rows, K], W1 and W3 [N, K] prepacked together (pack.ts) with alternating blocks;
// y [rows, N]. Accumulates in f32.
import { activationWGSL } from '../activation.ts';
import { type DType, type Kernel, type Target, u32, uniformBlock, workgroupIndexWGSL } from '../kernel.ts';
import { enableWGSL, storageArray, storeRowWGSL } from '../wgsl.ts';
import { type Product, packedWGSL, rowsByPacked } from './product.ts';
import { tilingNames, tilingOf } from './tiles.ts';

/** Sizes of a SwiGLU gate; `pitch` is the number of blocks in a row of packed weights, W1 and W3 together. */
export interface SwigluShape {
  readonly rows: number;
  readonly K: number;
  readonly N: number;
  readonly pitch: number;
  /** Type of the packed weights; they may be quantised. Default: the type of x. */
  readonly weight?: DType;
}

const needsOf = ({ rows, K, N }: SwigluShape, dtype: DType) => ({ M: rows, N: 2 * N, K, dtype, pairs: true });

/** Variants for this shape on this adapter, best first. */
export function swigluVariants(shape: SwigluShape, target: Target, dtype: DType = 'f32'): string[] {
  return tilingNames(needsOf(shape, dtype), target);
}

/** The kernel of one SwiGLU gate. Bindings: x, weight, out. */
export function swigluKernel(
  shape: SwigluShape,
  dtype: DType,
  target: Target,
  variant: string = swigluVariants(shape, target, dtype)[0]!,
): Kernel {
  const { rows, K, N, pitch, weight = dtype } = shape;
  const tile = tilingOf('swiglu', variant, needsOf(shape, dtype), target);
  const step = K % 4 === 0 ? 4 : 1;
  const wideC = N % 4 === 0;
  const columns = Math.ceil(N / 4);
  const { tilesM, tilesN } = tile.count(rows, 2 * columns);
  const uniforms = uniformBlock(3, {
    M: u32(rows),
    N: u32(N),
    K: u32(K),
    tilesM: u32(tilesM),
    tilesN: u32(tilesN),
    tiles: u32(tilesM * tilesN),
    columns: u32(columns),
    pitch: u32(pitch),
  });
  const product: Product = {
    declarations: /* wgsl */ `${enableWGSL(dtype, tile.subgroups)}
@group(0) @binding(0) var<storage, read> x: ${storageArray(dtype, step === 4)};
${packedWGSL(1, weight, step)}
@group(0) @binding(2) var<storage, read_write> out: ${storageArray(dtype, wideC)};
${uniforms.wgsl}${workgroupIndexWGSL}${activationWGSL('silu')}`,
    ...rowsByPacked(dtype, weight, step),
    vectorsPerResult: 2,
    result: (c) => `activate(${c(0)}) * ${c(1)}`,
    column: '',
    store: storeRowWGSL(dtype, wideC, 'row'),
  };
  return {
    label: ['swiglu', dtype, weight === dtype ? '' : weight, variant].filter(Boolean).join(' '),
    code: tile.wgsl(product),
    bindings: [
      { name: 'x', dtype, access: 'read' },
      { name: 'weight', dtype: weight, access: 'read' },
      { name: 'out', dtype, access: 'read_write' },
    ],
    uniforms: uniforms.bytes,
    workgroups: tilesM * tilesN,
    flops: 4 * rows * N * K,
  };
}
