// What differs between the places where a device lives. In a browser promises of WebGPU resolve by
// themselves; Dawn in Node must be polled, which src/node/ does.

/** The surroundings of a device. */
export interface Host {
  /** Starts an asynchronous WebGPU call and makes sure that its promise resolves. */
  poll<T>(start: () => Promise<T>): Promise<T>;
}

/** A browser. */
export const browser: Host = { poll: (start) => start() };
