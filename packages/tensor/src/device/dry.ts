// A device that allocates and computes nothing, but counts. A program runs on it to find out how much it would hold and
// dispatch, so that no separate estimate can become wrong. Results read from it are zeros.
import type { Kernel, SubgroupMatrixConfig } from '@moviegen/kernels';
import type { Limits } from '../gpu/adapter.ts';
import type { Choice } from '../tuning/tuner.ts';
import { Device } from './device.ts';

/** The device to imitate, and who hears what would happen on it. */
export interface DryOptions {
  /** The device whose limits and features are imitated. Default: a large GPU. */
  readonly like?: Device | undefined;
  /** Limits that replace those of `like`. */
  readonly limits?: Limits | undefined;
  /** Called for every dispatch, and once for each in a recording, with the kernel and the bytes of its bindings. */
  readonly onDispatch?: ((kernel: Kernel, bytes: number) => void) | undefined;
  /** Called for every use of a kernel with variants. */
  readonly onChoice?: ((choice: Choice) => void) | undefined;
  /** Called with the size of every buffer that would be made. */
  readonly onBuffer?: ((bytes: number) => void) | undefined;
}

/** The limits of a large NVIDIA GPU through Vulkan, as far as kernels depend on them. */
const LARGE = {
  maxBufferSize: 0xffe00000,
  maxStorageBufferBindingSize: 2 ** 31 - 4,
  maxStorageBuffersPerShaderStage: 16,
  maxComputeWorkgroupsPerDimension: 65535,
  maxComputeInvocationsPerWorkgroup: 1024,
  maxComputeWorkgroupStorageSize: 49152,
  minStorageBufferOffsetAlignment: 256,
};
const MATRIX: SubgroupMatrixConfig = {
  componentType: 'f16',
  resultComponentType: 'f32',
  M: 16,
  N: 16,
  K: 16,
};

/** The most milliseconds for which waits for the device may block timers and other tasks. */
const WAIT = 50;

/** A device that only counts: its `memory()` is the memory that the same work would hold on a real one. */
export function dryDevice({ like, limits, onDispatch, onChoice, onBuffer }: DryOptions = {}): Device {
  const target = like?.target;
  const features = like
    ? [...like.features].filter((name) => name !== 'timestamp-query')
    : ['shader-f16', 'subgroups', 'chromium-experimental-subgroup-matrix'];
  const [subgroupMinSize, subgroupMaxSize] = target?.subgroupSize ?? [32, 32];
  const { vendor, architecture, device, description, software } = like?.info ?? {
    vendor: '',
    architecture: '',
    device: '',
    description: 'a large GPU, supposed',
    software: false,
  };
  const adapter = {
    info: {
      vendor,
      architecture,
      device,
      description,
      subgroupMinSize,
      subgroupMaxSize,
      isFallbackAdapter: software,
      subgroupMatrixConfigs: target?.subgroupMatrix ?? [MATRIX],
    },
  };
  const gpu = gpuOfNothing(new Set(features), { ...(like?.limits ?? LARGE), ...limits }, onBuffer);
  return Device.over(adapter as unknown as GPUAdapter, gpu, {
    ...(onDispatch && { onDispatch }),
    ...(onChoice && { onChoice }),
  });
}

/** The part of a GPUDevice that `Device` uses, over buffers that have sizes only. */
function gpuOfNothing(
  features: ReadonlySet<string>,
  limits: object,
  onBuffer: DryOptions['onBuffer'],
): GPUDevice {
  let end: (info: { reason: string; message: string }) => void;
  const lost = new Promise((resolve) => {
    end = resolve;
  });
  const nothing = (): void => {};
  let heard = performance.now();
  /** Resolves after timers, signals and reports of progress had their turn. */
  const later = async (): Promise<void> => {
    if (performance.now() - heard < WAIT) return;
    await new Promise((resolve) => setTimeout(resolve));
    heard = performance.now();
  };
  const pass = {
    setPipeline: nothing,
    setBindGroup: nothing,
    dispatchWorkgroups: nothing,
    end: nothing,
  };
  const commands = {
    beginComputePass: () => pass,
    clearBuffer: nothing,
    copyBufferToBuffer: nothing,
    finish: () => ({}),
  };
  const gpu = {
    features,
    limits,
    lost,
    queue: { submit: nothing, writeBuffer: nothing, onSubmittedWorkDone: later },
    createBuffer: ({ size }: { readonly size: number }) => {
      onBuffer?.(size);
      return {
        size,
        destroy: nothing,
        unmap: nothing,
        mapAsync: later,
        getMappedRange: (_: number, bytes: number) => new ArrayBuffer(bytes),
      };
    },
    createShaderModule: () => ({ getCompilationInfo: async () => ({ messages: [] }) }),
    createComputePipeline: () => ({}),
    createComputePipelineAsync: async () => ({}),
    createBindGroupLayout: () => ({}),
    createPipelineLayout: () => ({}),
    createBindGroup: () => ({}),
    createCommandEncoder: () => commands,
    pushErrorScope: nothing,
    popErrorScope: async () => null,
    destroy: () => end({ reason: 'destroyed', message: 'dry' }),
  };
  return gpu as unknown as GPUDevice;
}
