// Runs a DiT on a fixture's inputs. The states of its text come from the fixture; no text encoder runs.

import { DiT, parseConfig, type TaskRows, TEXT_SOURCES, type TextStates } from '@moviegen/dit';
import { type Device, scope, Tensor } from '@moviegen/tensor';
import type { ParityCase, Values } from './fixture.ts';
import type { ParityLoader, ParityModel, Report } from './parity.ts';

/** Loads the DiT of a fixture. */
export const loadDiT: ParityLoader = async (device, fixture) =>
  new ParityDiT(device, await DiT.load(device, await fixture.weights(), parseConfig(fixture.config)));

class ParityDiT implements ParityModel {
  readonly #device: Device;
  readonly #dit: DiT;

  constructor(device: Device, dit: DiT) {
    this.#device = device;
    this.#dit = dit;
  }

  run(given: ParityCase, report: Report): void {
    const [device, dit] = [this.#device, this.#dit];
    scope(device, () => {
      const text = textStates(device, given, '');
      const tasks = tasksOf(given);
      const lengths = embeddedLengths(text, tasks);
      report('text.lengths', { shape: [lengths.length], data: lengths });
      const context = dit.context(text, { trace: report, tasks });
      const [x, t] = ['input.x', 'input.t'].map((name) => upload(device, given.values(name)));
      const shown = given.order.includes('input.given')
        ? upload(device, given.values('input.given'))
        : undefined;
      const options = { trace: report, given: shown && dit.embedGiven(shown) };
      report('output.velocity', dit.forward(x!, t!, context, options));
      context.dispose();
    });
  }

  dispose(): void {
    this.#dit.dispose();
  }
}

/** The states and masks of a case, `input.<prefix>text.ul2` ..., as the DiT takes them. */
export function textStates(device: Device, given: ParityCase, prefix: string): TextStates {
  const names = TEXT_SOURCES.filter((name) => given.order.includes(`input.${prefix}text.${name}`));
  return Object.fromEntries(
    names.map((name) => {
      const mask = given.values(`input.${prefix}mask.${name}`);
      const [B, L] = mask.shape as [number, number];
      const lengths = Array.from({ length: B }, (_, b) => {
        let length = 0;
        for (let i = 0; i < L; i++) length += mask.data[b * L + i]!;
        return length;
      });
      return [name, { states: upload(device, given.values(`input.${prefix}text.${name}`)), lengths }];
    }),
  );
}

/** A fixture's tensor on the device. */
export function upload(device: Device, { shape, data }: Values): Tensor {
  return Tensor.from(
    device,
    data instanceof Int32Array || data instanceof Uint32Array ? data : Float32Array.from(data),
    shape,
  );
}

/** Rows of the table of tasks: `args.tasks`, null where a sample has none. */
function tasksOf({ args }: ParityCase): TaskRows | undefined {
  const tasks = args.tasks as readonly (number | null)[] | null | undefined;
  return tasks?.map((row) => row ?? undefined);
}

/** Tokens of each sample: its text's, and four of a task. */
function embeddedLengths(text: TextStates, tasks: TaskRows | undefined): number[] {
  const parts = Object.values(text);
  const ofTask = (b: number) => (tasks?.[b] === undefined ? 0 : 4);
  return (
    parts[0]?.lengths.map((_, b) => parts.reduce((sum, part) => sum + part.lengths[b]!, ofTask(b))) ?? []
  );
}
