// Bundles main.ts from source and runs it: node test/large/run.mjs --help has its options in main.ts.
import { mkdirSync, rmSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';

const folder = fileURLToPath(new URL('../../out', import.meta.url)); // where node_modules can be found
mkdirSync(folder, { recursive: true });
const file = `${folder}/large-${process.pid}.mjs`;
const bundle = await rolldown({
  input: fileURLToPath(new URL('main.ts', import.meta.url)),
  platform: 'node',
  external: [/^webgpu/, /^@sparticuz/],
  resolve: { conditionNames: ['@moviegen/source', 'node', 'import', 'default'] },
});
await bundle.write({ file, format: 'esm', codeSplitting: false });
try {
  const { main } = await import(pathToFileURL(file).href);
  await main(process.argv.slice(2));
} finally {
  rmSync(file, { force: true });
}
