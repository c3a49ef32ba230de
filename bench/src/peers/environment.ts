// Gives the peers the same adapter, toggles and event-loop tick as our own device. Libraries expect a browser's
// `navigator.gpu`; here it is made from the adapter that was found.
import type { FoundAdapter } from '@moviegen/tensor/node';
import { globals } from 'webgpu';

type Method = (...args: unknown[]) => unknown;
type Prototype = Record<string, Method>;

/** WebGPU methods that return promises, which Dawn resolves only while somebody polls. */
const PROMISES: Readonly<Record<string, readonly string[]>> = {
  GPUAdapter: ['requestDevice'],
  GPUDevice: ['createComputePipelineAsync', 'createRenderPipelineAsync', 'popErrorScope'],
  GPUQueue: ['onSubmittedWorkDone'],
  GPUBuffer: ['mapAsync'],
  GPUShaderModule: ['getCompilationInfo'],
};

/** Gives this process a `navigator.gpu` with the found adapter, and WebGPU's promises the tick of our own device. */
export function surround(found: FoundAdapter): void {
  Object.assign(globalThis, globals);
  const classes = globals as Record<string, { readonly prototype: Prototype }>;
  for (const [name, methods] of Object.entries(PROMISES)) {
    for (const method of methods) wrap(classes[name]!.prototype, method, found);
  }
  acceptSharedMemory(classes.GPUQueue!.prototype);
  const gpu = {
    requestAdapter: () => found.again(),
    getPreferredCanvasFormat: () => 'rgba8unorm',
    wgslLanguageFeatures: new Set<string>(),
  };
  Object.defineProperty(globalThis, 'navigator', {
    value: { gpu, userAgent: 'Node', hardwareConcurrency: 1 },
    configurable: true,
    writable: true,
  });
}

function wrap(prototype: Prototype, name: string, { host }: FoundAdapter): void {
  const method = prototype[name]!;
  prototype[name] = function (this: unknown, ...args) {
    return host.poll(() => method.apply(this, args) as Promise<unknown>);
  };
}

/** Copies views of shared memory, such as the memory of WebAssembly with threads: Dawn's binding refuses them. */
function acceptSharedMemory(queue: Prototype): void {
  const { writeBuffer } = queue;
  queue.writeBuffer = function (this: unknown, ...args) {
    const [buffer, offset, data, start = 0, ...rest] = args;
    const shared = ArrayBuffer.isView(data) && data.buffer instanceof SharedArrayBuffer;
    const bytes = shared ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice() : data;
    return writeBuffer!.apply(this, [buffer, offset, bytes, start, ...rest]);
  };
}
