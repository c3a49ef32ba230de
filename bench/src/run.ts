// A whole run of the bench on a device: ceilings, cases, models. It does not need Node, so that a page can call it.
import { type Case, cases, type Kernel } from '@moviegen/kernels';
import type { Device } from '@moviegen/tensor';
import { type Ceilings, caseVariants, measureCeilings } from '@moviegen/tensor/checks';
import { largeCases } from './largeCases.ts';
import { type Budget, measure, type Result } from './measure.ts';
import type { ModelResult, ModelRow } from './models.ts';
import type { Report } from './report.ts';

/** Listens to a device's dispatches: give its `heard` as the device's `onDispatch`. */
export class Ear {
  #labels = new Set<string>();
  #flops = 0;
  #dispatches = 0;
  /** For `onDispatch`. */
  readonly heard = ({ label, flops = 0 }: Kernel): void => {
    this.#labels.add(label);
    this.#flops += flops;
    this.#dispatches++;
  };
  /** Labels of the kernels since the last call. */
  readonly labels = (): string[] => {
    const labels = [...this.#labels];
    this.#labels.clear();
    return labels;
  };
  /** Operations and dispatches since the last call. */
  readonly counted = (): { flops: number; dispatches: number } => {
    const counted = { flops: this.#flops, dispatches: this.#dispatches };
    this.#flops = 0;
    this.#dispatches = 0;
    return counted;
  };
}

/** What to run. */
export interface RunOptions extends Budget {
  /** Type of the cases and of the models. */
  readonly dtype: 'f32' | 'f16';
  /** Every variant of each kernel, not only the chosen one. */
  readonly variants: boolean;
  /** Only cases whose `op name`, and models whose `model name`, match this. */
  readonly filter?: RegExp | undefined;
  readonly models: readonly ModelRow[];
  /** Listens to the device's dispatches. */
  readonly ear?: Ear | undefined;
  /** A device without bounds checks, for a column of its own. */
  readonly unchecked?: Device | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((text: string) => void) | undefined;
  readonly onResult?: ((result: Result | ModelResult) => void) | undefined;
}

/** The cases of the case list that the bench times, and the large cases on a GPU. */
export const benchCases = (software: boolean): readonly Case[] => [
  ...cases.filter(({ use }) => use !== 'test'),
  ...(software ? [] : largeCases),
];

/** Runs the bench. Wrong results and failures are part of the report. @throws the signal's reason */
export async function run(
  device: Device,
  options: RunOptions,
): Promise<Pick<Report, 'ceilings' | 'results' | 'models' | 'wrong' | 'leftOut'>> {
  const { filter, signal, onProgress, onResult, dtype } = options;
  const { software } = device.target;
  const wanted = (text: string) => filter?.test(text) ?? true;
  onProgress?.('ceilings');
  const ceilings = await measureCeilings(device, { signal });
  const results: Result[] = [];
  const models: ModelResult[] = [];
  const wrong: string[] = [];
  const leftOut: string[] = [];
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      signal?.throwIfAborted();
      wrong.push(error instanceof Error ? error.message : String(error));
    }
  };
  for (const item of largeCases) {
    const text = `${item.op} ${item.name}`;
    if (software && wanted(text)) leftOut.push(`${text}: too much for a software adapter`);
  }
  for (const item of benchCases(software).filter(({ op, name }) => wanted(`${op} ${name}`))) {
    const named = options.variants ? caseVariants(device, item, dtype) : [];
    for (const variant of named.length > 0 ? named : [undefined]) {
      onProgress?.(`${item.op} ${item.name} ${variant ?? ''}`);
      await attempt(async () => {
        const result = await measureBoth(device, item, variant, ceilings, options);
        results.push(result);
        onResult?.(result);
      });
    }
  }
  for (const row of options.models.filter(({ name }) => wanted(`model ${name}`))) {
    if (row.hardware && software) {
      leftOut.push(`model ${row.name}: too much for a software adapter`);
      continue;
    }
    onProgress?.(`model ${row.name}`);
    await attempt(async () => {
      const { runs, time, ear } = options;
      const result = await row.run({ device, dtype, runs, time, signal, counted: ear?.counted });
      models.push(result);
      onResult?.(result);
    });
  }
  return { ceilings, results, models, wrong, leftOut };
}

async function measureBoth(
  device: Device,
  item: Case,
  variant: string | undefined,
  ceilings: Ceilings,
  { dtype, runs, time, signal, ear, unchecked }: RunOptions,
): Promise<Result> {
  const budget = { runs, time, signal };
  const result = await measure(
    device,
    item,
    { dtype, variant },
    { ...budget, ceilings, dispatched: ear?.labels },
  );
  if (!unchecked) return result;
  const { median } = await measure(unchecked, item, { dtype, variant }, budget);
  return { ...result, unchecked: median };
}
