import { attentionKernel, attentionVariants, type DType, show } from '@moviegen/kernels';
import { Tensor } from '../tensor.ts';
import { asColumns, type Columns } from './columns.ts';
import { type Attend, attentionInParts } from './large/attentionInParts.ts';
import { sameType } from './operands.ts';
import { runVariant } from './variant.ts';

/** Options of {@link attention}. */
export interface AttentionOptions {
  readonly heads: number;
  /** Default 1 / sqrt(head size). */
  readonly scale?: number | undefined;
  /** Query n sees keys 0 .. n only. */
  readonly causal?: boolean | undefined;
  /** u32 [B]: of each batch item only the first so many keys are seen. */
  readonly keyLengths?: Tensor | undefined;
  /** Added to the scores: [B or 1, heads or 1, N, M]. */
  readonly bias?: Tensor | undefined;
  /** A variant's name, for tests and benchmarks; default the best for this adapter. */
  readonly variant?: string | undefined;
}

const showColumns = ({ tensor, start, width }: Columns) =>
  `${show(tensor.shape)}${width === tensor.shape.at(-1) ? '' : ` columns ${start} to ${start + width}`}`;

/**
 * softmax(q k^T * scale + bias) v, head by head, without ever holding the scores.
 * q [B, N, heads D], k and v [B, M, heads D], each a tensor or {@link columns} of a wider one ->
 * [B, N, heads D]. A query that sees no key gives 0.
 * @throws where shapes or types do not fit.
 */
export function attention(
  q: Tensor | Columns,
  k: Tensor | Columns,
  v: Tensor | Columns,
  options: AttentionOptions,
): Tensor {
  const [queries, keys, values] = [asColumns(q), asColumns(k), asColumns(v)];
  const { heads, causal = false, keyLengths, bias, variant } = options;
  const width = queries.width;
  const D = width / heads;
  const [B = 0, N = 0] = queries.tensor.shape;
  const M = keys.tensor.shape[1] ?? 0;
  const fits = [queries, keys, values].every(
    (c) => c.tensor.rank === 3 && c.tensor.shape[0] === B && c.width === width,
  );
  if (!fits || values.tensor.shape[1] !== M || !Number.isInteger(D) || heads < 1) {
    const want = 'q [B, N, heads D], k and v [B, M, heads D]';
    throw new Error(
      `attention: got q ${showColumns(queries)}, k ${showColumns(keys)}, v ${showColumns(values)}, heads ${heads}; expected ${want}`,
    );
  }
  if (keyLengths && (keyLengths.dtype !== 'u32' || keyLengths.rank !== 1 || keyLengths.shape[0] !== B)) {
    throw new Error(`attention: keyLengths is ${keyLengths}, expected u32 [${B}]`);
  }
  const [biasB = 0, biasH = 0] = bias?.shape ?? [];
  const biasFits = bias?.rank === 4 && bias.shape[2] === N && bias.shape[3] === M;
  if (bias && !(biasFits && (biasB === 1 || biasB === B) && (biasH === 1 || biasH === heads))) {
    const want = `[1 or ${B}, 1 or ${heads}, ${N}, ${M}]`;
    throw new Error(`attention: bias is ${show(bias.shape)}, expected ${want}`);
  }
  const dtype = sameType('attention', { q: queries.tensor, k: keys.tensor, v: values.tensor, bias });
  const { device } = queries.tensor;
  const out = Tensor.empty(device, [B, N, width], dtype);
  if (!out.size) return out;
  const scale = options.scale ?? 1 / Math.sqrt(D);
  const given = { q: queries, k: keys, v: values, keyLengths, bias, out, heads, causal };
  attentionInParts(given, (part) => run(part, D, scale, dtype, variant));
  return out;
}

function run(
  { q, k, v, keyLengths, bias, out, heads, causal }: Attend,
  D: number,
  scale: number,
  dtype: DType,
  variant: string | undefined,
): void {
  const { device } = out;
  const [batch, N] = out.shape as [number, number];
  const M = k.tensor.shape[1]!;
  const rows = ({ tensor, start }: Columns) => ({ pitch: tensor.shape[2]!, start });
  const [biasB = 0, biasH = 0] = bias?.shape ?? [];
  const shape = {
    ...{ batch, heads, N, M, D, scale, causal },
    ...{ q: rows(q), k: rows(k), v: rows(v) },
    keyLengths: keyLengths !== undefined,
    bias: bias && {
      batchStride: biasB === 1 ? 0 : biasH * N * M,
      headStride: biasH === 1 ? 0 : N * M,
    },
  };
  const operands = [q.tensor, k.tensor, v.tensor, keyLengths, bias, out];
  const { target } = device;
  const choice = {
    ...{ op: causal ? 'attention causal' : 'attention', dtype, sizes: [batch * heads, N, M, D] },
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
