// y = residual + gate * activation(x W^T + bias), every part but the product optional and fused.
// Legend: x [rows, K], W [N, K] prepacked as [K, pitch] with pitch >= N a multiple of 4 (pack.ts),
// bias [N], gate [1 | B, N] with rows / B rows to a batch item, residual and y [rows, N]. Accumulates
// in f32. Weights that are not prepacked go through `matmul`'s transposed B, or are packed first.
import { type Activation, activationWGSL } from './activation.ts';
import {
  type Binding,
  type DType,
  type Kernel,
  type Target,
  u32,
  uniformBlock,
  workgroupIndexWGSL,
} from './kernel.ts';
import { epilogueWGSL } from './linearEpilogue.ts';
import { enableWGSL, storageArray, storeRowWGSL, toF32 } from './matmulStorage.ts';
import { type Product, registerTileWGSL } from './matmulTile.ts';
import { registerTileNames, registerTileOf } from './matmulTiles.ts';

/** Sizes and fused parts of a linear layer. */
export interface LinearShape {
  readonly rows: number;
  readonly K: number;
  readonly N: number;
  /** Numbers from one packed row of weights to the next. */
  readonly pitch: number;
  readonly bias?: boolean;
  readonly activation?: Activation | undefined;
  /** Rows that share a row of the gate; absent without one. */
  readonly rowsPerGate?: number | undefined;
  readonly residual?: boolean;
}

/** Variants for this shape on this adapter, best first. */
export function linearVariants({ rows }: LinearShape, target: Target): string[] {
  return registerTileNames(rows, target);
}

/** The kernel of one linear layer. Bindings: x, weight, [bias], [gate], [residual], out. */
export function linearKernel(
  shape: LinearShape,
  dtype: DType,
  target: Target,
  variant: string = linearVariants(shape, target)[0]!,
): Kernel {
  const { rows, K, N, pitch, activation } = shape;
  const tile = registerTileOf('linear', variant, target);
  const wideA = K % 4 === 0;
  const wideC = N % 4 === 0;
  const columns = Math.ceil(N / 4);
  const tilesM = Math.ceil(rows / tile.rows);
  const tilesN = Math.ceil(columns / (tile.lanes * tile.vectors));
  const parts = {
    bias: shape.bias ?? false,
    gate: shape.rowsPerGate !== undefined,
    residual: shape.residual ?? false,
  };
  const epilogue = epilogueWGSL(2, parts, dtype, wideC);
  const out = 2 + epilogue.bindings.length;
  const uniforms = uniformBlock(out + 1, {
    M: u32(rows),
    N: u32(N),
    K: u32(K),
    tilesM: u32(tilesM),
    tilesN: u32(tilesN),
    tiles: u32(tilesM * tilesN),
    columns: u32(columns),
    pitch: u32(pitch / 4),
    rowsPerGate: u32(shape.rowsPerGate ?? 1),
  });
  const declarations = /* wgsl */ `${enableWGSL(dtype, tile.subgroup)}
@group(0) @binding(0) var<storage, read> x: ${storageArray(dtype, wideA)};
@group(0) @binding(1) var<storage, read> weight: ${storageArray(dtype, true)};
${epilogue.declarations}
@group(0) @binding(${out}) var<storage, read_write> out: ${storageArray(dtype, wideC)};
${uniforms.wgsl}${workgroupIndexWGSL}${activationWGSL(activation)}`;

  const product: Product = {
    declarations,
    step: wideA ? 4 : 1,
    rowSetup: (i) => `  let x${i} = row${i} * (u.K / ${wideA ? 4 : 1}u);`,
    openTaps: () => '',
    closeTaps: '',
    steps: `u.K / ${wideA ? 4 : 1}u`,
    loadA: (i) => toF32(dtype, `x[x${i} + k]`, wideA),
    startB: 'var w = column;',
    prepareB: () => '',
    loadB: (j, e) => toF32(dtype, `weight[w + ${e}u * u.pitch + ${j}u]`, true),
    advanceB: `w += ${wideA ? 4 : 1}u * u.pitch;`,
    results: tile.vectors,
    result: (j, c) => c[j]!,
    store: `${epilogue.apply}\n      ${storeRowWGSL(dtype, wideC, 'row')}`,
  };
  const fused = [activation, ...epilogue.bindings.map(({ name }) => name)].filter(Boolean).join('+');
  return {
    label: `linear ${dtype} ${variant}${fused && ` ${fused}`}`,
    code: registerTileWGSL(tile, product),
    bindings: [
      { name: 'x', dtype, access: 'read' },
      { name: 'weight', dtype, access: 'read' },
      ...epilogue.bindings,
      { name: 'out', dtype, access: 'read_write' },
    ] satisfies Binding[],
    uniforms: uniforms.bytes,
    workgroups: tilesM * tilesN,
  };
}
