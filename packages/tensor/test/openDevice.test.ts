// Opening a device in Node: the choice of adapter, and processes that start from nothing and end by themselves.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { NoAdapterError } from '@moviegen/tensor';
import { openDevice } from '@moviegen/tensor/node';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { choose, type FoundAdapter } from '../src/node/open.ts';

const here = dirname(fileURLToPath(import.meta.url));
const temporary = mkdtempSync(join(tmpdir(), 'moviegen-test-'));
const built = join(here, '..', 'out', `child-${process.pid}`); // where node_modules can be found

/** Bundles child.ts, so that Node runs it without a build. `missing` is imported under a name nobody has. */
async function bundle(file: string, missing?: string): Promise<string> {
  const build = await rolldown({
    input: join(here, 'child.ts'),
    platform: 'node',
    external: (id) => id !== missing && /^(webgpu|@sparticuz\/chromium)$/.test(id),
    resolve: { conditionNames: ['@moviegen/source', 'node', 'import'] },
    plugins: [
      {
        name: 'missing',
        resolveId: (id) => (id === missing ? { id: `${id}-not-installed`, external: true } : undefined),
      },
    ],
  });
  const path = join(built, file);
  await build.write({ file: path, format: 'esm', codeSplitting: false });
  return path;
}

interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a script with an environment of only `env` and what Node needs. */
function run(script: string, env: NodeJS.ProcessEnv): Promise<Ended> {
  const { PATH } = process.env;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script], { env: { PATH, ...env }, timeout: 60_000 });
    let out = '';
    let err = '';
    child.stdout.on('data', (data) => (out += data));
    child.stderr.on('data', (data) => (err += data));
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, out, err }));
  });
}

let script = '';
beforeAll(async () => {
  script = await bundle('child.mjs');
});
afterAll(() => {
  rmSync(temporary, { recursive: true, force: true });
  rmSync(built, { recursive: true, force: true });
});

describe('a process on its own', () => {
  const good = { adapter: 'swiftshader', product: [7, 10, 15, 22], untouched: true };

  test('unpacks SwiftShader where no home can be written, and ends by itself', async () => {
    const TMPDIR = mkdtempSync(join(temporary, 'no-home-'));
    const env = { TMPDIR, HOME: '/dev/null', MOVIEGEN_ADAPTER: 'swiftshader' };
    const both = await Promise.all([run(script, env), run(script, env)]); // at the same time
    for (const { status, out, err } of both) {
      expect({ status, err }).toEqual({ status: 0, err: '' });
      expect(JSON.parse(out)).toEqual(good);
    }
    expect(readdirSync(join(TMPDIR, `moviegen-${process.getuid!()}`))).toHaveLength(1); // no drafts are left
    expect(await run(script, env)).toMatchObject({ status: 0 }); // and what is there is used
  });

  test.each(['', undefined])('works with HOME=%s', async (HOME) => {
    const env = {
      TMPDIR: mkdtempSync(join(temporary, 'home-')),
      XDG_CACHE_HOME: '',
      MOVIEGEN_ADAPTER: 'swiftshader',
    };
    const { status, out, err } = await run(script, HOME === undefined ? env : { ...env, HOME });
    expect({ status, err }).toEqual({ status: 0, err: '' });
    expect(JSON.parse(out)).toEqual(good);
  });

  test('mends a cache that lacks a file', async () => {
    const XDG_CACHE_HOME = mkdtempSync(join(temporary, 'cache-'));
    const env = { XDG_CACHE_HOME, MOVIEGEN_ADAPTER: 'swiftshader' };
    expect(await run(script, env)).toMatchObject({ status: 0 });
    const [folder] = readdirSync(join(XDG_CACHE_HOME, 'moviegen'));
    const driver = join(XDG_CACHE_HOME, 'moviegen', folder!, 'libvk_swiftshader.so');
    rmSync(driver);
    expect(await run(script, env)).toMatchObject({ status: 0, err: '' });
    expect(existsSync(driver)).toBe(true);
  });

  test('works where a Vulkan loader is there already', async () => {
    const env = { XDG_CACHE_HOME: temporary, MOVIEGEN_ADAPTER: 'swiftshader', TEST_LOADER_FIRST: 'yes' };
    const { status, out, err } = await run(script, env);
    expect({ status, err }).toEqual({ status: 0, err: '' });
    expect(JSON.parse(out)).toEqual(good);
  });

  test('names the adapters there are, or the package that is missing', async () => {
    const env = { XDG_CACHE_HOME: temporary, MOVIEGEN_ADAPTER: 'voodoo' };
    const unnamed = await run(script, env);
    expect(unnamed.status).toBe(1);
    expect(unnamed.err).toMatch(
      /NoAdapterError: device: no adapter is named "voodoo"; there are: .*swiftshader/,
    );
    const noDawn = await run(await bundle('no-webgpu.mjs', 'webgpu'), {});
    expect(noDawn.err).toMatch(/NoAdapterError: device: WebGPU for Node is missing: npm install webgpu/);
  });
});

