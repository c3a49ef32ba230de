// A browser's bundle of the packages must not contain anything of Node, and not more than is needed.

import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { bundle, chunks } from './browser/bundle.ts';

const NODE =
  /\bnode:|\brequire\(|\bprocess\.|\bBuffer\.|__dirname|sparticuz|@mediabunny\/server|cli-progress/;

/** KiB after minification and gzip, with all dependencies. There is room to grow a little, but not unnoticed. */
const most: Readonly<Record<string, number>> = {
  '@moviegen/kernels': 60,
  '@moviegen/tensor': 95,
  '@moviegen/safetensors': 11,
  '@moviegen/sampler': 17,
  '@moviegen/dit': 60,
  '@moviegen/tae': 60,
  '@moviegen/wan': 70,
  '@moviegen/gguf': 11,
  '@moviegen/text': 75, // umT5's cleaning of prompts brings the table of HTML's entities
  '@moviegen/evaluation': 42,
  moviegen: 380, // two families, the jobs of videos, the upsampler
};

test.each(Object.entries(most))('%s: no Node, and at most %i KiB', async (name, limit) => {
  const bundled = await bundle(`export * from '${name}';\n`, { minify: true });
  const { code, fileName, imports, dynamicImports, moduleIds } = bundled;
  expect([...imports, ...dynamicImports].filter((each) => each !== fileName)).toEqual([]);
  expect(NODE.exec(code)?.[0]).toBeUndefined();
  expect(moduleIds.filter((id) => /packages\/\w+\/src\/(node|cli)\//.test(id))).toEqual([]);
  if (name !== '@moviegen/evaluation')
    expect(moduleIds.filter((id) => id.includes('packages/evaluation/'))).toEqual([]);
  const size = gzipSync(code).length / 1024;
  console.log(`${name}: ${size.toFixed(1)} KiB`);
  expect(size).toBeLessThan(limit);
});

test('a page that only makes frames of Movie Gen loads no codecs and no other family', async () => {
  const all = await chunks(`export { MovieGen } from 'moviegen';\n`, { minify: true });
  const first = loadedFirst(all);
  const modules = first.flatMap(({ moduleIds }) => moduleIds);
  expect(modules.filter((id) => /mediabunny|modern-gif|fast-png|packages\/wan/.test(id))).toEqual([]);
  const size = gzipSync(first.map(({ code }) => code).join('')).length / 1024;
  console.log(`MovieGen alone: ${size.toFixed(1)} KiB`);
  expect(size).toBeLessThan(130);
});

test('mediabunny is loaded when the first film is read or written', async () => {
  const first = loadedFirst(await chunks(`export * from 'moviegen';\n`));
  const modules = first.flatMap(({ moduleIds }) => moduleIds);
  expect(modules.some((id) => id.includes('packages/moviegen/'))).toBe(true);
  expect(modules.filter((id) => id.includes('mediabunny'))).toEqual([]);
});

/** The first chunk, and what it imports statically. */
function loadedFirst(all: Awaited<ReturnType<typeof chunks>>) {
  const loaded = new Set([all[0]!]);
  for (const { imports } of loaded)
    for (const chunk of all) if (imports.includes(chunk.fileName)) loaded.add(chunk);
  return [...loaded];
}
