// What follows a product before it is stored: residual + gate * activate(value + bias). Fragments that
// linear and conv share; not a kernel of its own.
import type { Binding, DType } from './kernel.ts';
import { storageArray, toF32 } from './matmulStorage.ts';

/** The parts that a kernel fuses. */
export interface EpilogueParts {
  readonly bias: boolean;
  readonly gate: boolean;
  readonly residual: boolean;
}

export interface Epilogue {
  readonly declarations: string;
  readonly bindings: readonly Binding[];
  /** Statements that turn `value` (a vec4f at `row`, vec4 column `at`) into the result. */
  readonly apply: string;
}

/**
 * Declarations from `binding` on, in the order bias, gate, residual, and the statements. `wide`: rows
 * are whole vec4s. The kernel defines `activate`, and the uniforms `N`, `columns` and, with a gate,
 * `rowsPerGate`.
 */
export function epilogueWGSL(binding: number, parts: EpilogueParts, dtype: DType, wide: boolean): Epilogue {
  const names = (['bias', 'gate', 'residual'] as const).filter((name) => parts[name]);
  const declarations = names
    .map(
      (name, i) =>
        `@group(0) @binding(${binding + i}) var<storage, read> ${name}: ${storageArray(dtype, wide)};`,
    )
    .join('\n');
  // Reads beyond the last column of a ragged row are discarded by the store.
  const read = (name: string, row: string) => {
    if (wide) return toF32(dtype, `${name}[${row} * u.columns + at]`, true);
    const numbers = [0, 1, 2, 3].map((c) => toF32(dtype, `${name}[${row} * u.N + at * 4u + ${c}u]`));
    return `vec4f(${numbers.join(', ')})`;
  };
  const apply = [
    parts.bias ? `value += ${read('bias', '0u')};` : '',
    'value = activate(value);',
    parts.gate ? `value *= ${read('gate', '(row / u.rowsPerGate)')};` : '',
    parts.residual ? `value += ${read('residual', 'row')};` : '',
  ];
  return {
    declarations,
    bindings: names.map((name) => ({ name, dtype, access: 'read' as const })),
    apply: apply.filter(Boolean).join('\n      '),
  };
}
