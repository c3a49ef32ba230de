// `npm run bench:portable`: packs Node, Dawn, the bundled bench, a Vulkan loader and SwiftShader into one folder. It
// runs on a Linux machine of this architecture with a GPU, and needs neither a network nor installed software.
import { chmod, copyFile, cp, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unpackSwiftShader } from '@moviegen/tensor/node';
import { Command } from 'commander';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('../../', import.meta.url));
const program = new Command('npm run bench:portable --')
  .description('Pack the bench into one folder that runs elsewhere.')
  .argument('[folder]', 'where to pack it', join(root, 'out', 'bench-portable'))
  .option('--checkpoint <folder>', 'the model to pack', join(root, 'models', 'shapes-world'))
  .option('--no-checkpoint', 'pack no model: then there are no rows of the shipped one')
  .parse();
const { checkpoint } = program.opts<{ checkpoint: string | false }>();
const folder = resolve(program.args[0] ?? join(root, 'out', 'bench-portable'));
const require = createRequire(import.meta.url);

if (process.platform !== 'linux')
  program.error(`error: this packs on Linux for Linux, not on ${process.platform}`);
const marker = 'bench.mjs';
const present = await readdir(folder).catch((): string[] => []);
if (present.length > 0 && !present.includes(marker))
  program.error(`error: ${folder} holds other files: name another folder`);
await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });

const external = ['webgpu', '@sparticuz/chromium', '@mediabunny/server'];
const bundle = await rolldown({
  input: fileURLToPath(new URL('./main.ts', import.meta.url)),
  platform: 'node',
  external,
  resolve: { conditionNames: ['@moviegen/source', 'node', 'import', 'default'] },
});
await bundle.write({
  dir: folder,
  format: 'esm',
  entryFileNames: marker,
  chunkFileNames: '[name]-[hash].mjs',
});
await bundle.close();

await copyFile(process.execPath, join(folder, 'node'));
await chmod(join(folder, 'node'), 0o755);
await copyPackage('webgpu', ['package.json', 'index.js', join('dist', `linux-${process.arch}`)]);
const chromium = require.resolve('@sparticuz/chromium');
const chromiumRoot = await packageRoot(chromium);
await copyPackage('@sparticuz/chromium', [
  'package.json',
  chromium.slice(chromiumRoot.length + 1),
  join('bin', 'swiftshader.tar.br'),
]);
const { loader } = await unpackSwiftShader();
await mkdir(join(folder, 'lib'));
await copyFile(loader, join(folder, 'lib', basename(loader)));
await writeFile(
  join(folder, 'lib', 'nvidia_icd.json'),
  `${JSON.stringify({ file_format_version: '1.0.1', ICD: { library_path: 'libGLX_nvidia.so.0', api_version: '1.4.0' } })}\n`,
);
if (checkpoint !== false) {
  const skip = join(checkpoint, 'training');
  await cp(checkpoint, join(folder, 'model'), { recursive: true, filter: (path) => path !== skip });
}
await cp(join(root, 'bench', 'torch'), join(folder, 'bench', 'torch'), { recursive: true });
const python = join('reference', 'moviegen_reference');
await cp(join(root, python), join(folder, python), {
  recursive: true,
  filter: (path) => !path.includes('__pycache__'),
});
for (const script of ['run.sh', 'all.sh']) {
  await copyFile(join(root, 'bench', 'portable', script), join(folder, script));
  await chmod(join(folder, script), 0o755);
}
console.log(
  `${folder}: ${((await bytesIn(folder)) / 2 ** 20).toFixed(0)} MiB; there: ./run.sh, or ./all.sh RESULTS`,
);

async function copyPackage(name: string, files: readonly string[]): Promise<void> {
  const from = await packageRoot(require.resolve(name));
  for (const file of files) {
    const to = join(folder, 'node_modules', name, file);
    await mkdir(dirname(to), { recursive: true });
    await cp(join(from, file), to, { recursive: true });
  }
}

/** The folder of the package that a file belongs to. */
async function packageRoot(file: string): Promise<string> {
  for (let at = dirname(file); at !== dirname(at); at = dirname(at)) {
    if (basename(dirname(at)) === 'node_modules' || basename(dirname(dirname(at))) === 'node_modules') {
      if (await stat(join(at, 'package.json')).catch(() => undefined)) return at;
    }
  }
  throw new Error(`internal: ${file} does not belong to a package`);
}

async function bytesIn(path: string): Promise<number> {
  const info = await stat(path);
  if (!info.isDirectory()) return info.size;
  const inside = await readdir(path);
  const sizes = await Promise.all(inside.map((name) => bytesIn(join(path, name))));
  return sizes.reduce((sum, size) => sum + size, 0);
}
