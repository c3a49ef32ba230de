// A device that allocates and computes nothing, and counts: what a program would hold and dispatch is learnt by running
// the program itself, so that no estimate of ours can drift from it. Results read from it are zeros.
import type { Kernel, SubgroupMatrixConfig } from '@moviegen/kernels';
import type { Limits } from '../gpu/adapter.ts';
import type { Choice } from '../tuning/tuner.ts';
import { Device } from './device.ts';

/** What the device pretends to be. */
export interface DryOptions {
  /** Limits and features of this device. Default: those that a large GPU has. */
  readonly like?: Device | undefined;
  /** Lower or higher limits than those. */
  readonly limits?: Limits | undefined;
  /** Told of every dispatch, and of each once in a recording: the kernel, and the bytes that it names. */
  readonly onDispatch?: ((kernel: Kernel, bytes: number) => void) | undefined;
  /** Told of every use of a kernel that has variants. */
  readonly onChoice?: ((choice: Choice) => void) | undefined;
  /** Told the size of every buffer that would be made. */
  readonly onBuffer?: ((bytes: number) => void) | undefined;
}

/** Limits of a large GPU: those of NVIDIA's through Vulkan that kernels depend on. */
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

/** Milliseconds for which waiting for the device may keep everything else waiting. */
const WAIT = 50;

/** Opens a device that only counts; its `memory()` is what the same work would hold on a real one. */
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
  /** A wait for a device lets timers, signals and progress through. */
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
