// The ways in which a device fails that a caller may want to distinguish.

/** No adapter fits the request. The message lists the adapters that exist, or says what to install. */
export class NoAdapterError extends Error {
  override readonly name = 'NoAdapterError';
}

/** The GPU went away (or {@link Device.destroy} was called): tensors are gone, open a new device. */
export class DeviceLostError extends Error {
  override readonly name = 'DeviceLostError';
  /** `destroyed` after `device.destroy()`, else `unknown`. */
  readonly reason: string;
  constructor(reason: string, message: string) {
    super(`device: lost (${reason}): ${message}`);
    this.reason = reason;
  }
}

/** The adapter, or the budget given as `memoryLimit`, has no room for a buffer. */
export class OutOfMemoryError extends Error {
  override readonly name = 'OutOfMemoryError';
  /** Bytes of the buffer that found no room. */
  readonly bytes: number;
  constructor(bytes: number, message: string) {
    super(message);
    this.bytes = bytes;
  }
}

/** A kernel's WGSL was refused. The message names the kernel and shows the lines at fault. */
export class ShaderError extends Error {
  override readonly name = 'ShaderError';
  /** Label of the kernel. */
  readonly kernel: string;
  constructor(kernel: string, message: string) {
    super(message);
    this.kernel = kernel;
  }
}
