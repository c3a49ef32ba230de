// The same shapes in PyTorch beside our rows: what bench/torch/bench.py reads and writes.
import { type Case, cases } from '@moviegen/kernels';
import { largeCases } from './largeCases.ts';
import type { ModelRow } from './models.ts';
import { keyOf, type Report } from './report.ts';

/** What bench/torch/bench.py reads: shapes of cases, and models. */
export interface TorchCases {
  readonly cases: readonly {
    readonly op: string;
    readonly name: string;
    readonly inputs: Readonly<Record<string, readonly number[]>>;
    readonly options: Case['options'];
    /** Too much for a CPU. */
    readonly large: boolean;
  }[];
  readonly models: readonly object[];
}

/** What PyTorch shall time: the cases whose operands are all floats, and the models. */
export function torchCases(models: readonly ModelRow[]): TorchCases {
  const listed = [...cases.filter(({ use }) => use !== 'test'), ...largeCases];
  const floats = listed.filter(({ inputs }) => Object.values(inputs).every(({ dtype }) => dtype === 'f32'));
  return {
    cases: floats.map((item) => ({
      op: item.op,
      name: item.name,
      options: item.options,
      large: largeCases.includes(item),
      inputs: Object.fromEntries(Object.entries(item.inputs).map(([name, { shape }]) => [name, shape])),
    })),
    models: models.flatMap(({ name, hardware, spec }) => (spec ? [{ name, hardware, ...spec }] : [])),
  };
}

/** What bench/torch/bench.py writes. */
export interface TorchReport {
  readonly device: string;
  readonly torch: string;
  /** Versions of CUDA and cuDNN; absent on a CPU. */
  readonly cuda?: string;
  readonly cudnn?: number;
  readonly rows: readonly TorchRow[];
}

/** A row of PyTorch. */
export interface TorchRow {
  readonly op: string;
  /** The name of the case in our list, or of a model's row. */
  readonly name: string;
  readonly dtype: string;
  /** Milliseconds. */
  readonly median: number;
  readonly p10: number;
  readonly p90: number;
  /** Which implementation PyTorch ran, if it says so: the backend of attention. */
  readonly backend?: string;
}

/** A row that both runs have. */
export interface TorchPair {
  readonly row: string;
  readonly ours: number;
  readonly torch: number;
  /** PyTorch's time divided by ours: at 2 ours is twice as fast, at 0.5 half as fast. */
  readonly ratio: number;
  readonly torchType: string;
  readonly backend: string;
}

/** Rows of both, by case: PyTorch's bf16 and f16 stand for our f16. @throws if the file is not such a report. */
export function mergeTorch(report: Report, torch: TorchReport): TorchPair[] {
  if (!Array.isArray(torch.rows))
    throw new Error('bench: --torch: the file has no rows; expected what bench/torch/bench.py writes');
  const ours = new Map<string, number>();
  const add = (key: string, ms: number) =>
    ours.set(key, Math.min(ms, ours.get(key) ?? Number.POSITIVE_INFINITY));
  for (const result of report.results) add(keyOf(result), result.median);
  for (const model of report.models) add(keyOf({ op: 'model', ...model }), model.median);
  return torch.rows.flatMap(({ op, name, dtype, median, backend = '' }) => {
    const mine = ours.get(keyOf({ op, name, dtype: dtype === 'f32' ? 'f32' : 'f16' }));
    if (mine === undefined) return [];
    return [
      { row: `${op} ${name}`, ours: mine, torch: median, ratio: median / mine, torchType: dtype, backend },
    ];
  });
}
