// Attention of many heads in one kernel: the checks of its operands, and the choice of the kernel's variant. Not here:
// operands larger than a binding (large/attentionInParts.ts).

import { attentionKernel, attentionVariants, type DType, show } from '@moviegen/kernels';
import { Tensor } from '../tensor.ts';
import { asColumns, type Columns } from './columns.ts';
import { type Attend, attentionInParts } from './large/attentionInParts.ts';
import { sameType } from './operands.ts';
import { runVariant } from './variant.ts';

/** Options of {@link attention}. */
export interface AttentionOptions {
  readonly heads: number;
  /** Heads of k and v, where neighbouring heads of q share one: a divisor of `heads`. Default `heads`. */
  readonly keyHeads?: number | undefined;
  /** Default 1 / sqrt(head size). */
  readonly scale?: number | undefined;
  /** Query n sees keys 0 .. n only. */
  readonly causal?: boolean | undefined;
  /** u32 [B]: how many keys of each batch item are seen, counted from the first. */
  readonly keyLengths?: Tensor | undefined;
  /**
   * Added to the scores: [N or 1, M], or with axes before them up to [B or 1, heads or 1, N or 1, M]. A u32 tensor is a
   * mask, PyTorch's of booleans: a query sees the keys where it is not 0.
   */
  readonly bias?: Tensor | undefined;
  /** A variant's name, for tests and benchmarks; default the best for this adapter. */
  readonly variant?: string | undefined;
}

const showColumns = ({ tensor, start, width }: Columns) =>
  `${show(tensor.shape)}${width === tensor.shape.at(-1) ? '' : ` columns ${start} to ${start + width}`}`;

/**
 * softmax(q k^T * scale + bias) v, head by head, without storing the scores in memory.
 * q [B, N, heads D], k [B, M, keyHeads D] and v [B, M, keyHeads V], each a tensor or {@link columns} of a wider one ->
 * [B, N, heads V]. A query that sees no key gives 0. Heads of v whose size differs from those of q and k are slow.
 * A NaN reaches every query that sees it; a NaN or infinity in v may also reach queries that do not see it.
 * @throws where shapes or types do not fit.
 */
export function attention(
  q: Tensor | Columns,
  k: Tensor | Columns,
  v: Tensor | Columns,
  options: AttentionOptions,
): Tensor {
  const [queries, keys, values] = [asColumns(q), asColumns(k), asColumns(v)];
  const { heads, keyHeads = heads, causal = false, keyLengths, variant } = options;
  const width = queries.width;
  const D = width / heads;
  const [B = 0, N = 0] = queries.tensor.shape;
  const M = keys.tensor.shape[1] ?? 0;
  const V = values.width / keyHeads;
  const fits =
    [queries, keys, values].every((c) => c.tensor.rank === 3 && c.tensor.shape[0] === B) &&
    [D, V, heads / keyHeads].every(Number.isInteger) &&
    keys.width === keyHeads * D &&
    values.tensor.shape[1] === M;
  if (!fits || heads < 1 || keyHeads < 1) {
    const want = 'q [B, N, heads D], k [B, M, keyHeads D] and v [B, M, keyHeads V]';
    const count = keyHeads === heads ? `heads ${heads}` : `heads ${heads}, keyHeads ${keyHeads}`;
    throw new Error(
      `attention: got q ${showColumns(queries)}, k ${showColumns(keys)}, v ${showColumns(values)}, ${count}; expected ${want}`,
    );
  }
  if (keyLengths && (keyLengths.dtype !== 'u32' || keyLengths.rank !== 1 || keyLengths.shape[0] !== B)) {
    throw new Error(`attention: keyLengths is ${keyLengths}, expected u32 [${B}]`);
  }
  const whole = [B, heads, N, M];
  const bias = options.bias && withAxes(options.bias, whole.length);
  if (bias && !whole.every((n, axis) => bias.shape[axis] === n || (axis < 3 && bias.shape[axis] === 1))) {
    const want = `[1 or ${B}, 1 or ${heads}, 1 or ${N}, ${M}], or without axes in front`;
    throw new Error(`attention: bias is ${show(options.bias!.shape)}, expected ${want}`);
  }
  const numbers = bias?.dtype === 'u32' ? undefined : bias;
  const dtype = sameType('attention', { q: queries.tensor, k: keys.tensor, v: values.tensor, bias: numbers });
  const { device } = queries.tensor;
  const out = Tensor.empty(device, [B, N, heads * V], dtype);
  if (!out.size) return out;
  const scale = options.scale ?? 1 / Math.sqrt(D);
  const given = { q: queries, k: keys, v: values, keyLengths, bias, out, heads, keyHeads, causal };
  attentionInParts(given, (part) => run(part, scale, dtype, variant));
  if (bias !== options.bias) bias?.dispose();
  return out;
}

/** A view with axes of 1 in front, where axes are missing. */
const withAxes = (tensor: Tensor, rank: number): Tensor =>
  tensor.rank < rank ? tensor.reshape([...new Array(rank - tensor.rank).fill(1), ...tensor.shape]) : tensor;

function run(
  { q, k, v, keyLengths, bias, out, heads, keyHeads, causal }: Attend,
  scale: number,
  dtype: DType,
  variant: string | undefined,
): void {
  const { device } = out;
  const [batch, N] = out.shape as [number, number];
  const M = k.tensor.shape[1]!;
  const rows = ({ tensor, start }: Columns) => ({ pitch: tensor.shape[2]!, start });
  const [D, valueSize] = [q.width / heads, v.width / keyHeads];
  const [biasB = 0, biasH = 0, biasN = 0] = bias?.shape ?? [];
  const shape = {
    batch,
    heads,
    keyHeads,
    N,
    M,
    D,
    valueSize,
    scale,
    causal,
    q: rows(q),
    k: rows(k),
    v: rows(v),
    keyLengths: keyLengths !== undefined,
    bias: bias && {
      batchStride: biasB === 1 ? 0 : biasH * biasN * M,
      headStride: biasH === 1 ? 0 : biasN * M,
      rowStride: biasN === 1 ? 0 : M,
      mask: bias.dtype === 'u32',
    },
  };
  const operands = [q.tensor, k.tensor, v.tensor, keyLengths, bias, out];
  const { target } = device;
  const choice = {
    op: causal ? 'attention causal' : 'attention',
    dtype,
    sizes: [batch * heads, N, M, D, ...(valueSize === D ? [] : [valueSize])],
    variants: attentionVariants(shape, target, dtype),
    make: (name: string) => attentionKernel(shape, dtype, target, name),
  };
  runVariant(
    device,
    variant,
    choice,
    operands.filter((tensor) => tensor !== undefined),
  );
}
