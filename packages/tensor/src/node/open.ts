// Opens a device in Node: on the system's GPU where there is one, otherwise on SwiftShader. Browsers open theirs with
// `Device.create`.
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { Device } from '../device/device.ts';
import { describeAdapter } from '../gpu/adapter.ts';
import { NoAdapterError } from '../gpu/errors.ts';
import type { Host } from '../gpu/host.ts';
import type { DeviceOptions } from '../gpu/options.ts';
import { TUNE_MODES, type TuneMode } from '../tuning/tuner.ts';
import { pollingHost } from './polling.ts';
import { loadVulkan, unpackSwiftShader } from './swiftshader.ts';
import { fileStore } from './tuneFile.ts';

/** How to open a device in Node. */
export interface OpenOptions extends Omit<DeviceOptions, 'gpu' | 'adapter' | 'host'> {
  /**
   * Part of the adapter's vendor, architecture, device or description. Default: the environment's
   * `MOVIEGEN_ADAPTER`; without it the system's GPU, otherwise SwiftShader.
   */
  readonly adapter?: string;
  /** An adapter of {@link findAdapter}, instead of a name. */
  readonly found?: FoundAdapter;
  /** Omits the bounds checks that Dawn adds to kernels. Only for measuring what the checks cost. */
  readonly unchecked?: boolean;
}

/** An adapter that could be opened. */
export interface FoundAdapter {
  /** Asks for the same adapter once more, with the same toggles: one adapter gives one device. */
  again(): Promise<GPUAdapter | null>;
  readonly adapter: GPUAdapter;
  readonly host: Host;
  /** The adapter's full description, in one line. */
  readonly name: string;
}

/** One origin of adapters: the system, or a driver that we bring along. */
export interface AdapterOrigin {
  /** True for the driver that we bring along: its software adapter is taken without being named. */
  readonly ours: boolean;
  adapters(): Promise<readonly FoundAdapter[]>;
}

/** The binding's own objects must outlive every device made with them. */
const instances: GPU[] = [];

/**
 * Opens a device.
 * @throws NoAdapterError where none fits. The message lists the adapters that exist, or says what to install.
 */
export async function openDevice(options: OpenOptions = {}): Promise<Device> {
  const { adapter: named, found, unchecked, tune = tuneMode(process.env.MOVIEGEN_TUNE), ...rest } = options;
  const { adapter, host } = found ?? (await findAdapter(named, unchecked));
  return Device.create({ tuneStore: fileStore(), ...rest, adapter, host, tune });
}

/** The mode that `MOVIEGEN_TUNE` asks for. */
function tuneMode(asked = 'cached'): TuneMode {
  const mode = TUNE_MODES.find((name) => name === asked);
  if (mode) return mode;
  throw new Error(`device: MOVIEGEN_TUNE is "${asked}"; expected ${TUNE_MODES.join(', ')}`);
}

/**
 * The adapter that {@link openDevice} takes, for programs that also run other WebGPU libraries on it.
 * @throws NoAdapterError as `openDevice` does.
 */
export async function findAdapter(
  named = process.env.MOVIEGEN_ADAPTER,
  unchecked = false,
): Promise<FoundAdapter> {
  const dawn = await importDawn();
  const create = (flags: string[]) => dawn(flags.map((flag) => (unchecked ? withoutChecks(flag) : flag)));
  return choose(
    [
      { ours: false, adapters: () => systemAdapters(create) },
      { ours: true, adapters: () => swiftShader(create) },
    ],
    named,
  );
}

/**
 * The first adapter whose name contains `named`; without a name the first GPU, then our own software adapter.
 * Other software adapters must be named. @throws NoAdapterError that lists all.
 */
