// Attention whose operands are larger than a binding, taken apart in three steps: by batch items, then by groups of heads whose
// keys and values are copied into tensors of their own, then by ranges of queries. A head always sees all of its keys at once,
// so the keys of one head must fit into a binding.
import { BYTES } from '@moviegen/kernels';
import { scope } from '../../device/scope.ts';
import { largestOperand } from '../../gpu/storage.ts';
import { Tensor } from '../../tensor.ts';
import type { Columns } from '../columns.ts';
import { slice } from '../movement.ts';
import { bindable, copyColumns, inParts } from './parts.ts';

/** The checked operands of an attention. */
export interface Attend {
  readonly q: Columns;
  readonly k: Columns;
  readonly v: Columns;
  readonly keyLengths: Tensor | undefined;
  readonly bias: Tensor | undefined;
  /** [B, N, heads V]. */
  readonly out: Tensor;
  readonly heads: number;
  readonly keyHeads: number;
  readonly causal: boolean;
}

/** Runs `attend` once where everything can be bound, else on parts. */
export function attentionInParts(whole: Attend, attend: (part: Attend) => void): void {
  const { q, k, v, keyLengths, bias, out, heads, keyHeads, causal } = whole;
  const { device } = out;
  if (bindable(q.tensor, k.tensor, v.tensor, bias, out)) {
    attend(whole);
    return;
  }
  const [B, N, width] = out.shape as [number, number, number];

  if (B > 1) {
    for (let b = 0; b < B; b++) {
      scope(device, () => {
        const item = (t: Tensor) => t.rows(b, b + 1) ?? slice(t, { start: [b], end: [b + 1] });
        const of = ({ tensor, ...columns }: Columns) => ({ tensor: item(tensor), ...columns });
        const place = out.rows(b, b + 1);
        const part = place ?? Tensor.empty(device, [1, N, width], out.dtype);
        attentionInParts(
          {
            q: of(q),
            k: of(k),
            v: of(v),
            out: part,
            heads,
            keyHeads,
            causal,
            keyLengths: keyLengths && slice(keyLengths, { start: [b], end: [b + 1] }),
            bias: bias && (bias.shape[0] === 1 ? bias : item(bias)),
          },
          attend,
        );
        const size = N * width;
        if (!place)
          copyColumns('attention', part.reshape([1, size]), 0, out.reshape([1, B * size]), b * size, size);
      });
    }
    return;
  }

  const [D, V] = [q.width / heads, v.width / keyHeads];
  const sharing = heads / keyHeads;
  const most = largestOperand(device);
  if (!bindable(k.tensor, v.tensor, bias) || causal || bias) {
    const M = k.tensor.shape[1]!;
    // Queries can still be split later, except where their position matters: with a causal mask or a bias.
    const longest = causal || bias ? Math.max(M, N) : M;
    const ofOne = Math.max(longest * Math.max(D, V) * BYTES[out.dtype], bias ? N * M * BYTES[bias.dtype] : 0);
    const fitting = Math.min(Math.floor(most / ofOne), heads);
    // Heads that share keys stay together, or come alone.
    const group = fitting < sharing ? Math.min(1, fitting) : fitting - (fitting % sharing);
    if (group === 0)
      throw new Error(
        `attention: the ${M} keys of one head of ${D} take more than the ${most} bytes that this adapter binds`,
      );
    for (let first = 0; first < heads; first += group) {
      const count = Math.min(group, heads - first);
      scope(device, () => {
        const of = ({ tensor, start }: Columns, from: number, width: number): Columns => {
          const part = Tensor.empty(device, [1, tensor.shape[1]!, width], tensor.dtype);
          copyColumns('attention', tensor, start + from, part, 0, width);
          return { tensor: part, start: 0, width };
        };
        const keyFirst = Math.floor(first / sharing);
        const keyCount = Math.ceil(count / sharing);
        const part = Tensor.empty(device, [1, N, count * V], out.dtype);
        const ofBias =
          bias && bias.shape[1] !== 1 ? slice(bias, { start: [0, first], end: [1, first + count] }) : bias;
        attentionInParts(
          {
            q: of(q, first * D, count * D),
            k: of(k, keyFirst * D, keyCount * D),
            v: of(v, keyFirst * V, keyCount * V),
            ...{ keyLengths, bias: ofBias, out: part, heads: count, keyHeads: keyCount, causal },
          },
          attend,
        );
        copyColumns('attention', part, 0, out, first * V, count * V);
      });
    }
    return;
  }
  scope(device, () => {
    const rows = (t: Tensor) => t.reshape([N, t.shape[2]!]);
    inParts('attention', [N], 1, { q: rows(q.tensor), out: rows(out) }, (_, parts) => {
      const again = (t: Tensor) => t.reshape([1, ...t.shape]);
      attend({ ...whole, q: { ...q, tensor: again(parts.q) }, out: again(parts.out) });
    });
  });
}