describe('drivers of no use', () => {
  const icds = join(temporary, 'drivers', 'vulkan', 'icd.d');
  const env = {
    XDG_CACHE_HOME: temporary,
    XDG_DATA_DIRS: join(temporary, 'drivers'),
    XDG_CONFIG_DIRS: join(temporary, 'none'),
  };
  const silent = { status: 0, err: '' };

  // The Vulkan loader complains of both on stderr; where there is no loader, Dawn complains of that.
  test.each([
    ['a library that is not there', '/nowhere/libvulkan_none.so'],
    ['a library that is not a driver', createRequire(import.meta.url).resolve('webgpu')],
  ])('%s: nothing on stderr', async (_, library_path) => {
    mkdirSync(icds, { recursive: true });
    const manifest = { file_format_version: '1.0.0', ICD: { library_path, api_version: '1.0.5' } };
    writeFileSync(join(icds, 'useless.json'), JSON.stringify(manifest));
    const ended = await run(script, env);
    expect(ended).toMatchObject(silent);
    expect(JSON.parse(ended.out)).toMatchObject({ adapter: 'swiftshader' });
    const added = { XDG_CACHE_HOME: temporary, VK_DRIVER_FILES: join(icds, 'useless.json') };
    expect(await run(script, added)).toMatchObject(silent);
  });
});

describe('worker threads', () => {
  test.each([
    ['one', 1],
    ['two at once', 2],
  ])('%s: no environment is needed', async (_, count) => {
    const text = `
      import { Worker } from 'node:worker_threads';
      for (let i = 0; i < ${count}; i++) new Worker(new URL(${JSON.stringify(pathToFileURL(script).href)}));`;
    const path = join(built, `workers-${count}.mjs`);
    writeFileSync(path, text);
    const { status, out, err } = await run(path, {
      XDG_CACHE_HOME: temporary,
      MOVIEGEN_ADAPTER: 'swiftshader',
    });
    expect({ status, err }).toEqual({ status: 0, err: '' });
    const lines = out.trim().split('\n');
    expect(lines).toHaveLength(count);
    for (const line of lines) expect(JSON.parse(line)).toMatchObject({ product: [7, 10, 15, 22] });
  });
});

describe('choose', () => {
  const found = (name: string): FoundAdapter => ({ name }) as FoundAdapter;
  const gpu = found('nvidia hopper H200');
  const mesa = found('mesa llvmpipe');
  const ours = found('google swiftshader');
  const listed = (each: FoundAdapter) => ({
    name: each.name,
    software: each !== gpu,
    open: async () => each,
  });
  const places = (...system: FoundAdapter[]) => [
    { ours: false, adapters: async () => system.map(listed) },
    { ours: true, adapters: async () => [listed(ours)] },
  ];

  test('prefers a GPU, then our own software to that of the system', async () => {
    expect(await choose(places(mesa, gpu))).toBe(gpu);
    expect(await choose(places(mesa))).toBe(ours);
    expect(await choose(places(mesa, gpu), '')).toBe(gpu);
  });

  test('takes any by a part of its name', async () => {
    expect(await choose(places(mesa, gpu), 'LLVMpipe')).toBe(mesa);
    expect(await choose(places(mesa, gpu), 'swift')).toBe(ours);
  });

  test('does not unpack software where a GPU is found', async () => {
    const [system] = places(gpu);
    const never = { ours: true, adapters: () => Promise.reject(new Error('unpacked')) };
    expect(await choose([system!, never])).toBe(gpu);
  });

  test('lists what there is', async () => {
    await expect(choose(places(gpu), 'amd')).rejects.toThrow(
      'no adapter is named "amd"; there are: nvidia hopper H200, google swiftshader',
    );
  });
});

test('openDevice takes the adapter by name', async () => {
  await expect(openDevice({ adapter: 'voodoo' })).rejects.toThrow(NoAdapterError);
  const device = await openDevice({ adapter: 'swiftshader' });
  expect(device.info.architecture).toBe('swiftshader');
  expect(device.target.software).toBe(true);
  device.destroy();
});
