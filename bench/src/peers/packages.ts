// The peers' packages, which are installed under bench/peers when first needed and imported from there.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const folder = fileURLToPath(new URL('../../peers/', import.meta.url));
const require = createRequire(join(folder, 'package.json'));

/** Installs the peers if they are missing. @throws if npm fails. */
export function install(): void {
  if (existsSync(join(folder, 'node_modules'))) return;
  console.error(`installing the peers in ${folder}`);
  const { status } = spawnSync('npm', ['ci', '--prefix', folder, '--no-audit', '--no-fund'], {
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error(`bench: npm ci in ${folder} failed: see above; try it by hand`);
}

/** A CommonJS package of the peers. */
export const load = <T>(name: string): T => require(name) as T;

/** The path of a file of one of the peers' packages. */
export const pathOf = (name: string, file: string): string => join(folder, 'node_modules', name, file);

/** A module of one of the peers' packages. */
export const importFile = async <T>(name: string, file: string): Promise<T> =>
  (await import(pathToFileURL(pathOf(name, file)).href)) as T;

/** The installed version of a package. */
export function version(name: string): string {
  return (JSON.parse(readFileSync(pathOf(name, 'package.json'), 'utf8')) as { version: string }).version;
}

/** The URL of the folder of a file, for libraries that load more from there. */
export const folderUrl = (path: string): string => `${pathToFileURL(dirname(path)).href}/`;
