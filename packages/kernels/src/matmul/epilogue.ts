// What follows a product before it is stored: residual + gate * activate(value + bias). These are WGSL fragments
// that linear and conv share, not a kernel. Uniforms, not the text, say which parts a layer has, so that all
// layers of a model share a pipeline. The binding of an absent part takes any tensor of the type and is not read.
import { type Binding, type DType, u32 } from '../kernel.ts';
import { storageArray, toF32 } from '../wgsl.ts';
import type { Adds } from './product.ts';

/** The parts that a layer has. */
export interface EpilogueParts {
  readonly bias: boolean;
  readonly gate?: boolean;
  readonly residual: boolean;
}

/** Fragments of one epilogue. */
export interface Epilogue {
  readonly declarations: string;
  readonly bindings: readonly Binding[];
  /** Uniform fields; the kernel itself adds `N`, `columns` and, with a gate, those of `itemRow`. */
  readonly uniforms: Readonly<Record<string, ReturnType<typeof u32>>>;
  /** Statements that run once per vec4 column `at`. */
  readonly column: string;
  /** Statements that add the bias to `value`, the vec4f at vec4 column `at`, and activate it. */
  readonly finish: string;
  /** Statements for the gate and the residual at `row`, which a layer may or may not have. */
  readonly adds: Adds;
}

/**
 * The declarations, which begin at `binding` in the order bias, [gate], residual, and the statements. `wide`: rows
 * are whole vec4s. `stream`: the residual's type. The kernel must define `activate` and, with a gate, `itemRow`.
 */
export function epilogueWGSL(
  binding: number,
  parts: EpilogueParts,
  dtype: DType,
  wide: boolean,
  stream: DType = dtype,
): Epilogue {
  const names = parts.gate === undefined ? ['bias', 'residual'] : ['bias', 'gate', 'residual'];
  const typeOf = (name: string) => (name === 'residual' ? stream : dtype);
  const declare = (name: string, i: number) =>
    `@group(0) @binding(${binding + i}) var<storage, read> ${name}: ${storageArray(typeOf(name), wide)};`;
  // Where N is not a multiple of 4, numbers read beyond the last column are not stored.
  const read = (name: string, row: string) => {
    const type = typeOf(name);
    if (wide) return toF32(type, `${name}[${row} * u.columns + at]`, true);
    const numbers = [0, 1, 2, 3].map((c) => toF32(type, `${name}[${row} * u.N + at * 4u + ${c}u]`));
    return `vec4f(${numbers.join(', ')})`;
  };
  const gate = `if (u.hasGate != 0u) { value *= ${read('gate', 'itemRow(row)')}; }`;
  const residual = `if (u.hasResidual != 0u) { value += ${read('residual', 'row')}; }`;
  const gated = parts.gate !== undefined;
  const flag = (part: boolean | undefined) => u32(part ? 1 : 0);
  return {
    declarations: names.map(declare).join('\n'),
    bindings: names.map((name) => ({ name, dtype: typeOf(name), access: 'read' as const })),
    uniforms: {
      hasBias: flag(parts.bias),
      ...(gated && { hasGate: flag(parts.gate) }),
      hasResidual: flag(parts.residual),
    },
    column: `var columnBias = vec4f();
    if (u.hasBias != 0u) { columnBias = ${read('bias', '0u')}; }`,
    finish: 'value = activate(value + columnBias);',
    adds: {
      when: gated ? '(u.hasGate | u.hasResidual) != 0u' : 'u.hasResidual != 0u',
      text: gated ? `${gate}\n        ${residual}` : residual,
    },
  };
}
