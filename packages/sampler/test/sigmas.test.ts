// Samplers along noise levels against diffusers: the levels, whole trajectories of a model that is a formula, configs, a start in the
// middle, stop and memory.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { openFile } from '@moviegen/safetensors/node';
import { add, type Device, mul, scope, Tensor } from '@moviegen/tensor';
import { testDevice } from '@moviegen/testing/device';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  originalUniPCSchedule,
  parseScheduler,
  type SigmaVelocity,
  sampleSigmas,
  sigmaSchedule,
} from '../src/index.ts';

const fixtures = fileURLToPath(new URL('../../wan/fixtures/', import.meta.url));
const json = async (name: string) => JSON.parse(await readFile(fixtures + name, 'utf8'));
const unipcFile: Record<string, unknown> = await json('t2v/scheduler/scheduler_config.json');
const eulerFile = { _class_name: 'FlowMatchEulerDiscreteScheduler', num_train_timesteps: 1000, shift: 1 };
const file = (kind: string, options = {}) => ({ ...(kind === 'euler' ? eulerFile : unipcFile), ...options });

interface List {
  readonly kind: string;
  readonly steps: number;
  readonly shift: number;
  readonly timesteps: number[];
  readonly sigmas: number[];
}
const { lists }: { lists: List[] } = await json('scheduler/sigmas.json');

test.each(lists.map((list) => [list.kind, list.steps, list.shift, list] as const))(
  '%s, %i steps, shift %d: every level to the bit',
  (kind, steps, shift, { sigmas, timesteps }) => {
    expect(sigmaSchedule(parseScheduler(file(kind), { shift }), steps)).toEqual({ sigmas, timesteps });
  },
);

test('the golden numbers of the specification', () => {
  const golden: [string, number, number[]][] = [
    ['unipc', 3, [0.999999, 0.9932501, 0.9231657, 0.7503748, 0.0604054]],
    ['unipc', 12, [0.999999, 0.9983039, 0.9796168, 0.9232188, 0.2045532]],
    ['euler', 3, [1, 0.9931244, 0.9215326, 0.7434356, 0.0089286]],
  ];
  for (const [kind, shift, expected] of golden) {
    const { sigmas } = sigmaSchedule(parseScheduler(file(kind), { shift }), 50);
    for (const [j, i] of [0, 1, 10, 25, 49].entries()) expect(sigmas[i]).toBeCloseTo(expected[j]!, 7);
  }
});

test("the original repository's levels", () => {
  // Of its own code, for 4 steps and shift 3, and for 50.
  const scheduler = parseScheduler(unipcFile);
  expect(originalUniPCSchedule(scheduler, 4)).toEqual({
    sigmas: [0.9996664524078369, 0.8996397852897644, 0.7496247887611389, 0.49966657161712646, 0],
    timesteps: [999, 899, 749, 499],
  });
  const { sigmas } = originalUniPCSchedule(scheduler, 50);
  for (const [i, sigma] of [
    [0, 0.9996665],
    [1, 0.9929075],
    [49, 0.0576368],
  ] as const)
    expect(sigmas[i]).toBeCloseTo(sigma, 7);
});

