// The options of opening a device: only their types. device/device.ts uses them.
import type { Kernel } from '@moviegen/kernels';
import type { Choice, TuneMode, TuneStore } from '../tuning/tuner.ts';
import type { Limits } from './adapter.ts';
import type { SubmitBounds } from './commands.ts';
import type { Host } from './host.ts';

/** How to open a device. Give `gpu` (in a browser `navigator.gpu`, the default) or an `adapter`. */
export interface DeviceOptions {
  readonly gpu?: GPU;
  readonly adapter?: GPUAdapter;
  /** Name of the device in WebGPU's messages. */
  readonly label?: string;
  /** The most bytes that all buffers together may have. Default: no limit but the adapter's memory. */
  readonly memoryLimit?: number;
  /** Bounds of one submit, so that no watchdog ends a long one. */
  readonly submit?: Partial<SubmitBounds>;
  /** Workgroups per dimension above which a dispatch is folded. Default: the adapter's limit. */
  readonly maxWorkgroups?: number;
  /** Limits lower than the adapter's, to try code as on a smaller one. They may be lower than WebGPU's defaults. */
  readonly limits?: Limits;
  /** Called for every dispatch, and once for each in a recording, with the kernel and the bytes of its bindings. */
  readonly onDispatch?: (kernel: Kernel, bytes: number) => void;
  /** Called for every use of a kernel with variants. */
  readonly onChoice?: (choice: Choice) => void;
  /** Makes WebGPU's promises resolve. The Node entry sets it. */
  readonly host?: Host;
  /** How variants are chosen. Default `cached`: by an earlier measurement, otherwise by the kernels' own order. */
  readonly tune?: TuneMode;
  /** Where measured tables are kept. The Node entry sets it. */
  readonly tuneStore?: TuneStore;
}
