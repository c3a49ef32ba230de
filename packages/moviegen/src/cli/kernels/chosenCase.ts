// Which case of the case list `moviegen kernels` prints: by its name, or with operands of other shapes. Not here: how its
// kernels are found (dispatched.ts).

import { type Case, cases } from '@moviegen/kernels';
import { InputError, shown } from '../../errors.ts';

/** Shapes by operand: `a=300x64,b=64x200`. */
export type OperandShapes = Readonly<Record<string, readonly number[]>>;

/** The cases of an op, or all. @throws InputError naming the ops where there is no such op. */
export function casesOf(op?: string): readonly Case[] {
  const found = op === undefined ? cases : cases.filter((item) => item.op === op);
  if (found.length > 0) return found;
  const ops = [...new Set(cases.map((item) => item.op))];
  throw new InputError(`kernels: there is no op ${shown(op)}; there are: ${ops.join(', ')}`);
}

/** The case of an op that `name` names, whole or by a part that no other has; without a name, the first one. */
export function chosenCase(op: string, name: string | undefined): Case {
  const all = casesOf(op);
  if (name === undefined) return all[0]!;
  const exact = all.find((item) => item.name === name);
  if (exact) return exact;
  const [first, ...more] = all.filter((item) => item.name.includes(name));
  const list = `moviegen kernels ${op} --list shows them`;
  if (!first) throw new InputError(`kernels: no case of ${op} is named ${shown(name)}; ${list}`);
  if (more.length === 0) return first;
  throw new InputError(
    `kernels: ${more.length + 1} cases of ${op} have ${shown(name)} in their name; ${list}`,
  );
}

/** A case with other shapes for some of its operands; its options stay. @throws InputError for an operand that it lacks. */
export function reshapedCase(item: Case, shapes: OperandShapes): Case {
  const names = Object.keys(item.inputs);
  if (names.length === 0)
    throw new InputError(
      `kernels: ${item.op} has no operands to give a shape: choose one of its cases with --case`,
    );
  const unknown = Object.keys(shapes).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new InputError(
      `kernels: this case of ${item.op} has no operand ${shown(unknown)}; --shape can give: ${names.join(', ')}`,
    );
  const inputs = Object.entries(item.inputs).map(([name, spec]) => {
    return [name, { ...spec, shape: shapes[name] ?? spec.shape }];
  });
  return { ...item, inputs: Object.fromEntries(inputs) };
}
