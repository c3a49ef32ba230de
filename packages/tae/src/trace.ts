// What the autoencoder shows of its inside while it runs, for parity tests and for the curious.

import { permute, scope, type Tensor } from '@moviegen/tensor';

/**
 * Is given intermediates under the names of the checkpoint's modules, as [B, C, T, H, W]. A tensor lives only
 * until the call returns: read it there (`value.read()` may be awaited later).
 */
export type Trace = (name: string, value: Tensor) => void;

/** Shows one intermediate, channels last. It is a function, so that what is fused away is computed only where asked for. */
export type Note = (name: string, value: () => Tensor) => void;

/** A note that shows values in PyTorch's shape; does nothing without a trace. */
export function noteTo(trace: Trace | undefined): Note {
  if (trace === undefined) return () => {};
  return (name, value) => {
    const shown = value(); // [B, T, H, W, C]
    scope(shown.device, () => trace(name, channelsFirst(shown)));
  };
}

/** [B, T, H, W, C] to [B, C, T, H, W]. */
export const channelsFirst = (x: Tensor): Tensor => permute(x, [0, 4, 1, 2, 3]);

/** [B, C, T, H, W] to [B, T, H, W, C]: the layout of all that is computed here. */
export const channelsLast = (x: Tensor): Tensor => permute(x, [0, 2, 3, 4, 1]);
