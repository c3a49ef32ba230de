// C[b] = A[b] B[b] for matrices with any batch axes in front, which broadcast; either side may be
// stored transposed. Legend: A [..., M, K] (transposed [..., K, M]), B [..., K, N] (transposed
// [..., N, K]), C [..., M, N]. Accumulates in f32. Constant weights have `linear`, which prepacks them.
import { type DType, type Kernel, type Target, u32, uniformBlock, workgroupIndexWGSL } from './kernel.ts';
import { type MatmulShape, matmulSizes } from './matmulShape.ts';
import { enableWGSL, storageArray, storeRowWGSL, toF32 } from './matmulStorage.ts';
import { type Product, registerTileWGSL, unroll } from './matmulTile.ts';
import { registerTileNames, registerTileOf } from './matmulTiles.ts';

/** Variants for these operands on this adapter, best first. */
export function matmulVariants(shape: MatmulShape, target: Target): string[] {
  return registerTileNames(matmulSizes(shape).M, target);
}

/** The kernel of one product. Bindings: a, b, out. */
export function matmulKernel(
  shape: MatmulShape,
  dtype: DType,
  target: Target,
  variant: string = matmulVariants(shape, target)[0]!,
): Kernel {
  const { M, N, K, batch, strideA, strideB } = matmulSizes(shape);
  const { transposeA = false, transposeB = false } = shape;
  const tile = registerTileOf('matmul', variant, target);
  const step = K % 4 === 0 ? 4 : 1;
  const wideA = step === 4 && !transposeA;
  const wideB = transposeB ? step === 4 : N % 4 === 0;
  const wideC = N % 4 === 0;
  const columns = Math.ceil(N / 4);
  const tilesM = Math.ceil(M / tile.rows);
  const tilesN = Math.ceil(columns / (tile.lanes * tile.vectors));
  const tiles = batch[0] * batch[1] * batch[2] * tilesM * tilesN;
  const uniforms = uniformBlock(3, {
    M: u32(M),
    N: u32(N),
    K: u32(K),
    tilesM: u32(tilesM),
    tilesN: u32(tilesN),
    tiles: u32(tiles),
    columns: u32(columns),
    batch1: u32(batch[1]),
    batch2: u32(batch[2]),
    strideA0: u32(strideA[0]),
    strideA1: u32(strideA[1]),
    strideA2: u32(strideA[2]),
    strideB0: u32(strideB[0]),
    strideB1: u32(strideB[1]),
    strideB2: u32(strideB[2]),
  });

  const declarations = /* wgsl */ `${enableWGSL(dtype, tile.subgroup)}
@group(0) @binding(0) var<storage, read> a: ${storageArray(dtype, wideA)};
@group(0) @binding(1) var<storage, read> b: ${storageArray(dtype, wideB)};
@group(0) @binding(2) var<storage, read_write> out: ${storageArray(dtype, wideC)};
${uniforms.wgsl}${workgroupIndexWGSL}
// Where a batch item's matrix begins: batch axes are three nested ones, a broadcast one has stride 0.
fn startOf(batch: u32, stride0: u32, stride1: u32, stride2: u32) -> u32 {
  return batch / (u.batch1 * u.batch2) * stride0 + batch / u.batch2 % u.batch1 * stride1 + batch % u.batch2 * stride2;
}`;
  const one = (text: string) => toF32(dtype, text);
  const four = (text: (c: number) => string) => `vec4f(${[0, 1, 2, 3].map((c) => one(text(c))).join(', ')})`;
  const column = (j: number, c: number) => `(column + ${j}u) * 4u + ${c}u`;

  const product: Product = {
    declarations,
    step,
    rowSetup: (i) =>
      wideA
        ? `  let a${i}Start = (startOf(batch, u.strideA0, u.strideA1, u.strideA2) + row${i} * u.K) / 4u;`
        : transposeA
          ? `  let a${i}Start = startOf(batch, u.strideA0, u.strideA1, u.strideA2) + row${i};`
          : `  let a${i}Start = startOf(batch, u.strideA0, u.strideA1, u.strideA2) + row${i} * u.K;`,
    openTaps: () => '',
    closeTaps: '',
    steps: `u.K / ${step}u`,
    loadA: (i) => {
      if (wideA) return toF32(dtype, `a[a${i}Start + k]`, true);
      if (!transposeA) return one(`a[a${i}Start + k]`);
      return step === 4
        ? four((e) => `a[a${i}Start + (k * 4u + ${e}u) * u.M]`)
        : one(`a[a${i}Start + k * u.M]`);
    },
    startB: 'let bStart = startOf(batch, u.strideB0, u.strideB1, u.strideB2);',
    prepareB: (vectors) =>
      transposeB && wideB
        ? unroll(vectors * 4, (n) => {
            const load = `b[(bStart + (${column(n >> 2, n & 3)}) * u.K) / 4u + k]`;
            return `      let t${n} = ${toF32(dtype, load, true)};`;
          })
        : '',
    loadB: (j, e) => {
      const row = `(k * ${step}u + ${e}u)`;
      if (!transposeB && wideB) return toF32(dtype, `b[(bStart + ${row} * u.N) / 4u + column + ${j}u]`, true);
      if (!transposeB) return four((c) => `b[bStart + ${row} * u.N + ${column(j, c)}]`);
      if (wideB) return `vec4f(${[0, 1, 2, 3].map((c) => `t${j * 4 + c}[${e}]`).join(', ')})`;
      return four((c) => `b[bStart + (${column(j, c)}) * u.K + ${row}]`);
    },
    advanceB: '',
    results: tile.vectors,
    result: (j, c) => c[j]!,
    store: storeRowWGSL(dtype, wideC, 'batch * u.M + row'),
  };
  return {
    label: `matmul ${dtype} ${variant}`,
    code: registerTileWGSL(tile, product),
    bindings: [
      { name: 'a', dtype, access: 'read' },
      { name: 'b', dtype, access: 'read' },
      { name: 'out', dtype, access: 'read_write' },
    ],
    uniforms: uniforms.bytes,
    workgroups: tiles,
  };
}
