// SwiftShader, a Vulkan driver that runs on the CPU, comes from the npm package @sparticuz/chromium: it is unpacked once into a cache
// folder, with the Vulkan loader that comes along and a copy that needs none. Nothing is installed on the system.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { constants, homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import { NoAdapterError } from '../gpu/errors.ts';
import { standIn } from './standIn.ts';

const DRIVER = 'libvk_swiftshader.so';
const STAND_IN = 'libvk_stand_in.so';
const PACKED = ['libvulkan.so.1', DRIVER, 'vk_swiftshader_icd.json'];
const FILES = [...PACKED, STAND_IN];
const RTLD_NODELETE = 0x1000;

/** Files of SwiftShader on disk. */
export interface SwiftShader {
  /** Path of the driver's manifest, for the Vulkan loader. */
  readonly manifest: string;
  /** Path of the Vulkan loader. */
  readonly loader: string;
  /** Path of a copy of the driver that takes the loader's place. */
  readonly standIn: string;
}

/** Unpacks SwiftShader if need be. @throws NoAdapterError with what to install. */
export async function unpackSwiftShader(): Promise<SwiftShader> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new NoAdapterError(
      `device: no GPU found, and the software adapter is for linux-x64, not ${process.platform}-${process.arch}: ` +
        'install a driver with Vulkan, Metal or Direct3D 12',
    );
  }
  const archive = await readArchive();
  const version = createHash('sha256').update(archive).digest('hex').slice(0, 16);
  const reasons: string[] = [];
  for (const cache of cacheFolders()) {
    try {
      return await unpackInto(join(cache, `swiftshader-${version}`), archive);
    } catch (error) {
      reasons.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new NoAdapterError(`device: SwiftShader cannot be unpacked: ${reasons.join('; ')}`);
}

/**
 * Loads the Vulkan loader, or what stands in for it, into the process, where Dawn's `dlopen` by name then finds it. No
 * runtime takes it for an add-on, and each says so in its own words, but by then it is loaded, and it stays: Node passes
 * RTLD_NODELETE on, and a stand-in asks for the same itself.
 */
export function loadVulkan(path: string): void {
  const { RTLD_NOW, RTLD_GLOBAL } = constants.dlopen;
  try {
    process.dlopen({ exports: {} }, path, RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE);
  } catch (error) {
    if (!readFileSync('/proc/self/maps', 'utf8').includes(path)) throw error;
  }
}

async function readArchive(): Promise<Buffer> {
  const require = createRequire(import.meta.url);
  let entry: string;
  try {
    entry = require.resolve('@sparticuz/chromium');
  } catch {
    throw new NoAdapterError('device: no GPU found; for a software adapter: npm install @sparticuz/chromium');
  }
  for (let folder = dirname(entry); folder !== dirname(folder); folder = dirname(folder)) {
    const path = join(folder, 'bin', 'swiftshader.tar.br');
    if (existsSync(path)) return readFile(path);
  }
  throw new NoAdapterError(
    `device: ${entry} comes without bin/swiftshader.tar.br: update @sparticuz/chromium`,
  );
}

/** Folders for files that are kept between runs, the preferred one first. */
export function cacheFolders(): string[] {
  const { XDG_CACHE_HOME, HOME } = process.env;
  const home = HOME === undefined ? homedir() : HOME;
  const folders = [XDG_CACHE_HOME, home && join(home, '.cache')].filter((folder) => folder !== undefined);
  const named = folders.filter((folder) => folder !== '').map((folder) => join(folder, 'moviegen'));
  return [...named, join(tmpdir(), `moviegen-${process.getuid?.()}`)];
}

/** Unpacks beside the target and renames it, so that no process sees an incomplete folder. */
async function unpackInto(target: string, archive: Buffer): Promise<SwiftShader> {
  const [loader, , manifest] = PACKED.map((name) => join(target, name));
  const found = { manifest: manifest!, loader: loader!, standIn: join(target, STAND_IN) };
  if (await isComplete(target)) return found;
  await mkdir(dirname(target), { recursive: true });
  const draft = await mkdtemp(`${target}-`);
  try {
    const tar = await promisify(brotliDecompress)(archive);
    for (const [name, content] of readTar(tar)) {
      if (PACKED.includes(name)) await writeFile(join(draft, name), content, { mode: 0o755 });
      if (name === DRIVER)
        await writeFile(join(draft, STAND_IN), standIn(content, 'libvulkan.so.1'), { mode: 0o755 });
    }
    if (!(await isComplete(target))) {
      await rm(target, { recursive: true, force: true }); // remains that a cleaner of old files has left
      await rename(draft, target);
    }
  } catch (error) {
    if (!(await isComplete(target))) throw error; // else another process was faster
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  if (!(await isComplete(target))) throw new Error(`${target} lacks one of ${FILES.join(', ')}`);
  return found;
}

/** Whether all files exist and belong to this user: other users may write to a shared temporary folder. */
async function isComplete(folder: string): Promise<boolean> {
  try {
    const found = await Promise.all(['', ...FILES].map((name) => stat(join(folder, name))));
    const strange = found.some(({ uid }) => uid !== process.getuid?.());
    if (strange) throw new NoAdapterError(`${folder} belongs to another user`);
    return true;
  } catch (error) {
    if (error instanceof NoAdapterError) throw error;
    return false;
  }
}

/** Regular files of a tar archive: names and contents. */
function* readTar(tar: Buffer): Generator<[string, Buffer]> {
  const text = (from: number, length: number): string =>
    tar.toString('utf8', from, from + length).replace(/\0.*$/s, '');
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12), 8);
    const type = text(at + 156, 1);
    if (type === '0' || type === '') yield [text(at, 100), tar.subarray(at + 512, at + 512 + size)];
    at += 512 + Math.ceil(size / 512) * 512;
  }
}
