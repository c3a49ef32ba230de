// y = silu(x W1^T) * (x W3^T): the gate of a SwiGLU feed-forward in one kernel, so that neither product
// is written out. Legend: x [rows, K], W1 and W3 [N, K] prepacked together (pack.ts): vec4 columns of W1
// and W3 alternate, [K, 2 pitch]; y [rows, N]. Accumulates in f32.
import { activationWGSL } from './activation.ts';
import { type DType, type Kernel, type Target, u32, uniformBlock, workgroupIndexWGSL } from './kernel.ts';
import { enableWGSL, storageArray, storeRowWGSL, toF32 } from './matmulStorage.ts';
import { type Product, registerTileWGSL } from './matmulTile.ts';
import { registerTileNames, registerTileOf } from './matmulTiles.ts';

/** Sizes of a SwiGLU gate; `pitch` counts the numbers of a packed row, both weights together. */
export interface SwigluShape {
  readonly rows: number;
  readonly K: number;
  readonly N: number;
  readonly pitch: number;
}

/** Variants for this shape on this adapter, best first. */
export function swigluVariants({ rows }: SwigluShape, target: Target): string[] {
  return registerTileNames(rows, target);
}

/** The kernel of one SwiGLU gate. Bindings: x, weight, out. */
export function swigluKernel(
  shape: SwigluShape,
  dtype: DType,
  target: Target,
  variant: string = swigluVariants(shape, target)[0]!,
): Kernel {
  const { rows, K, N, pitch } = shape;
  const tile = registerTileOf('swiglu', variant, target);
  const wideA = K % 4 === 0;
  const wideC = N % 4 === 0;
  const step = wideA ? 4 : 1;
  const columns = Math.ceil(N / 4);
  const results = tile.vectors / 2;
  const tilesM = Math.ceil(rows / tile.rows);
  const tilesN = Math.ceil(columns / (tile.lanes * results));
  const uniforms = uniformBlock(3, {
    M: u32(rows),
    N: u32(N),
    K: u32(K),
    tilesM: u32(tilesM),
    tilesN: u32(tilesN),
    tiles: u32(tilesM * tilesN),
    columns: u32(columns),
    pitch: u32(pitch / 4),
  });
  const product: Product = {
    declarations: /* wgsl */ `${enableWGSL(dtype, tile.subgroup)}
@group(0) @binding(0) var<storage, read> x: ${storageArray(dtype, wideA)};
@group(0) @binding(1) var<storage, read> weight: ${storageArray(dtype, true)};
@group(0) @binding(2) var<storage, read_write> out: ${storageArray(dtype, wideC)};
${uniforms.wgsl}${workgroupIndexWGSL}${activationWGSL('silu')}`,
    step,
    rowSetup: (i) => `  let x${i} = row${i} * (u.K / ${step}u);`,
    openTaps: () => '',
    closeTaps: '',
    steps: `u.K / ${step}u`,
    loadA: (i) => toF32(dtype, `x[x${i} + k]`, wideA),
    startB: 'var w = column;',
    prepareB: () => '',
    loadB: (j, e) => toF32(dtype, `weight[w + ${e}u * u.pitch + ${j}u]`, true),
    advanceB: `w += ${step}u * u.pitch;`,
    results,
    result: (j, c) => `activate(${c[2 * j]}) * ${c[2 * j + 1]}`,
    store: storeRowWGSL(dtype, wideC, 'row'),
  };
  return {
    label: `swiglu ${dtype} ${variant}`,
    code: registerTileWGSL(tile, product),
    bindings: [
      { name: 'x', dtype, access: 'read' },
      { name: 'weight', dtype, access: 'read' },
      { name: 'out', dtype, access: 'read_write' },
    ],
    uniforms: uniforms.bytes,
    workgroups: tilesM * tilesN,
  };
}
