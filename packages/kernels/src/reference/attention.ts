// CPU reference of attention: scores, softmax, weighted sum, one query at a time.
import { type NDArray, operand, type Reference, zeros } from './ndarray.ts';

/** Columns of an operand's last axis: start and width. */
type Range = readonly [start: number, width: number];

/**
 * softmax(q k^T * scale + bias) v, head by head; q [B, N, H D], k and v [B, M, H D], each the columns
 * `options.columns` of its operand, if given. A query that sees no key gives 0.
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
  const D = q.width / heads;
  const scale = (options.scale as number | undefined) ?? 1 / Math.sqrt(D);
  const out: NDArray = zeros([B, N, q.width], q.a.dtype);
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < heads; h++) {
      for (let n = 0; n < N; n++) {
        let end = keyLengths ? Math.min(M, keyLengths.data[b]!) : M;
        if (options.causal) end = Math.min(end, n + 1);
        const scores = Array.from({ length: end }, (_, m) => {
          let dot = 0;
          for (let d = 0; d < D; d++) {
            dot += q.a.data[q.row(b, n) + h * D + d]! * k.a.data[k.row(b, m) + h * D + d]!;
          }
          if (!bias) return dot * scale;
          const [itemB, itemH] = [bias.shape[0] === 1 ? 0 : b, bias.shape[1] === 1 ? 0 : h];
          return dot * scale + bias.data[((itemB * bias.shape[1]! + itemH) * N + n) * M + m]!;
        });
        const largest = Math.max(-Number.MAX_VALUE, ...scores);
        const weights = scores.map((score) => Math.exp(score - largest));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        for (let d = 0; d < D; d++) {
          let sum = 0;
          weights.forEach((weight, m) => {
            sum += weight * v.a.data[v.row(b, m) + h * D + d]!;
          });
          out.data[(b * N + n) * q.width + h * D + d] = total === 0 ? 0 : sum / total;
        }
      }
    }
  }
  return out;
};
