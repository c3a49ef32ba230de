// CPU reference of attention: scores, softmax, weighted sum, one query at a time.
import { broadcastAt } from './arithmetic.ts';
import { type NDArray, operand, type Reference, zeros } from './ndarray.ts';

/** Columns of an operand's last axis: start and width. */
type Range = readonly [start: number, width: number];

/**
 * softmax(q k^T * scale + bias) v, head by head; q [B, N, H D], k [B, M, G D], v [B, M, G V], each the columns
 * `options.columns` of its operand, if given; G is `options.keyHeads`. The bias is [N, M] or has axes before these, and
 * its axes broadcast; one of integers is a mask, 0 for a key that is not seen. A query that sees no key gives 0.
 */
export const attention: Reference = (inputs, options) => {
  const columns = (options.columns ?? {}) as Partial<Record<'q' | 'k' | 'v', Range>>;
  const part = (name: 'q' | 'k' | 'v') => {
    const a = operand(inputs, name);
    const [start, width] = columns[name] ?? [0, a.shape[2]!];
    return { a, width, row: (b: number, n: number) => (b * a.shape[1]! + n) * a.shape[2]! + start };
  };
  const [q, k, v] = [part('q'), part('k'), part('v')];
  const { keyLengths, bias } = inputs;
  const heads = options.heads as number;
  const [B, N, M] = [q.a.shape[0]!, q.a.shape[1]!, k.a.shape[1]!];
  const keyHeads = (options.keyHeads as number | undefined) ?? heads;
  const D = q.width / heads;
  const V = v.width / keyHeads;
  const scale = (options.scale as number | undefined) ?? 1 / Math.sqrt(D);
  const out: NDArray = zeros([B, N, heads * V], q.a.dtype);
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < heads; h++) {
      const own = Math.floor((h * keyHeads) / heads);
      for (let n = 0; n < N; n++) {
        let end = keyLengths ? Math.min(M, keyLengths.data[b]!) : M;
        if (options.causal) end = Math.min(end, n + 1);
        const scores = Array.from({ length: end }, (_, m) => {
          let dot = 0;
          for (let d = 0; d < D; d++) {
            dot += q.a.data[q.row(b, n) + h * D + d]! * k.a.data[k.row(b, m) + own * D + d]!;
          }
          if (!bias) return dot * scale;
          const added = broadcastAt(bias, [b, h, n, m]);
          const shown = added === 0 ? Number.NEGATIVE_INFINITY : 0;
          return dot * scale + (bias.dtype === 'u32' ? shown : added);
        });
        const largest = Math.max(-Number.MAX_VALUE, ...scores);
        const weights = scores.map((score) => Math.exp(score - largest));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        for (let d = 0; d < V; d++) {
          let sum = 0;
          weights.forEach((weight, m) => {
            sum += weight * v.a.data[v.row(b, m) + own * V + d]!;
          });
          out.data[((b * N + n) * heads + h) * V + d] = total === 0 ? 0 : sum / total;
        }
      }
    }
  }
  return out;
};
