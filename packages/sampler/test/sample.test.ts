// The solvers on equations whose answer is known, and the loop around them: progress, stop, memory.

import {
  combineBranches,
  guided,
  linearSchedule,
  type SampleProgress,
  sample,
  type Velocity,
} from '@moviegen/sampler';
import { add, concat, type Device, DeviceLostError, mul, Tensor } from '@moviegen/tensor';
import { openDevice } from '@moviegen/tensor/node';
import { testDevice } from '@moviegen/testing/device';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

let device: Device;
let noise: Tensor;
const start = [1, -2, 0.5, 3];

beforeAll(async () => {
  device = await testDevice();
  noise = Tensor.from(device, start, [1, 4]);
});
afterAll(() => noise.dispose());

/** dx/dt = (2t - 1) x, whose solution at 1 is x(0): errors of a solver's order show. */
const swing: Velocity = (x, t) => mul(x, 2 * t - 1);
/** dx/dt = x: e times the start. */
const growth: Velocity = (x) => mul(x, 1);

async function end(velocity: Velocity, options: Parameters<typeof sample>[2]): Promise<number[]> {
  const result = await sample(velocity, noise, options);
  const values = [...(await result.read())];
  result.dispose();
  return values;
}
const errorOf = async (solver: 'euler' | 'midpoint' | 'heun', steps: number) =>
  Math.abs((await end(growth, { solver, steps, schedule: linearSchedule }))[0]! / Math.E - 1);

test.each([
  ['euler', 1],
  ['midpoint', 2],
  ['heun', 2],
] as const)('%s is of order %i', async (solver, order) => {
  const [coarse, fine] = [await errorOf(solver, 8), await errorOf(solver, 16)];
  expect(Math.log2(coarse / fine)).toBeGreaterThan(order - 0.15);
  expect(Math.log2(coarse / fine)).toBeLessThan(order + 0.15);
});

test('one step of each solver, by hand', async () => {
  const one = async (solver: 'euler' | 'midpoint' | 'heun') => (await end(swing, { solver, steps: 1 }))[0];
  expect(await one('euler')).toBeCloseTo(1 - 1, 6);
  expect(await one('midpoint')).toBeCloseTo(1, 6); // the velocity at t = 1/2 is 0
  expect(await one('heun')).toBeCloseTo(1 + 0.5 * (-1 + 0), 6); // at the end of Euler's step x is 0
});

test('dopri5 keeps its tolerance and needs no step count', async () => {
  let calls = 0;
  const counted: Velocity = (x, t) => {
    calls++;
    return mul(x, 3 * Math.cos(3 * t)); // x(1) = x(0) e^(sin 3)
  };
  const values = await end(counted, { solver: 'dopri5' });
  for (const [i, value] of values.entries())
    expect(value / (start[i]! * Math.exp(Math.sin(3)))).toBeCloseTo(1, 4);
  expect(calls).toBeLessThan(150);
  const loose = calls;
  calls = 0;
  await end(counted, { solver: 'dopri5', rtol: 1e-2, atol: 1e-2 });
  expect(calls).toBeLessThan(loose / 2);
  await expect(end((x) => mul(x, Number.NaN), { solver: 'dopri5' })).rejects.toThrow(
    'is the velocity finite',
  );
  const broken: Velocity = (x, t) => mul(x, t > 0.3 ? Number.NaN : 1);
  await expect(end(broken, { solver: 'dopri5' })).rejects.toThrow('is the velocity finite');
  await expect(end(growth, { solver: 'dopri5', steps: 5 })).rejects.toThrow('chooses its own steps');
});

test('a velocity may overwrite what it gave before', async () => {
  const buffer = Tensor.empty(device, [1, 4]);
  const reused: Velocity = async (x, t) => {
    const u = await swing(x, t);
    buffer.write(await u.read());
    return buffer;
  };
  for (const solver of ['euler', 'midpoint', 'heun', 'dopri5'] as const) {
    const steps = solver === 'dopri5' ? {} : { steps: 4 };
    expect(await end(reused, { solver, ...steps })).toEqual(await end(swing, { solver, ...steps }));
  }
  buffer.dispose();
});

test('progress tells step, time and latents', async () => {
  const seen: { step: number; steps: number | undefined; t: number; first: number }[] = [];
  const values = await end(growth, {
    steps: 4,
    schedule: linearSchedule,
    onStep: async ({ step, steps, t, latents }) => {
      seen.push({ step, steps, t, first: (await latents.read())[0]! });
    },
  });
  expect(seen.map(({ step, steps, t }) => [step, steps, t])).toEqual([1, 2, 3, 4].map((k) => [k, 4, k / 4]));
  for (const { step, first } of seen) expect(first).toBeCloseTo(1.25 ** step, 5);
  expect(values[0]).toBe(seen[3]!.first);
});

