// Opens a device in Node: on the system's GPU where there is one, otherwise on SwiftShader. Browsers open theirs with
// `Device.create`.
import { tmpdir } from 'node:os';
import { isMainThread } from 'node:worker_threads';
import { Device } from '../device/device.ts';
import { describeAdapter } from '../gpu/adapter.ts';
import { NoAdapterError } from '../gpu/errors.ts';
import type { Host } from '../gpu/host.ts';
import type { DeviceOptions } from '../gpu/options.ts';
import { TUNE_MODES, type TuneMode } from '../tuning/tuner.ts';
import { onlyDriver, vulkanDrivers } from './drivers.ts';
import { pollingHost } from './polling.ts';
import { type ProbedInfo, probe } from './probe.ts';
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

/** An adapter that there is, not opened yet. */
export interface Listed {
  readonly name: string;
  /** It runs on the CPU. */
  readonly software: boolean;
  open(): Promise<FoundAdapter>;
}

/** One origin of adapters: the system, or a driver that we bring along. */
export interface AdapterOrigin {
  /** True for the driver that we bring along: its software adapter is taken without being named. */
  readonly ours: boolean;
  adapters(): Promise<readonly Listed[]>;
}

/** The binding's own objects must outlive every device made with them. */
const instances: GPU[] = [];

/**
 * Opens a device, in a worker thread too. A worker must not end while its device works, by `terminate()` or
 * `process.exit()`: Dawn's binding then aborts the whole process. Ask the worker to stop, wait for what it awaits, and
 * let it destroy the device.
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
    for (const { name, software, open } of await adapters()) {
      seen.push(name);
      if (wanted ? name.toLowerCase().includes(wanted) : ours || !software) return open();
    }
  }
  const problem = wanted ? `no adapter is named "${named}"` : 'no adapter was found';
  const advice = isMainThread
    ? ''
    : '; in a worker thread, start it with new Worker(file, { env: SHARE_ENV })';
  throw new NoAdapterError(`device: ${problem}; there are: ${seen.join(', ') || `none${advice}`}`);
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

/** The system's adapters by name. Where drivers may write to stderr, a process of its own asks them. */
async function systemAdapters(create: Create): Promise<Listed[]> {
  const linux = process.platform === 'linux';
  const drivers = vulkanDrivers();
  if (linux && drivers.length === 0) return [];
  probed ??= linux ? probe(FLAGS) : Promise.resolve(undefined);
  const seen = await probed;
  if (!seen) return (await request(create, FLAGS)).map(listed);
  const names = new Map(seen.adapters.map((info) => [nameOf(info), describeAdapter({ info }).software]));
  const open = (name: string) => openSystem(create, name, seen.quiet ? [] : drivers);
  return [...names].map(([name, software]) => ({ name, software, open: () => open(name) }));
}

let probed: ReturnType<typeof probe> | undefined;

/** Opens an adapter by its name. @param drivers where they write to stderr: only the one that has the adapter is asked. */
async function openSystem(create: Create, name: string, drivers: readonly string[]): Promise<FoundAdapter> {
  const seen = await Promise.all(drivers.map((driver) => probe(FLAGS, driver)));
  const driver = drivers.find((_, i) => seen[i]?.adapters.some((info) => nameOf(info) === name));
  // Mesa complains where Wayland has no folder for its sockets, though nothing is shown here.
  const XDG_RUNTIME_DIR = process.env.XDG_RUNTIME_DIR || tmpdir();
  const variables = { XDG_RUNTIME_DIR, ...(driver === undefined ? {} : onlyDriver(driver)) };
  const all = await withEnvironment(variables, () => request(create, FLAGS));
  const found = all.find((each) => each.name === name);
  if (found) return found;
  throw new NoAdapterError(
    `device: the system has ${name}, but this process, which has ${all[0]?.name ?? 'no adapter'}, does not reach it: ` +
      'open it before any other adapter',
  );
}

/**
 * SwiftShader. Where the system has adapters too, the process shall be able to use both, through a Vulkan loader. It may also
 * have a loader already: FFmpeg brings the system's. Environment variables tell a loader what to load, and only Node's main
 * thread can set them for native code.
 */
async function swiftShader(create: Create): Promise<Listed[]> {
  const { manifest, loader, standIn } = await unpackSwiftShader();
  const flags = ['backend=vulkan', ...FLAGS];
  const both = ((await probed)?.adapters.length ?? 0) > 0 && isMainThread && !process.versions.bun;
  loadVulkan(both ? loader : standIn);
  return (await withEnvironment(onlyDriver(manifest), () => request(create, flags))).map(listed);
}

/** Awaits `work` while the environment has these variables. */
async function withEnvironment<T>(variables: Record<string, string>, work: () => Promise<T>): Promise<T> {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, variables);
  try {
    return await work();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

const nameOf = ({ vendor, architecture, device, description }: ProbedInfo): string =>
  [vendor, architecture, device, description].filter((part) => part !== '').join(' ');

const listed = (found: FoundAdapter): Listed => ({
  name: found.name,
  software: describeAdapter(found.adapter).software,
  open: async () => found,
});

/** The adapters that an instance offers: WebGPU does not list them, but answers to preferences. */
async function request(create: Create, flags: string[]): Promise<FoundAdapter[]> {
  const gpu = create(flags);
  instances.push(gpu);
  const waiting = pollingHost(0);
  const found = new Map<string, FoundAdapter>();
  for (const powerPreference of ['high-performance', 'low-power'] as const) {
    const adapter = await waiting.poll(() => gpu.requestAdapter({ powerPreference }));
    if (!adapter) continue;
    const name = nameOf(adapter.info);
    if (found.has(name)) continue;
    // A GPU answers within microseconds; on a software adapter, spinning would take a core from the work itself.
    const host = pollingHost(describeAdapter(adapter).software ? 0.1 : 4);
    const again = () => host.poll(() => gpu.requestAdapter({ powerPreference }));
    found.set(name, { adapter, name, host, again });
  }
  return [...found.values()];
}
