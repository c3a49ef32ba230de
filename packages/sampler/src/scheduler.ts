// The schedulers of flow models as diffusers saves them, `scheduler/scheduler_config.json`: read, and refused in one line where
// they ask for what is not here. Their noise levels are in sigmas.ts, their updates in uniPC.ts and sampleSigmas.ts.

import { ConfigError } from '@moviegen/tensor';

/** Euler's method along the noise levels. */
export interface EulerScheduler {
  readonly kind: 'euler';
  /** s of `s u / (1 + (s - 1) u)`: above 1, more steps go to high noise. */
  readonly shift: number;
  /** The timestep of sigma = 1, 1000 in public models. */
  readonly trainTimesteps: number;
}

/** UniPC (Zhao et al. 2023): a multistep predictor, and a corrector that uses the prediction of the step after. */
export interface UniPCScheduler extends Omit<EulerScheduler, 'kind'> {
  readonly kind: 'unipc';
  readonly order: 1 | 2 | 3;
  /** The paper's B(h): h or expm1(h). */
  readonly variant: 'bh1' | 'bh2';
  /** Lowers the order towards the end, where steps in lambda become infinite. The very last step is of order 1 in any case. */
  readonly lowerOrderFinal: boolean;
  /** Steps, from 0, whose result is not corrected. */
  readonly disableCorrector: readonly number[];
}

/** A scheduler of a flow model. */
export type Scheduler = EulerScheduler | UniPCScheduler;

/** What a switch of diffusers must be for a scheduler that is here; other keys do not matter to flow models. */
const FIXED: Readonly<Record<string, unknown>> = {
  use_karras_sigmas: false,
  use_exponential_sigmas: false,
  use_beta_sigmas: false,
  use_dynamic_shifting: false,
  shift_terminal: null,
};
const FIXED_UNIPC = {
  ...FIXED,
  use_flow_sigmas: true,
  prediction_type: 'flow_prediction',
  predict_x0: true,
  thresholding: false,
  final_sigmas_type: 'zero',
  solver_p: null,
};
const FIXED_EULER = { ...FIXED, invert_sigmas: false, stochastic_sampling: false };
/** Diffusers' own defaults that differ from what flow models need: their files must say otherwise. */
const DEFAULTS: Readonly<Record<string, unknown>> = {
  use_flow_sigmas: false,
  prediction_type: 'epsilon',
};

/**
 * Reads a parsed `scheduler_config.json`.
 * @param options.shift in place of the file's.
 * @throws ConfigError in one line: another scheduler, a setting that is not here, or a wrong value.
 */
export function parseScheduler(
  json: unknown,
  options: { readonly shift?: number | undefined } = {},
): Scheduler {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new ConfigError(`scheduler: config must be an object, got ${JSON.stringify(json)}`);
  const given = json as Readonly<Record<string, unknown>>;
  const name = given._class_name;
  const read = <T>(key: string, fallback: T, right: (value: unknown) => boolean, expected: string): T => {
    const value = given[key] ?? fallback;
    if (right(value)) return value as T;
    throw new ConfigError(`scheduler: ${key}: got ${JSON.stringify(value)}, expected ${expected}`);
  };
  const common = (key: string) => ({
    shift: positive('shift', options.shift) ?? read(key, 1, isPositive, 'a number above 0'),
    trainTimesteps: read('num_train_timesteps', 1000, isCount, 'an integer of at least 1'),
  });
  const expectFixed = (fixed: Readonly<Record<string, unknown>>): void => {
    for (const [key, wanted] of Object.entries(fixed)) {
      const value = given[key] ?? DEFAULTS[key] ?? wanted;
      if (value === wanted || (wanted === null && !value)) continue;
      throw new ConfigError(
        `scheduler: ${name} with ${key} ${JSON.stringify(value)} is not supported, only ${JSON.stringify(wanted)}`,
      );
    }
  };
  if (name === 'FlowMatchEulerDiscreteScheduler') {
    expectFixed(FIXED_EULER);
    return { kind: 'euler', ...common('shift') };
  }
  if (name !== 'UniPCMultistepScheduler')
    throw new ConfigError(
      `scheduler: _class_name ${JSON.stringify(name)} is not supported, only UniPCMultistepScheduler and FlowMatchEulerDiscreteScheduler`,
    );
  expectFixed(FIXED_UNIPC);
  return {
    kind: 'unipc',
    ...common('flow_shift'),
    order: read<1 | 2 | 3>('solver_order', 2, (value) => [1, 2, 3].includes(value as number), '1, 2 or 3'),
    variant: read<'bh1' | 'bh2'>(
      'solver_type',
      'bh2',
      (value) => value === 'bh1' || value === 'bh2',
      'bh1 or bh2',
    ),
    lowerOrderFinal: read('lower_order_final', true, (value) => typeof value === 'boolean', 'true or false'),
    disableCorrector: read<number[]>(
      'disable_corrector',
      [],
      (value) => Array.isArray(value) && value.every(Number.isInteger),
      'a list of steps',
    ),
  };
}

const isPositive = (value: unknown): boolean =>
  typeof value === 'number' && Number.isFinite(value) && value > 0;
const isCount = (value: unknown): boolean => Number.isInteger(value) && (value as number) > 0;

/** The caller's value where there is one. @throws ConfigError where it is not a number above 0. */
function positive(name: string, value: number | undefined): number | undefined {
  if (value === undefined || isPositive(value)) return value;
  throw new ConfigError(`scheduler: ${name} must be a number above 0, got ${value}`);
}
