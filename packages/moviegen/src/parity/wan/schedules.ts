// Wan's schedulers: the noise levels of `sigmas.json` and `sigmas-original.json`, to the bit, and the steps of
// `trajectories.json` with a model that is a formula.

import {
  originalUniPCSchedule,
  parseScheduler,
  type Scheduler,
  type SigmaSchedule,
  type SigmaVelocity,
  sampleSigmas,
  sigmaSchedule,
} from '@moviegen/sampler';
import { type Device, Tensor } from '@moviegen/tensor';
import type { ParityCase, Values } from '../fixture.ts';
import type { ParityReport } from '../parity.ts';
import { readCase, readJson, type WanFixtureFiles } from './files.ts';
import { Rows } from './rows.ts';

interface List extends SigmaSchedule {
  readonly kind?: string;
  readonly steps: number;
  readonly shift: number;
}
interface Trajectory extends Pick<List, 'kind' | 'steps' | 'shift'> {
  readonly name: string;
  readonly options?: object;
}

/** Every list and trajectory of a folder. */
export async function* checkSchedules(
  device: Device,
  files: WanFixtureFiles,
  folder: string,
  bound: number,
): AsyncGenerator<ParityReport> {
  for (const [name, levels] of [
    ['sigmas', sigmaSchedule],
    ['sigmas-original', originalUniPCSchedule],
  ] as const) {
    const told = await readJson<{ lists: readonly List[] }>(files, `${folder}/${name}.json`);
    if (told === undefined) continue;
    const rows = new Rows(0);
    for (const list of told.lists) {
      const { kind = 'unipc', steps, shift, sigmas, timesteps } = list;
      const got = (levels as typeof sigmaSchedule)(schedulerOf(kind, shift), steps);
      rows.exact(`sigmas of ${kind}, ${steps} steps, shift ${shift}`, got.sigmas, sigmas);
      rows.exact(`timesteps of ${kind}, ${steps} steps, shift ${shift}`, got.timesteps, timesteps);
    }
    yield await rows.report(folder, name);
  }
  const runs = await readJson<{ cases: readonly Trajectory[] }>(files, `${folder}/trajectories.json`);
  if (runs === undefined) return;
  const given = await readCase(files, `${folder}/trajectories`);
  for (const run of runs.cases) {
    const rows = new Rows(bound);
    await follow(device, given, run, rows);
    yield await rows.report(folder, run.name);
  }
}

/** diffusers' scheduler with a shift. @param options as in its config */
export function schedulerOf(kind: string, shift: number, options: object = {}): Scheduler {
  const euler = { _class_name: 'FlowMatchEulerDiscreteScheduler' };
  const unipc = {
    _class_name: 'UniPCMultistepScheduler',
    prediction_type: 'flow_prediction',
    use_flow_sigmas: true,
  };
  return parseScheduler({ ...(kind === 'euler' ? euler : unipc), ...options }, { shift });
}

/** The model of the trajectories, on the host: t is the timestep. */
const formula: SigmaVelocity = async (x, t) => {
  const values = Float32Array.from(await x.read(), (v) => 0.6 * v + 0.8 * Math.sin(2 * v + t / 250) - 0.2);
  return Tensor.from(x.device, values, x.shape);
};

async function follow(device: Device, given: ParityCase, run: Trajectory, rows: Rows): Promise<void> {
  const { name, kind = 'unipc', steps, shift, options } = run;
  const scheduler = schedulerOf(kind, shift, options);
  const start = given.values(`${name}.x.0`);
  const x = Tensor.from(device, Float32Array.from(start.data), start.shape);
  const end = await sampleSigmas(formula, x, {
    scheduler,
    steps,
    onStep: ({ step, latents }) =>
      rows.add(`${name}.x.${step}`, latents, expectedAt(given, run, scheduler, step)),
  });
  for (const tensor of [x, end]) tensor.dispose();
}

/** What comes out of a step. diffusers' bh1 loses the end (infinity times 0), which is the data that was predicted last. */
function expectedAt(
  given: ParityCase,
  { name, steps }: Trajectory,
  scheduler: Scheduler,
  step: number,
): Values {
  const values = given.values(`${name}.x.${step}`);
  if (step < steps || Array.from(values.data).every(Number.isFinite)) return values;
  const [x, v] = [given.values(`${name}.x.${step - 1}`), given.values(`${name}.v.${step - 1}`)];
  const sigma = sigmaSchedule(scheduler, steps).sigmas[step - 1]!;
  return { shape: values.shape, data: Array.from(x.data, (value, i) => value - sigma * v.data[i]!) };
}
