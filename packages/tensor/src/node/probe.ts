// Which adapters the system has, asked in a process of its own: drivers that are of no use write to stderr when they are
// asked, and a broken one may end the process that asks.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import { onlyDriver } from './drivers.ts';

/** What an adapter says of itself. */
export type ProbedInfo = Pick<GPUAdapterInfo, 'vendor' | 'architecture' | 'device' | 'description'> & {
  readonly isFallbackAdapter: boolean;
};

/** What the process saw. */
export interface Probed {
  readonly adapters: readonly ProbedInfo[];
  /** Nothing was written to stderr. */
  readonly quiet: boolean;
}

const LONGEST_MS = 60_000;

// WebGPU does not list adapters, but answers to preferences.
const PROGRAM = `(async () => {
  const { webgpu, flags } = JSON.parse(process.env.MOVIEGEN_PROBE);
  const { create } = await import(webgpu);
  const gpu = create(flags);
  const found = [];
  for (const powerPreference of ['high-performance', 'low-power']) {
    const { info } = (await gpu.requestAdapter({ powerPreference })) ?? {};
    if (!info) continue;
    const { vendor, architecture, device, description, isFallbackAdapter = false } = info;
    found.push({ vendor, architecture, device, description, isFallbackAdapter });
  }
  (await import('node:fs')).writeSync(1, JSON.stringify(found));
  process.exit();
})();`;

/**
 * The system's adapters; undefined where no process can be started for that.
 * @param driver a manifest: those of this driver alone.
 */
export async function probe(flags: readonly string[], driver?: string): Promise<Probed | undefined> {
  // A program with Node inside it would start itself.
  if (!/^(node|bun|deno)(\.exe)?$/.test(basename(process.execPath))) return undefined;
  const webgpu = pathToFileURL(createRequire(import.meta.url).resolve('webgpu')).href;
  const drivers = driver === undefined ? {} : onlyDriver(driver);
  const MOVIEGEN_PROBE = JSON.stringify({ webgpu, flags });
  const env = { ...process.env, NODE_OPTIONS: '', ...drivers, MOVIEGEN_PROBE };
  const ended = await run(env).catch(() => undefined);
  if (ended === undefined) return undefined;
  const quiet = ended.stderr === '';
  try {
    return { adapters: JSON.parse(ended.stdout) as ProbedInfo[], quiet };
  } catch {
    return { adapters: [], quiet }; // a driver has ended the process
  }
}

/** Runs the program; it rejects where it cannot be started. */
function run(env: NodeJS.ProcessEnv): Promise<{ stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [process.versions.deno ? 'eval' : '-e', PROGRAM], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LONGEST_MS,
      killSignal: 'SIGKILL',
      windowsHide: true,
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      stdout += part;
    });
    child.stderr.setEncoding('utf8').on('data', (part: string) => {
      stderr += part;
    });
    child.on('error', reject).on('close', () => resolve({ stdout, stderr }));
  });
}
