// The kernels that an op dispatches for a case, each distinct text once. Nothing is computed: the op is recorded on
// operands without content.

import type { Case, Kernel } from '@moviegen/kernels';
import { type Device, scope, Tensor } from '@moviegen/tensor';
import { caseVariants, prepareCase } from '@moviegen/tensor/checks';
import { InputError, shown } from '../../errors.ts';

/** What a device has dispatched since the last call: its `onDispatch` fills it. */
export class Dispatches {
  #kernels: Kernel[] = [];
  /** For `onDispatch`. */
  readonly heard = (kernel: Kernel): void => {
    this.#kernels.push(kernel);
  };
  /** Takes the kernels since the last call. */
  take(): Kernel[] {
    return this.#kernels.splice(0);
  }
}

/** A kernel, and how often it is dispatched. */
export interface Dispatched {
  readonly kernel: Kernel;
  readonly dispatches: number;
  /** Dispatched when a constant weight is loaded, not at each call of the op. */
  readonly atLoad: boolean;
}

/** How a case is run. */
export interface Chosen {
  readonly dtype: 'f32' | 'f16';
  /** Default: the one that the device chooses. */
  readonly variant?: string | undefined;
}

/**
 * The kernels of a case on a device: those of the op in their order, then those that lay its constant weights out.
 * @param dispatches must be what the device's `onDispatch` fills.
 * @throws InputError for a variant that the device lacks, and for shapes that the op refuses.
 */
export function dispatchedKernels(
  device: Device,
  item: Case,
  { dtype, variant }: Chosen,
  dispatches: Dispatches,
): { readonly variants: readonly string[]; readonly kernels: readonly Dispatched[] } {
  if (dtype === 'f16' && !device.target.f16)
    throw new InputError('kernels: this adapter has no f16; --no-adapter prints what a large GPU would get');
  try {
    const variants = caseVariants(device, item, dtype);
    if (variant !== undefined) checkVariant(item, variant, variants);
    return scope(device, () => {
      const call = prepareCase(device, item, emptyOperands(device, item, dtype), { dtype, variant });
      const atLoad = dispatches.take();
      device.record(call).destroy();
      const kernels = [...counted(dispatches.take(), false), ...counted(atLoad, true)];
      return { variants, kernels };
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof InputError || message.startsWith('internal:')) throw error;
    throw new InputError(`kernels: ${message}`);
  }
}

function checkVariant({ op }: Case, variant: string, variants: readonly string[]): void {
  if (variants.includes(variant)) return;
  const there = variants.length === 0 ? 'its kernel has no variants' : `there are: ${variants.join(', ')}`;
  throw new InputError(`kernels: ${op} has no variant ${shown(variant)} for this case here; ${there}`);
}

/** Operands of a case with no content of their own. */
function emptyOperands(device: Device, { inputs }: Case, dtype: 'f32' | 'f16'): Record<string, Tensor> {
  const entries = Object.entries(inputs).map(([name, spec]): [string, Tensor] => {
    const type = spec.dtype === 'f32' && !spec.wide ? dtype : spec.dtype;
    return [name, Tensor.empty(device, spec.shape, type, name)];
  });
  return Object.fromEntries(entries);
}

function counted(kernels: readonly Kernel[], atLoad: boolean): Dispatched[] {
  const distinct = new Map<string, { kernel: Kernel; dispatches: number; atLoad: boolean }>();
  for (const kernel of kernels) {
    const key = `${kernel.label}\n${kernel.code}`;
    const known = distinct.get(key);
    if (known) known.dispatches++;
    else distinct.set(key, { kernel, dispatches: 1, atLoad });
  }
  return [...distinct.values()];
}
