// What a page downloads of the packages: each bundled alone with all that it needs, minified and compressed. `docs/sizes.json`
// holds the sizes that are known; test/bundle.test.ts fails when one of them grows by a tenth.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import type { OutputChunk } from 'rolldown';
import { chunks } from '../browser/bundle.ts';

/** A bundle by what it imports. With `lazy`, only what a page loads at first counts, without what is imported later. */
export interface Bundle {
  readonly imports: string;
  readonly lazy?: true;
}

/** In bytes. */
export interface Sizes {
  readonly minified: number;
  readonly gzip: number;
  readonly brotli: number;
}

const whole = (name: string): [string, Bundle] => [name, { imports: `export * from '${name}';` }];

/** Every package that browsers run, and the two entry points that pages use most. */
export const BUNDLES: Readonly<Record<string, Bundle>> = {
  'moviegen: VideoPipeline, at first': {
    imports: `export { encodeVideo, VideoPipeline } from 'moviegen';`,
    lazy: true,
  },
  'moviegen: MovieGen, at first': { imports: `export { MovieGen } from 'moviegen';`, lazy: true },
  ...Object.fromEntries(
    [
      'moviegen',
      '@moviegen/curation',
      '@moviegen/dit',
      '@moviegen/evaluation',
      '@moviegen/gguf',
      '@moviegen/kernels',
      '@moviegen/safetensors',
      '@moviegen/sampler',
      '@moviegen/tae',
      '@moviegen/tensor',
      '@moviegen/text',
      '@moviegen/wan',
    ].map(whole),
  ),
};

/** The chunks of a bundle that count. */
export async function chunksOf({ imports, lazy }: Bundle): Promise<readonly OutputChunk[]> {
  const all = await chunks(`${imports}\n`, { minify: true, codeSplitting: lazy ?? false });
  return lazy ? loadedFirst(all) : all;
}

/** The first chunk, and what it imports statically. */
export function loadedFirst(all: readonly OutputChunk[]): OutputChunk[] {
  const loaded = new Set([all[0]!]);
  for (const { imports } of loaded)
    for (const chunk of all) if (imports.includes(chunk.fileName)) loaded.add(chunk);
  return [...loaded];
}

/** The compressed size that the budget is about. */
export const gzipOf = (counted: readonly OutputChunk[]): number => gzipSync(textOf(counted)).length;

export function sizesOf(counted: readonly OutputChunk[]): Sizes {
  const code = Buffer.from(textOf(counted));
  return { minified: code.length, gzip: gzipOf(counted), brotli: brotliCompressSync(code).length };
}

const textOf = (counted: readonly OutputChunk[]): string => counted.map(({ code }) => code).join('');

export const JSON_FILE = fileURLToPath(new URL('../../docs/sizes.json', import.meta.url));
export const TABLE_FILE = fileURLToPath(new URL('../../docs/sizes.md', import.meta.url));

/** The committed sizes. */
export const knownSizes = (): Readonly<Record<string, Sizes>> => JSON.parse(readFileSync(JSON_FILE, 'utf8'));

const kib = (bytes: number): string => (bytes / 1024).toFixed(bytes < 10240 ? 1 : 0);

/** The page of the documentation. */
export function tableOf(sizes: Readonly<Record<string, Sizes>>): string {
  const rows = Object.entries(sizes).map(
    ([name, { minified, gzip, brotli }]) =>
      `| ${name.replace(/^[@\w/]+/, '`$&`')} | ${kib(minified)} | ${kib(gzip)} | ${kib(brotli)} |`,
  );
  return `# Sizes

What a page downloads, in KiB, each row bundled alone by Rolldown with everything that it needs. "At first" leaves out what is
loaded when it is needed: the codecs with the first video that is written, another family of models with its first checkpoint.
\`@moviegen/server\` and the command line run in Node only. A test fails when a row grows by a tenth.
\`npm run sizes -- --write\` wrote this page.

| import | minified | gzip | brotli |
|---|---|---|---|
${rows.join('\n')}
`;
}
