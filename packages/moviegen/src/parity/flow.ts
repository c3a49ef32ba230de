// Runs the sampler on a fixture's cases: schedules, the path and its loss, and trajectories of a tiny DiT with guidance.

import { type Context, DiT, parseConfig } from '@moviegen/dit';
import {
  flowMatchingLoss,
  guided,
  linearQuadraticSchedule,
  linearSchedule,
  pathPoint,
  pathVelocity,
  type Solver,
  sample,
  type Velocity,
} from '@moviegen/sampler';
import { type Device, scope, Tensor } from '@moviegen/tensor';
import { textStates, upload } from './dit.ts';
import type { ParityCase } from './fixture.ts';
import type { ParityLoader, ParityModel, Report } from './parity.ts';

/** Loads the DiT that a fixture samples from. */
export const loadFlow: ParityLoader = async (device, fixture) =>
  new ParityFlow(device, await DiT.load(device, await fixture.weights(), parseConfig(fixture.config)));

class ParityFlow implements ParityModel {
  readonly #device: Device;
  readonly #dit: DiT;

  constructor(device: Device, dit: DiT) {
    this.#device = device;
    this.#dit = dit;
  }

  async run(given: ParityCase, report: Report): Promise<void> {
    const { kind } = given.args;
    if (kind === 'schedule') this.#schedule(given, report);
    else if (kind === 'path') this.#path(given, report);
    else if (kind === 'sample') await this.#sample(given, report);
    else throw new Error(`parity: flow cannot run a case of kind ${JSON.stringify(kind)}`);
  }

  /**
   * The result of an adaptive solver is only as exact as its tolerance: 26 steps of 1e-5 (1 + |x|) each, at times that depend
   * on the last bits of its error estimate.
   */
  bound({ args }: ParityCase): number | undefined {
    return args.method === 'dopri5' ? 1e-3 : undefined;
  }

  dispose(): void {
    this.#dit.dispose();
  }

  #schedule({ args }: ParityCase, report: Report): void {
    const times = scheduleOf(args)!;
    report('output.times', { shape: [times.length], data: times });
  }

  #path(given: ParityCase, report: Report): void {
    scope(this.#device, () => {
      const [x1, x0, t, predicted] = ['x1', 'x0', 't', 'predicted'].map((name) =>
        upload(this.#device, given.values(`input.${name}`)),
      ) as [Tensor, Tensor, Tensor, Tensor];
      report('output.xt', pathPoint(x1, x0, t));
      report('output.velocity', pathVelocity(x1, x0));
      report('output.loss', flowMatchingLoss(predicted, x1, x0));
    });
  }

  async #sample(given: ParityCase, report: Report): Promise<void> {
    const { args } = given;
    const states = [textStates(this.#device, given, ''), textStates(this.#device, given, 'null.')] as const;
    const [text, empty] = states.map((some) => this.#dit.context(some)) as [Context, Context];
    const noise = upload(this.#device, given.values('input.noise'));
    let done = 0;
    const velocity = guided(
      this.#velocity(text, (u) => report(`step.${done + 1}.text`, u)),
      this.#velocity(empty, (u) => report(`step.${done + 1}.null`, u)),
      args.guidance_scale as number,
    );
    const schedule = scheduleOf(args);
    const result = await sample(velocity, noise, {
      solver: args.method as Solver,
      schedule,
      onStep: ({ step, latents }) => {
        done = step;
        // The ends of an adaptive solver's steps depend on the last bits of its error estimate.
        if (args.method !== 'dopri5') report(`step.${step}`, latents);
      },
    });
    report('output.latents', result);
    const inputs = states.flatMap((some) => Object.values(some).map((part) => part.states));
    for (const used of [text, empty, noise, result, ...inputs]) used.dispose();
  }

  #velocity(context: Context, seen: (u: Tensor) => void): Velocity {
    return (x, t) => {
      const u = this.#dit.forward(x, Tensor.from(this.#device, [t]), context);
      seen(u);
      return u;
    };
  }
}

function scheduleOf({ schedule, steps, n }: ParityCase['args']): number[] | undefined {
  if (schedule === null) return undefined;
  return schedule === 'linear'
    ? linearSchedule(steps as number)
    : linearQuadraticSchedule(steps as number, n as number);
}
