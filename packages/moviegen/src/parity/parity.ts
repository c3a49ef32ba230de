// Parity, layer by layer: runs a model on the inputs of a fixture and names the FIRST tensor that differs from the
// reference's. Not here: the layout of a fixture (fixture.ts), how each kind of model is run (models.ts), the file system
// (src/node).

import { type Device, Tensor } from '@moviegen/tensor';
import { compareTensors, failed, type TensorDifference } from './compare.ts';
import { type Fixture, type FixtureFiles, openFixture, type ParityCase, type Values } from './fixture.ts';

export { compareTensors, type TensorDifference } from './compare.ts';
export {
  type Fixture,
  type FixtureFiles,
  openFixture,
  type ParityCase,
  type Values,
} from './fixture.ts';

/** Receives a model's value under its name in the fixture. A tensor need only live until the call returns. */
export type Report = (name: string, value: Tensor | Values) => void;

/** A model that can be compared with a fixture. */
export interface ParityModel {
  /** Runs a case and reports intermediates and outputs, in PyTorch's shapes, under the fixture's names. */
  run(given: ParityCase, report: Report): void | Promise<void>;
  /** A bound for a case that rounding affects more than other cases; the reason stands beside the implementation. */
  bound?(given: ParityCase): number | undefined;
  dispose(): void;
}

/** Loads the model of a fixture. */
export type ParityLoader = (device: Device, fixture: Fixture) => Promise<ParityModel>;

/** The result of comparing a model with one case. */
export interface ParityReport {
  readonly fixture: string;
  readonly case: string;
  /** The number of tensors compared. */
  readonly compared: number;
  /** Intermediates of the reference that the model does not report, since it fuses them. Outputs are never among them. */
  readonly unreported: readonly string[];
  /** The largest difference of all. */
  readonly worst: TensorDifference | undefined;
  /** The first tensor that differs by more than the bound, in the reference's order. */
  readonly first: TensorDifference | undefined;
}

/** Bound on max|a - b| / max|b| in f32: sums over a few hundred terms in another order, through a few layers. */
export const PARITY_BOUND = 1e-4;

/** Runs one case on a model and compares everything that it reports with the fixture. */
export async function checkParityCase(
  model: ParityModel,
  fixture: Fixture,
  caseName: string,
  bound: number = PARITY_BOUND,
): Promise<ParityReport> {
  const given = await fixture.open(caseName);
  const most = model.bound?.(given) ?? bound;
  const wanted = new Set(given.order);
  const reported = new Map<string, Promise<Values>>();
  await model.run(given, (name, value) => {
    if (!wanted.has(name)) return;
    const values = valuesOf(value);
    values.catch(() => {}); // reported below, in order
    reported.set(name, values);
  });

  const unreported: string[] = [];
  let [compared, first, worst]: [number, TensorDifference | undefined, TensorDifference | undefined] = [
    0,
    undefined,
    undefined,
  ];
  for (const name of given.order) {
    if (name.startsWith('input.')) continue;
    const values = reported.get(name);
    if (values === undefined && !name.startsWith('output.')) {
      if (given.values(name).data.length > 0) unreported.push(name);
      continue;
    }
    const difference =
      values === undefined
        ? failed(name, 'the model does not report it')
        : compareTensors(name, await values, given.values(name));
    compared++;
    if (worst === undefined || difference.difference > worst.difference) worst = difference;
    if (first === undefined && !(difference.difference <= most)) first = difference;
  }
  return { fixture: fixture.name, case: caseName, compared, unreported, worst, first };
}

/** Loads the model of a fixture's folder and runs every case on it; each report comes as soon as it is ready. */
export async function* checkFixture(
  device: Device,
  files: FixtureFiles,
  folder: string,
  load: ParityLoader,
  bound: number = PARITY_BOUND,
): AsyncGenerator<ParityReport> {
  const fixture = await openFixture(files, folder);
  const model = await load(device, fixture);
  try {
    for (const name of fixture.cases) yield await checkParityCase(model, fixture, name, bound);
  } finally {
    model.dispose();
  }
}

/** One line for a person: what was compared, or the first tensor that differs, by how much and where. */
export function describeReport({ fixture, case: name, compared, first, worst }: ParityReport): string {
  const label = `${fixture}/${name}`;
  if (first === undefined)
    return `${label}: ${compared} ${compared === 1 ? 'tensor agrees' : 'tensors agree'}, largest difference ${format(worst?.difference ?? 0)} in ${worst?.tensor ?? 'none'}`;
  if (first.problem !== undefined) return `${label}: ${first.tensor}: ${first.problem}`;
  return (
    `${label}: ${first.tensor} is the first to differ, by ${format(first.difference)} of its largest value, ` +
    `most at [${first.index.join(', ')}]: got ${first.got}, expected ${first.expected}`
  );
}

/** A value's numbers on the host. */
export async function valuesOf(value: Tensor | Values): Promise<Values> {
  if (!(value instanceof Tensor)) return value;
  const { shape } = value; // the copy is enqueued before the first await, so that the tensor may be released
  return { shape, data: await value.read() };
}

const format = (difference: number): string => difference.toExponential(1);
