// A tensor as the device sees it: memory of a type, owned by a scope. The device and its parts know operands only,
// not the rest of a tensor: its shape and the ops.
import type { DType } from '@moviegen/kernels';
import type { BufferRange } from '../gpu/commands.ts';
import type { Storage } from '../gpu/storage.ts';
import type { Scopes } from './scopes.ts';

/** Where operands live: a device, known by its scopes. */
export interface OperandHome {
  /** @internal */
  readonly scopes: Scopes<Operand>;
}

/** Memory of a device that a kernel can be given. */
export abstract class Operand {
  abstract readonly device: OperandHome;
  abstract readonly dtype: DType;
  /** Bytes of the elements. */
  abstract readonly bytes: number;
  /** True once disposed, by hand or by its scope. */
  abstract readonly disposed: boolean;
  /** Gives the memory back. Twice does no harm. */
  abstract dispose(): void;
  /** @internal The memory. @throws where it was released; the message names `user`, who asked for it. */
  abstract storage(user: string): Storage;
  /** @internal Where its bytes lie: one range, or several where it is larger than a buffer. */
  abstract ranges(user: string): BufferRange[];
}

/** The operands in a value, at any depth: in arrays, objects' public fields, maps and sets. */
export function operandsIn(value: unknown): Operand[] {
  const found: Operand[] = [];
  const seen = new Set<object>();
  const visit = (part: unknown): void => {
    if (typeof part !== 'object' || part === null || seen.has(part)) return;
    seen.add(part);
    if (part instanceof Operand) found.push(part);
    else if (part instanceof Map) for (const entry of part) entry.forEach(visit);
    else if (Array.isArray(part) || part instanceof Set) part.forEach(visit);
    else if (!ArrayBuffer.isView(part)) Object.values(part).forEach(visit);
  };
  visit(value);
  return found;
}