describe('sampling', async () => {
  let device: Device;
  beforeAll(async () => {
    device = await testDevice();
  });
  const tensors = await openFile(`${fixtures}scheduler/trajectories.safetensors`);
  afterAll(() => tensors.close());
  const numbers = async (name: string) => new Float32Array((await tensors.read(name)).buffer);
  interface Run extends Pick<List, 'kind' | 'steps' | 'shift'> {
    readonly name: string;
    readonly options?: object;
  }
  const { cases }: { cases: Run[] } = await json('scheduler/trajectories.json');

  /** The model of the fixture, computed on the host. */
  const formula: SigmaVelocity = async (x, timestep) => {
    const v = Float32Array.from(
      await x.read(),
      (value) => 0.6 * value + 0.8 * Math.sin(2 * value + timestep / 250) - 0.2,
    );
    return Tensor.from(x.device, v, x.shape);
  };
  const start = async (name: string) =>
    Tensor.from(device, await numbers(`${name}.x.0`), tensors.shape(`${name}.x.0`));

  test.each(cases.map((run) => [run.name, run] as const))('%s: every step', async (name, run) => {
    const { used } = device.memory();
    const scheduler = parseScheduler(file(run.kind, run.options), { shift: run.shift });
    const noise = await start(name);
    const result = await sampleSigmas(formula, noise, {
      scheduler,
      steps: run.steps,
      onStep: async ({ step, steps, latents }) => {
        expect(steps).toBe(run.steps);
        const right = await numbers(`${name}.x.${step}`);
        for (const [i, value] of (await latents.read()).entries())
          if (Number.isNaN(right[i])) expect(run.options).toEqual({ solver_type: 'bh1' });
          else expect(value, `step ${step}, value ${i}`).toBeCloseTo(right[i]!, 4);
      },
    });
    // The end is the data predicted last; diffusers' bh1 loses it there (infinity times 0).
    const last = run.steps - 1;
    const [x, v] = await Promise.all([numbers(`${name}.x.${last}`), numbers(`${name}.v.${last}`)]);
    const sigma = sigmaSchedule(scheduler, run.steps).sigmas[last]!;
    for (const [i, value] of (await result.read()).entries())
      expect(value).toBeCloseTo(x[i]! - sigma * v[i]!, 4);
    result.dispose();
    expect([...(await noise.read())]).toEqual([...(await numbers(`${name}.x.0`))]);
    noise.dispose();
    expect(device.memory().used).toBe(used);
  });

  test.each([
    't2v/expected/pipeline',
    't2v/expected/pipeline-euler',
    't2v/expected/pipeline-unguided',
    'ti2v/expected/pipeline',
    'moe/expected/pipeline',
  ])("%s: the pipeline's levels, and its latents from its own predictions", async (name) => {
    const pipeline = await openFile(`${fixtures}${name}.safetensors`);
    const read = async (tensor: string) => new Float32Array((await pipeline.read(tensor)).buffer);
    const told: { readonly scheduler?: string } = await json(`${name}.json`);
    const config = told.scheduler?.startsWith('FlowMatchEuler')
      ? { ...eulerFile, shift: 3 }
      : await json(`${name.split('/')[0]}/scheduler/scheduler_config.json`);
    const scheduler = parseScheduler(config);
    const [sigmas, timesteps] = [[...(await read('sigmas'))], [...(await read('timesteps'))]];
    const steps = timesteps.length;
    expect(sigmaSchedule(scheduler, steps)).toEqual({ sigmas, timesteps });
    const shape = pipeline.shape('input.latents');
    const noise = Tensor.from(device, await read('input.latents'), shape);
    const result = await sampleSigmas(
      async (_, timestep, { step }) => {
        expect(timestep).toBe(timesteps[step]);
        return Tensor.from(device, await read(`step.${step}.guided`), shape);
      },
      noise,
      {
        scheduler,
        steps,
        onStep: async ({ step, latents }) => {
          const right = await read(`step.${step - 1}.latents`);
          for (const [i, value] of (await latents.read()).entries()) expect(value).toBeCloseTo(right[i]!, 4);
        },
      },
    );
    for (const tensor of [noise, result]) tensor.dispose();
    await pipeline.close();
  });

  test('a constant velocity is followed exactly, from the middle too, whatever the solver', async () => {
    const noise = Tensor.from(device, [1, -2, 0.5, 3], [1, 4]);
    const data = Tensor.from(device, [0.25, 4, -1, 2], [1, 4]);
    const [x0, x1] = [await noise.read(), await data.read()];
    const velocity = Tensor.from(
      device,
      x0.map((value, i) => value - x1[i]!),
      [1, 4],
    );
    for (const kind of ['unipc', 'euler'])
      for (const strength of [1, 0.6, 0.1]) {
        const asked: { step: number; steps: number; sigma: number }[] = [];
        const told: number[] = [];
        const scheduler = parseScheduler(file(kind), { shift: 3 });
        const { sigmas } = sigmaSchedule(scheduler, 10);
        const result = await sampleSigmas(
          (_, __, at) => {
            asked.push(at);
            return velocity;
          },
          noise,
          {
            scheduler,
            steps: 10,
            start: { data, strength },
            onStep: ({ step, steps, t }) => {
              told.push(step);
              expect(steps).toBe(Math.floor(10 * strength));
              expect(t).toBe(1 - sigmas[10 - steps! + step]!);
            },
          },
        );
        for (const [i, value] of (await result.read()).entries()) expect(value).toBeCloseTo(x1[i]!, 5);
        const first = 10 - Math.floor(10 * strength);
        expect(asked).toEqual(
          sigmas.slice(first, 10).map((sigma, i) => ({ step: first + i, steps: 10, sigma })),
        );
        expect(told).toEqual(asked.map((_, i) => i + 1));
        result.dispose();
      }
    for (const tensor of [noise, data, velocity]) tensor.dispose();
  });

  // From diffusers: shift 3, 8 steps, set_begin_index(3), the fixture's formula.
  test.each([
    ['unipc', [0.921142, -0.48089, -0.063541, 1.961413]],
    ['euler', [0.949467, -0.491014, -0.019964, 1.856931]],
  ])('%s from the middle, as diffusers starts there', async (kind, expected) => {
    const noise = Tensor.from(device, [1, -2, 0.5, 3], [1, 4]);
    const data = Tensor.from(device, [0.25, 4, -1, 2], [1, 4]);
    const scheduler = parseScheduler(file(kind), { shift: 3 });
    const start = { data, strength: 5 / 8 };
    const result = await sampleSigmas(formula, noise, { scheduler, steps: 8, start });
    for (const [i, value] of (await result.read()).entries()) expect(value).toBeCloseTo(expected[i]!, 5);
    for (const tensor of [noise, data, result]) tensor.dispose();
  });

  test('a velocity may overwrite what it gave before', async () => {
    const noise = await start('unipc-8');
    const buffer = Tensor.empty(device, noise.shape);
    const reused: SigmaVelocity = async (x, timestep, at) => {
      const v = await formula(x, timestep, at);
      buffer.write(await v.read());
      return buffer;
    };
    const scheduler = parseScheduler(unipcFile, { shift: 3 });
    const ends = [];
    for (const velocity of [formula, reused]) {
      const result = await sampleSigmas(velocity, noise, { scheduler, steps: 5 });
      ends.push([...(await result.read())]);
      result.dispose();
    }
    expect(ends[0]).toEqual(ends[1]);
    for (const tensor of [noise, buffer]) tensor.dispose();
  });

  test.each(['unipc', 'euler'])(
    '%s: a stop is felt within a step, and nothing is left behind',
    async (kind) => {
      const noise = Tensor.from(device, [1, -2, 0.5, 3], [1, 4]);
      await device.sync();
      const { used } = device.memory();
      const scheduler = parseScheduler(file(kind));
      const velocity: SigmaVelocity = (x, timestep) => scope(device, () => add(mul(x, 0.3), timestep / 1000));
      const stop = new AbortController();
      const reason = new Error('enough');
      let calls = 0;
      const stopping: SigmaVelocity = (...given) => {
        if (++calls === 4) stop.abort(reason);
        return velocity(...given);
      };
      const signal = stop.signal;
      await expect(sampleSigmas(stopping, noise, { scheduler, signal })).rejects.toBe(reason);
      expect(calls).toBe(4);
      const failing: SigmaVelocity = (x, timestep, at) => {
        if (at.step === 3) throw new Error('no');
        return velocity(x, timestep, at);
      };
      await expect(sampleSigmas(failing, noise, { scheduler })).rejects.toThrow('no');
      const onStep = ({ step }: { step: number }) => {
        if (step === 2) throw new Error('neither');
      };
      const data = noise;
      await expect(
        sampleSigmas(velocity, noise, { scheduler, onStep, start: { data, strength: 0.5 } }),
      ).rejects.toThrow('neither');
      for (const steps of [1, 7]) (await sampleSigmas(velocity, noise, { scheduler, steps })).dispose();
      await device.sync();
      expect(device.memory().used).toBe(used);
      expect([...(await noise.read())]).toEqual([1, -2, 0.5, 3]);
      noise.dispose();
    },
  );

  test('what makes no sense is said', async () => {
    const noise = Tensor.from(device, [1, 2], [1, 2]);
    const scheduler = parseScheduler(unipcFile);
    const schedule = sigmaSchedule(scheduler, 3);
    const start = (strength: number) => ({ start: { data: noise, strength } });
    const bad: [Partial<Parameters<typeof sampleSigmas>[2]>, string][] = [
      [{ steps: 0 }, 'steps must be an integer of at least 1, got 0'],
      [{ steps: 4, schedule }, 'got a schedule of 3 steps and steps = 4'],
      [{ schedule: { ...schedule, sigmas: [1, 0.5, 0.2, 0] } }, 'sigmas fall from below 1 to 0'],
      [{ schedule: { ...schedule, sigmas: [0.9, 0.9, 0.2, 0] } }, 'sigmas fall from below 1 to 0'],
      [{ schedule: { ...schedule, timesteps: [1] } }, 'and 1 timesteps'],
      [
        { steps: 10, ...start(0.05) },
        'strength must be above 0 and at most 1 and leave a step of 10, got 0.05',
      ],
      [{ steps: 10, ...start(1.5) }, 'strength must be above 0'],
    ];
    for (const [options, message] of bad)
      await expect(sampleSigmas(formula, noise, { scheduler, ...options })).rejects.toThrow(message);
    noise.dispose();
  });
});

