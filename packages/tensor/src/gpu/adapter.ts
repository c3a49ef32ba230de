// What an adapter is and can do, read once into plain records. The only GPU object made here is the device.
import type { SubgroupMatrixConfig, Target } from '@moviegen/kernels';
import { NoAdapterError } from './errors.ts';
import type { Host } from './host.ts';

/** Names by which an adapter describes itself; empty where it does not say. */
export interface AdapterInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** It runs on the CPU. */
  readonly software: boolean;
}

/** Dawn's addition to `GPUAdapterInfo`. */
interface WithMatrices {
  readonly subgroupMatrixConfigs?: readonly SubgroupMatrixConfig[];
  readonly isFallbackAdapter?: boolean;
}

type AdapterNames = Pick<GPUAdapterInfo, 'vendor' | 'architecture' | 'device' | 'description'> &
  Pick<WithMatrices, 'isFallbackAdapter'>;

const SUBGROUP_MATRIX = 'chromium-experimental-subgroup-matrix';
const WANTED = ['shader-f16', 'subgroups', 'timestamp-query', SUBGROUP_MATRIX];

/** The adapter's names, and whether it is a software rasterizer. */
export function describeAdapter(adapter: { readonly info: AdapterNames }): AdapterInfo {
  const { info } = adapter;
  const { vendor, architecture, device, description } = info;
  const software =
    info.isFallbackAdapter === true ||
    /swiftshader|llvmpipe|lavapipe|softpipe|basic render/i.test(`${architecture} ${device} ${description}`);
  return { vendor, architecture, device, description, software };
}

/** The adapter given; otherwise one of the `gpu` given, or of this browser. @throws NoAdapterError */
export async function findAdapter(
  given: { readonly adapter?: GPUAdapter; readonly gpu?: GPU },
  host: Host,
): Promise<GPUAdapter> {
  if (given.adapter) return given.adapter;
  const gpu = given.gpu ?? globalThis.navigator?.gpu;
  if (!gpu)
    throw new NoAdapterError('device: no WebGPU here; in Node use openDevice of @moviegen/tensor/node');
  const adapter = await host.poll(() => gpu.requestAdapter({ powerPreference: 'high-performance' }));
  if (adapter) return adapter;
  throw new NoAdapterError('device: this system has WebGPU, but no adapter for it');
}

/** Limits by name, as WebGPU spells them. */
export type Limits = Readonly<Partial<Record<keyof GPUSupportedLimits, number>>>;

/** A device with the limits given, otherwise its adapter's, and every feature that kernels can use. */
export async function requestDevice(
  adapter: GPUAdapter,
  label: string,
  limits: Limits = {},
): Promise<GPUDevice> {
  const requiredLimits: Record<string, number> = {};
  for (const name in adapter.limits) {
    const value = adapter.limits[name as keyof GPUSupportedLimits];
    if (typeof value === 'number') requiredLimits[name] = value;
  }
  Object.assign(requiredLimits, limits);
  const requiredFeatures = WANTED.filter((name) => adapter.features.has(name)) as GPUFeatureName[];
  try {
    return await adapter.requestDevice({ label, requiredFeatures, requiredLimits });
  } catch (error) {
    const { vendor, architecture, description } = describeAdapter(adapter);
    const text = error instanceof Error ? error.message : String(error);
    throw new NoAdapterError(`device: ${vendor} ${architecture} (${description}) did not open: ${text}`);
  }
}

/** The limits to keep: the device's, or lower ones that were asked for and that WebGPU raised to its defaults. */
export function limitsOf(gpu: GPUDevice, asked: Limits = {}): GPUSupportedLimits {
  const limits: Record<string, number> = {};
  for (const name in gpu.limits) {
    const value = gpu.limits[name as keyof GPUSupportedLimits];
    if (typeof value === 'number') limits[name] = value;
  }
  return { ...limits, ...asked } as unknown as GPUSupportedLimits;
}

/** What kernels may count on with this device. */
export function targetOf(adapter: GPUAdapter, gpu: GPUDevice): Target {
  const info: GPUAdapterInfo & WithMatrices = adapter.info;
  const subgroups = gpu.features.has('subgroups');
  const matrices = gpu.features.has(SUBGROUP_MATRIX as GPUFeatureName) ? info.subgroupMatrixConfigs : [];
  return {
    f16: gpu.features.has('shader-f16'),
    subgroups,
    subgroupSize: subgroups ? [info.subgroupMinSize ?? 4, info.subgroupMaxSize ?? 128] : [0, 0],
    subgroupMatrix: (matrices ?? []).map(({ componentType, resultComponentType, M, N, K }) => ({
      componentType,
      resultComponentType,
      M,
      N,
      K,
    })),
    maxWorkgroupSize: gpu.limits.maxComputeInvocationsPerWorkgroup,
    maxWorkgroupStorage: gpu.limits.maxComputeWorkgroupStorageSize,
    software: describeAdapter(adapter).software,
  };
}
