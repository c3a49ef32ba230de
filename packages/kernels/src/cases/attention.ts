// Cases of attention: operands q, k, v, keyLengths, bias; options heads, keyHeads, scale, causal,
// and columns (which columns of their operands q, k and v are).
import { type Case, spec, type TensorSpec } from './case.ts';

const tolerance = {
  f32: 2e-5,
  f16: 4e-3,
  why: 'exponentials to a few units in the last place, sums in f32; f16 rounds operands and result',
};

interface Sizes {
  readonly B?: number;
  readonly H: number;
  readonly N: number;
  readonly M?: number;
  readonly D: number;
  /** Heads of k and v, and size of a head of v. Default: H and D. */
  readonly G?: number;
  readonly V?: number;
}

interface Parts {
  readonly causal?: boolean;
  readonly scale?: number;
  readonly keyLengths?: boolean;
  /** The axes of the bias before N and M. */
  readonly bias?: readonly number[];
  /** The axes of a mask before M. */
  readonly mask?: readonly number[];
  /** q, k and v are columns of one operand [B, N, 3 H D]. */
  readonly stacked?: boolean;
}

function attention({ B = 1, H, N, M = N, D, G = H, V = D }: Sizes, parts: Parts, use: Case['use']): Case {
  const { causal, scale, keyLengths, bias, mask, stacked } = parts;
  const width = H * D;
  const wide = stacked ? 3 * width : width;
  const inputs: Record<string, TensorSpec> = {
    q: spec([B, N, wide]),
    k: spec([B, M, stacked ? wide : G * D]),
    v: spec([B, M, stacked ? wide : G * V]),
  };
  if (keyLengths) inputs.keyLengths = spec([B], { integersBelow: M + 1 }, 'u32');
  if (bias) inputs.bias = spec([...bias, N, M]);
  if (mask) inputs.bias = spec([...mask, M], { integersBelow: 3 }, 'u32');
  const options: Record<string, unknown> = { heads: H };
  if (G !== H) options.keyHeads = G;
  if (causal) options.causal = true;
  if (scale !== undefined) options.scale = scale;
  if (stacked) options.columns = { q: [0, width], k: [width, width], v: [2 * width, width] };
  const fused = [
    causal ? 'causal' : '',
    keyLengths ? 'key lengths' : '',
    bias ? `bias ${[...bias, N, M].join('x')}` : '',
    mask ? `mask ${[...mask, M].join('x')}` : '',
    G === H ? '' : `${G} key heads`,
    V === D ? '' : `values of ${V}`,
    stacked ? 'columns' : '',
  ].filter(Boolean);
  const keys = causal ? (M + 1) / 2 : M;
  return {
    op: 'attention',
    name: `${B} x ${H} heads x ${N}${M === N ? '' : ` over ${M}`} x ${D}${fused.length ? `, ${fused.join(' + ')}` : ''}`,
    inputs,
    options,
    tolerance,
    flops: 2 * B * H * N * keys * (D + V),
    bytes: 4 * B * (H * N + G * M) * (D + V),
    use,
  };
}

export const attentionCases: readonly Case[] = [
  attention({ H: 1, N: 1, D: 8 }, {}, 'test'),
  attention({ B: 2, H: 3, N: 5, D: 8 }, { scale: 1 }, 'test'),
  attention({ B: 2, H: 2, N: 17, M: 33, D: 16 }, {}, 'test'),
  attention({ B: 2, H: 2, N: 19, D: 10 }, { causal: true }, 'test'),
  attention({ B: 3, H: 2, N: 6, M: 21, D: 12 }, { keyLengths: true }, 'test'),
  attention({ B: 2, H: 3, N: 18, D: 9 }, { bias: [1, 3], causal: true }, 'test'),
  attention({ B: 2, H: 2, N: 7, M: 20, D: 32 }, { bias: [2, 1], keyLengths: true }, 'test'),
  attention({ B: 2, H: 2, N: 37, D: 64 }, { stacked: true }, 'test'),
  attention({ H: 1, N: 20, D: 72 }, { stacked: true }, 'test'),
  attention({ H: 1, N: 9, M: 18, D: 130 }, {}, 'test'),
  attention({ B: 2, H: 1, N: 5, M: 67, D: 1024 }, {}, 'test'), // wider than the registers of a workgroup
  attention({ B: 2, H: 4, G: 2, N: 9, M: 21, D: 8 }, { bias: [2, 1] }, 'test'),
  attention({ H: 6, G: 1, N: 18, D: 12 }, { causal: true }, 'test'),
  attention({ B: 2, H: 4, G: 2, N: 7, M: 19, D: 16, V: 40 }, { keyLengths: true }, 'test'),
  attention({ H: 2, N: 5, M: 9, D: 24, V: 6 }, { bias: [] }, 'test'),
  attention({ B: 2, H: 3, N: 19, M: 17, D: 16 }, { mask: [19] }, 'test'),
  attention({ B: 2, H: 2, N: 6, M: 33, D: 8 }, { mask: [2, 1, 1], causal: true }, 'test'),
  // First a row of the benchmark; then shapes world: self and cross attention of the DiT, the single head of the TAE.
  attention({ H: 8, N: 1024, D: 64 }, {}, 'bench'),
  attention({ B: 2, H: 8, N: 32, D: 32 }, { stacked: true }, 'bench'),
  attention({ B: 2, H: 8, N: 32, M: 64, D: 32 }, { keyLengths: true }, 'bench'),
  attention({ B: 16, H: 1, N: 64, D: 64 }, {}, 'bench'),
];
