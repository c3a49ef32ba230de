// Which variant of a kernel a device chooses for a case. The tuner's tables take precedence over the kernels' own order.
import type { Case } from '@moviegen/kernels';
import type { Device, Tensor } from '@moviegen/tensor';
import { caseVariants } from '@moviegen/tensor/checks';

/** The one of `variants` that the labels of dispatched kernels name. */
export function namedIn(labels: readonly string[], variants: readonly string[]): string | undefined {
  const named = variants.filter((variant) => labels.some((label) => ` ${label} `.includes(` ${variant} `)));
  return named.sort((a, b) => b.length - a.length)[0]; // `tiles 8x8` before `8x8`
}

/**
 * The variant that runs if none is asked for. If tuning is on, it is measured here.
 * @param dispatched labels of the kernels dispatched since the last call; without it, the first variant is taken for it
 */
export async function chosenVariant(
  device: Device,
  item: Case,
  dtype: 'f32' | 'f16',
  call: () => Tensor,
  dispatched: (() => readonly string[]) | undefined,
): Promise<string | undefined> {
  const variants = caseVariants(device, item, dtype);
  if (variants.length < 2 || !dispatched) return variants[0];
  await device.warmUp(call);
  dispatched();
  device.record(call).destroy();
  return namedIn(dispatched(), variants) ?? variants[0];
}