test('configs: what is read, the shift of the caller, defaults', () => {
  expect(parseScheduler(unipcFile)).toEqual({
    kind: 'unipc',
    shift: 3,
    trainTimesteps: 1000,
    order: 2,
    variant: 'bh2',
    lowerOrderFinal: true,
    disableCorrector: [],
  });
  expect(parseScheduler(unipcFile, { shift: 5 }).shift).toBe(5);
  expect(parseScheduler({ ...eulerFile, shift: 7 })).toEqual({
    kind: 'euler',
    shift: 7,
    trainTimesteps: 1000,
  });
  const old = {
    _class_name: 'UniPCMultistepScheduler',
    prediction_type: 'flow_prediction',
    use_flow_sigmas: true,
  };
  expect(parseScheduler(old)).toMatchObject({ shift: 1, order: 2, variant: 'bh2', lowerOrderFinal: true });
});

test('configs: what is not here is refused in one line', () => {
  const bad: [unknown, string][] = [
    [null, 'scheduler: config must be an object, got null'],
    [
      { _class_name: 'DDIMScheduler' },
      'scheduler: _class_name "DDIMScheduler" is not supported, only UniPCMultistepScheduler and FlowMatchEulerDiscreteScheduler',
    ],
    [file('unipc', { use_karras_sigmas: true }), 'with use_karras_sigmas true is not supported, only false'],
    [file('unipc', { use_flow_sigmas: undefined }), 'with use_flow_sigmas false is not supported, only true'],
    [
      file('unipc', { prediction_type: undefined }),
      'with prediction_type "epsilon" is not supported, only "flow_prediction"',
    ],
    [file('euler', { shift_terminal: 0.1 }), 'with shift_terminal 0.1 is not supported, only null'],
    [
      file('euler', { use_dynamic_shifting: true }),
      'with use_dynamic_shifting true is not supported, only false',
    ],
    [file('unipc', { solver_order: 4 }), 'scheduler: solver_order: got 4, expected 1, 2 or 3'],
    [file('unipc', { solver_type: 'heun' }), 'scheduler: solver_type: got "heun", expected bh1 or bh2'],
    [file('unipc', { flow_shift: -1 }), 'scheduler: flow_shift: got -1, expected a number above 0'],
    [file('unipc', { disable_corrector: [0.5] }), 'disable_corrector: got [0.5], expected a list of steps'],
  ];
  for (const [config, message] of bad) expect(() => parseScheduler(config)).toThrow(message);
  expect(() => parseScheduler(unipcFile, { shift: 0 })).toThrow('shift must be a number above 0, got 0');
});