test.each(['euler', 'midpoint', 'heun', 'dopri5'] as const)(
  '%s: a stop is felt within a step',
  async (solver) => {
    const used = device.memory().used;
    const controller = new AbortController();
    let calls = 0;
    const reason = new Error('enough');
    const velocity: Velocity = (x, t) => {
      if (++calls === 4) controller.abort(reason);
      return swing(x, t);
    };
    const steps = solver === 'dopri5' ? {} : { steps: 50 };
    await expect(sample(velocity, noise, { solver, ...steps, signal: controller.signal })).rejects.toBe(
      reason,
    );
    expect(calls).toBe(4);
    await device.sync();
    expect(device.memory().used).toBe(used);
    await expect(sample(velocity, noise, { signal: controller.signal })).rejects.toBe(reason);
    expect(calls).toBe(4);
  },
);

test('nothing is left behind, whoever fails', async () => {
  const used = device.memory().used;
  const failing: Velocity = (x, t) => {
    if (t > 0.05) throw new Error('no');
    return swing(x, t);
  };
  await expect(sample(failing, noise)).rejects.toThrow('no');
  const onStep = ({ step }: { step: number }) => {
    if (step === 3) throw new Error('neither');
  };
  await expect(sample(swing, noise, { onStep })).rejects.toThrow('neither');
  (await sample(swing, noise, { steps: 7, solver: 'heun' })).dispose();
  (await sample(swing, noise, { solver: 'dopri5' })).dispose();
  expect(device.memory().used).toBe(used);
  expect([...(await noise.read())]).toEqual(start);
});

describe('a device lost while a step is told', () => {
  /** Loses the device at a step, and goes on as told. */
  const cases: [string, number, (latents: Tensor) => unknown][] = [
    ['the callback knows nothing of it', 2, () => undefined],
    ['the callback waits for it', 2, (latents) => latents.device.lost],
    ['the callback reads the latents', 2, (latents) => latents.read()],
    ['it is the last step', 4, () => undefined],
  ];
  test.each(cases)(
    '%s',
    async (_, last, then) => {
      for (const solver of ['heun', 'dopri5'] as const) {
        const lost = await openDevice();
        const x = Tensor.from(lost, start, [1, 4]);
        let told = 0;
        let lostAt = 0;
        const onStep = async ({ step, t, latents }: SampleProgress) => {
          told = step;
          if (step !== last && t < 1) return;
          lostAt = step;
          lost.gpu.destroy();
          await then(latents);
        };
        const steps = solver === 'dopri5' ? {} : { steps: 4 };
        await expect(sample(swing, x, { solver, ...steps, onStep })).rejects.toThrow(DeviceLostError);
        expect(told).toBe(lostAt); // no step after it
        expect((await lost.lost).reason).toBe('destroyed');
      }
    },
    20_000,
  );
});

test('what makes no sense is said', async () => {
  const bad: [Parameters<typeof sample>[2], string][] = [
    [{ steps: 0 }, 'steps must be an integer'],
    [{ schedule: [0, 0.5] }, 'rises from 0 to 1'],
    [{ schedule: [0, 0.6, 0.6, 1] }, 'rises from 0 to 1'],
    [{ schedule: [0, 0.5, 1], steps: 3 }, 'a schedule of 3 steps has 4 times, got 3'],
    [{ solver: 'rk4' as 'euler' }, 'unknown solver "rk4"'],
  ];
  for (const [options, message] of bad) await expect(sample(swing, noise, options)).rejects.toThrow(message);
});

test('guidance, one branch after the other and in one batch', async () => {
  const text: Velocity = (x) => add(x, 2);
  const empty: Velocity = (x) => mul(x, 3);
  const both: Velocity = async (x, t) => concat([await empty(x, t), await text(x, t)], { axis: 0 });
  const batched: Velocity = async (x, t) => combineBranches(await both(x, t), 7.5);
  const expected = start.map((x) => 3 * x + 7.5 * (x + 2 - 3 * x));
  for (const velocity of [guided(text, empty, 7.5), batched]) {
    const u = await velocity(noise, 0);
    expect(u.shape).toEqual([1, 4]);
    for (const [i, value] of (await u.read()).entries()) expect(value).toBeCloseTo(expected[i]!, 5);
  }
  expect(guided(text, empty, 1)).toBe(text);
  expect(() => guided(text, empty, Number.NaN)).toThrow('scale must be a finite number');
  expect(() => combineBranches(Tensor.zeros(device, [3, 4]), 2)).toThrow('the batch must hold two branches');
});
