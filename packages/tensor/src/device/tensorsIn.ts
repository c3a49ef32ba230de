// Finds the tensors in what a function returns.
import { Tensor } from '../tensor.ts';

/** The tensors in a value, at any depth: in arrays, objects' public fields, maps and sets. */
export function tensorsIn(value: unknown): Tensor[] {
  const found: Tensor[] = [];
  const seen = new Set<object>();
  const visit = (part: unknown): void => {
    if (typeof part !== 'object' || part === null || seen.has(part)) return;
    seen.add(part);
    if (part instanceof Tensor) found.push(part);
    else if (part instanceof Map) for (const entry of part) entry.forEach(visit);
    else if (Array.isArray(part) || part instanceof Set) part.forEach(visit);
    else if (!ArrayBuffer.isView(part)) Object.values(part).forEach(visit);
  };
  visit(value);
  return found;
}
