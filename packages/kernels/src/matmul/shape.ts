// The sizes of a batched matrix product, from its operands' shapes, and how its batch axes broadcast.
import { show } from '../shape.ts';

/** Operands of a product: shapes as stored, and which side is stored transposed. */
export interface MatmulShape {
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

type Three = readonly [number, number, number];

/** What a kernel needs to know. Batch axes are merged into three; a broadcast axis has stride 0. */
export interface MatmulSizes {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  /** Shape of the result. */
  readonly out: readonly number[];
  readonly batch: Three;
  readonly strideA: Three;
  readonly strideB: Three;
}

/** The sizes of a product. @throws if the inner dimensions differ or the batch axes do not broadcast. */
export function matmulSizes({ a, b, transposeA = false, transposeB = false }: MatmulShape): MatmulSizes {
  const came = `got ${show(a)}${transposeA ? ' transposed' : ''} x ${show(b)}${transposeB ? ' transposed' : ''}`;
  if (a.length < 2 || b.length < 2) throw new Error(`matmul: both sides need at least two axes: ${came}`);
  const [M, K] = transposeA ? [a.at(-1)!, a.at(-2)!] : [a.at(-2)!, a.at(-1)!];
  const [inner, N] = transposeB ? [b.at(-1)!, b.at(-2)!] : [b.at(-2)!, b.at(-1)!];
  if (K !== inner) throw new Error(`matmul: inner dimensions differ (${K} and ${inner}): ${came}`);

  const rank = Math.max(a.length, b.length) - 2;
  const axes: { size: number; strideA: number; strideB: number }[] = [];
  let strideA = M * K;
  let strideB = K * N;
  const lead: number[] = [];
  for (let i = 0; i < rank; i++) {
    const sizeA = a[a.length - 3 - i] ?? 1;
    const sizeB = b[b.length - 3 - i] ?? 1;
    if (sizeA !== sizeB && sizeA !== 1 && sizeB !== 1) {
      throw new Error(`matmul: batch axes do not broadcast (${sizeA} and ${sizeB}): ${came}`);
    }
    const size = sizeA === 1 ? sizeB : sizeA;
    lead.unshift(size);
    const axis = { size, strideA: sizeA === 1 ? 0 : strideA, strideB: sizeB === 1 ? 0 : strideB };
    strideA *= sizeA;
    strideB *= sizeB;
    if (size === 1) continue;
    const last = axes[0];
    const joins =
      last && axis.strideA === last.strideA * last.size && axis.strideB === last.strideB * last.size;
    if (last && joins) last.size *= size;
    else axes.unshift(axis);
  }
  while (axes.length < 3) axes.unshift({ size: 1, strideA: 0, strideB: 0 });
  if (axes.length > 3) {
    throw new Error(
      `matmul: the broadcasting of the batch axes changes more than twice: ${came}; reshape or expand one side`,
    );
  }
  const three = (key: 'size' | 'strideA' | 'strideB'): Three => [axes[0]![key], axes[1]![key], axes[2]![key]];
  return {
    M,
    N,
    K,
    out: [...lead, M, N],
    batch: three('size'),
    strideA: three('strideA'),
    strideB: three('strideB'),
  };
}
