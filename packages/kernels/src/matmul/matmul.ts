// C[b] = A[b] B[b] for matrices with any number of batch axes in front, which broadcast. Either side may be
// stored transposed. Legend: A [..., M, K] (transposed [..., K, M]), B [..., K, N] (transposed
// [..., N, K]), C [..., M, N]. Accumulates in f32. For constant weights there is `linear`, which prepacks them.
import { type DType, type Kernel, type Target, u32, uniformBlock, workgroupIndexWGSL } from '../kernel.ts';
import { enableWGSL, storageArray, storeRowWGSL, toF32 } from '../wgsl.ts';
import type { Product } from './product.ts';
import { type MatmulShape, matmulSizes } from './shape.ts';
import { tilingNames, tilingOf } from './tiles.ts';

/** Variants for these operands on this adapter, best first. */
export function matmulVariants(shape: MatmulShape, target: Target, dtype: DType = 'f32'): string[] {
  return tilingNames({ ...matmulSizes(shape), dtype, costly: true }, target);
}

/** The kernel of one product. Bindings: a, b, out. */
export function matmulKernel(
  shape: MatmulShape,
  dtype: DType,
  target: Target,
  variant: string = matmulVariants(shape, target, dtype)[0]!,
): Kernel {
  const { M, N, K, batch, strideA, strideB } = matmulSizes(shape);
  const { transposeA = false, transposeB = false } = shape;
  const tile = tilingOf('matmul', variant, { M, N, K, dtype, costly: true }, target);
  const step = K % 4 === 0 ? 4 : 1;
  const wideA = step === 4 && !transposeA;
  const wideB = transposeB ? step === 4 : N % 4 === 0;
  const wideC = N % 4 === 0;
  const columns = Math.ceil(N / 4);
  const { tilesM, tilesN } = tile.count(M, columns);
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

  const declarations = /* wgsl */ `${enableWGSL(dtype, tile.subgroups)}
@group(0) @binding(0) var<storage, read> a: ${storageArray(dtype, wideA)};
@group(0) @binding(1) var<storage, read> b: ${storageArray(dtype, wideB)};
@group(0) @binding(2) var<storage, read_write> out: ${storageArray(dtype, wideC)};
${uniforms.wgsl}${workgroupIndexWGSL}
// Where the matrix of a batch item begins. There are three nested batch axes; a broadcast axis has stride 0.
fn startOf(batch: u32, stride0: u32, stride1: u32, stride2: u32) -> u32 {
  return batch / (u.batch1 * u.batch2) * stride0 + batch / u.batch2 % u.batch1 * stride1 + batch % u.batch2 * stride2;
}`;
  const one = (text: string) => toF32(dtype, text);
  const four = (text: (c: number) => string) => `vec4f(${[0, 1, 2, 3].map((c) => one(text(c))).join(', ')})`;

  const start = (side: 'A' | 'B') => `startOf(batch, u.stride${side}0, u.stride${side}1, u.stride${side}2)`;
  const loadA = (i: number, k: string, asStored?: boolean) => {
    if (wideA) return asStored ? `a[at${i} + ${k}]` : toF32(dtype, `a[at${i} + ${k}]`, true);
    if (!transposeA) return one(`a[at${i} + ${k}]`);
    return step === 4 ? four((e) => `a[at${i} + (${k} * 4u + ${e}u) * u.M]`) : one(`a[at${i} + ${k} * u.M]`);
  };
  /** The vec4 of B at one k; if B is transposed, the vec4 along k at one column. */
  const vectorOfB = (k: string, column: string, e: number) => {
    if (transposeB && wideB) {
      return toF32(dtype, `b[(startB + (${column} * 4u + ${e}u) * u.K) / 4u + ${k}]`, true);
    }
    const row = step === 4 ? `(${k} * 4u + ${e}u)` : k;
    if (transposeB) return four((c) => `b[startB + (${column} * 4u + ${c}u) * u.K + ${row}]`);
    if (wideB) return toF32(dtype, `b[(startB + ${row} * u.N) / 4u + ${column}]`, true);
    return four((c) => `b[startB + ${row} * u.N + ${column} * 4u + ${c}u]`);
  };
  const loadB = (k: string, column: string, asStored = false) => {
    if (step === 1) return vectorOfB(k, column, 0);
    if (asStored && wideB && !transposeB) {
      const rows = [0, 1, 2, 3].map((e) => `b[(startB + (${k} * 4u + ${e}u) * u.N) / 4u + ${column}]`);
      return `mat4x4<${dtype}>(${rows.join(', ')})`;
    }
    const block = `mat4x4f(${[0, 1, 2, 3].map((e) => vectorOfB(k, column, e)).join(', ')})`;
    return transposeB ? `transpose(${block})` : block;
  };

  const product: Product = {
    declarations,
    step,
    setup: `let startA = ${start('A')};\n  let startB = ${start('B')};`,
    rowSetup: (i) => {
      if (wideA) return `let at${i} = (startA + row${i} * u.K) / 4u;`;
      return `let at${i} = startA + row${i}${transposeA ? '' : ' * u.K'};`;
    },
    depth: `u.K / ${step}u`,
    loadA,
    loadB,
    vectorsPerResult: 1,
    result: (c) => c(0),
    column: '',
    store: storeRowWGSL(dtype, wideC, 'batch * u.M + row'),
  };
  return {
    label: `matmul ${dtype} ${variant}`,
    code: tile.wgsl(product),
    bindings: [
      { name: 'a', dtype, access: 'read' },
      { name: 'b', dtype, access: 'read' },
      { name: 'out', dtype, access: 'read_write' },
    ],
    uniforms: uniforms.bytes,
    workgroups: tiles,
    flops: 2 * batch[0] * batch[1] * batch[2] * M * N * K,
  };
}
