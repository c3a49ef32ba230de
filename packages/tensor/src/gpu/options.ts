// What may be said when a device is opened.
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
  /** Bytes that all buffers together may reach. Default: what the adapter has. */
  readonly memoryLimit?: number;
  /** Bounds of one submit, so that no watchdog ends a long one. */
  readonly submit?: Partial<SubmitBounds>;
  /** Workgroups a dimension before a dispatch is folded. Default: the adapter's limit. */
  readonly maxWorkgroups?: number;
  /** Limits lower than the adapter's, to try how code fares on a smaller one; also lower than WebGPU's defaults. */
  readonly limits?: Limits;
  /** Told of every dispatch, and of each once in a recording: the kernel, and the bytes that it names. */
  readonly onDispatch?: (kernel: Kernel, bytes: number) => void;
  /** Told of every use of a kernel that has variants. */
  readonly onChoice?: (choice: Choice) => void;
  /** How promises get to resolve. The Node entry sets it. */
  readonly host?: Host;
  /** How variants of kernels are chosen. Default `cached`: measured before, or by the kernels' own order. */
  readonly tune?: TuneMode;
  /** Where measured tables are kept. The Node entry sets it. */
  readonly tuneStore?: TuneStore;
}