export async function choose(origins: readonly AdapterOrigin[], named?: string): Promise<FoundAdapter> {
  const wanted = named?.toLowerCase();
  const seen: string[] = [];
  for (const { ours, adapters } of origins) {
    for (const found of await adapters()) {
      seen.push(found.name);
      const preferred = ours || !describeAdapter(found.adapter).software;
      if (wanted ? found.name.toLowerCase().includes(wanted) : preferred) return found;
    }
  }
  throw new NoAdapterError(`device: no adapter is named "${named}"; there are: ${seen.join(', ') || 'none'}`);
}

type Create = (flags: string[]) => GPU;

async function importDawn(): Promise<Create> {
  try {
    return (await import('webgpu')).create;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new NoAdapterError(`device: WebGPU for Node is missing: npm install webgpu (${text})`);
  }
}

// The toggles: 16-bit floats on NVIDIA need one, subgroup matrices need "unsafe", and timestamps come in
// steps of 0.1 ms without the last.
const FLAGS = [
  'enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia',
  'disable-dawn-features=timestamp_quantization',
];

const withoutChecks = (flag: string): string =>
  flag.startsWith('enable-dawn-features=') ? `${flag},disable_robustness` : flag;

async function systemAdapters(create: Create): Promise<FoundAdapter[]> {
  if (process.platform === 'linux' && !hasVulkanDriver()) return [];
  return request(create, FLAGS);
}

async function swiftShader(create: Create): Promise<FoundAdapter[]> {
  const { manifest, loader } = await unpackSwiftShader();
  const before = {
    VK_DRIVER_FILES: process.env.VK_DRIVER_FILES,
    VK_ICD_FILENAMES: process.env.VK_ICD_FILENAMES,
  };
  Object.assign(process.env, { VK_DRIVER_FILES: manifest, VK_ICD_FILENAMES: manifest });
  try {
    loadVulkan(loader);
    return await request(create, ['backend=vulkan', ...FLAGS]);
  } finally {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

/** The adapters that an instance offers: WebGPU does not list them, but answers to preferences. */
async function request(create: Create, flags: string[]): Promise<FoundAdapter[]> {
  const gpu = create(flags);
  instances.push(gpu);
  const probe = pollingHost(0);
  const found = new Map<string, FoundAdapter>();
  for (const powerPreference of ['high-performance', 'low-power'] as const) {
    const adapter = await probe.poll(() => gpu.requestAdapter({ powerPreference }));
    if (!adapter) continue;
    const { vendor, architecture, device, description, software } = describeAdapter(adapter);
    const name = [vendor, architecture, device, description].filter((part) => part !== '').join(' ');
    if (found.has(name)) continue;
    // A GPU answers within microseconds; on a software adapter, spinning would take a core from the work itself.
    const host = pollingHost(software ? 0.1 : 4);
    const again = () => host.poll(() => gpu.requestAdapter({ powerPreference }));
    found.set(name, { adapter, name, host, again });
  }
  return [...found.values()];
}

/** Whether the Vulkan loader would find a driver: without one, asking only makes Dawn complain. */
function hasVulkanDriver(): boolean {
  const {
    VK_DRIVER_FILES,
    VK_ICD_FILENAMES,
    VK_ADD_DRIVER_FILES,
    XDG_DATA_DIRS,
    XDG_DATA_HOME,
    XDG_CONFIG_DIRS,
    HOME,
  } = process.env;
  if (VK_DRIVER_FILES || VK_ICD_FILENAMES || VK_ADD_DRIVER_FILES) return true;
  const lists = [
    XDG_CONFIG_DIRS || '/etc/xdg',
    '/etc',
    XDG_DATA_DIRS || '/usr/local/share:/usr/share',
    XDG_DATA_HOME,
  ];
  const folders = lists.flatMap((list) => list?.split(delimiter) ?? []);
  if (HOME) folders.push(join(HOME, '.local/share'));
  return folders.some((folder) => {
    const icds = join(folder, 'vulkan', 'icd.d');
    return existsSync(icds) && readdirSync(icds).some((name) => name.endsWith('.json'));
  });
}
