// A browser's bundle of the packages must not contain anything of Node, and not more than is needed.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { chunks } from './browser/bundle.ts';
import { BUNDLES, chunksOf, gzipOf, knownSizes, loadedFirst, TABLE_FILE, tableOf } from './sizes/bundles.ts';

const NODE =
  /\bnode:|\brequire\(|\bprocess\.|\bBuffer\.|__dirname|sparticuz|@mediabunny\/server|cli-progress/;
const known = knownSizes();

test('the known sizes are those of these bundles, and the table shows them', () => {
  expect(Object.keys(known)).toEqual(Object.keys(BUNDLES));
  expect(readFileSync(TABLE_FILE, 'utf8')).toBe(tableOf(known));
});

test.each(Object.entries(BUNDLES))('%s: no Node, and no tenth more than is known', async (name, bundle) => {
  const counted = await chunksOf(bundle);
  if (!bundle.lazy) {
    const [{ fileName, imports, dynamicImports }] = counted as [(typeof counted)[0]];
    expect([...imports, ...dynamicImports].filter((each) => each !== fileName)).toEqual([]);
  }
  for (const { code } of counted) expect(NODE.exec(code)?.[0]).toBeUndefined();
  const modules = counted.flatMap(({ moduleIds }) => moduleIds);
  expect(modules.filter((id) => /packages\/\w+\/src\/(node|cli)\//.test(id))).toEqual([]);
  if (name !== '@moviegen/evaluation')
    expect(modules.filter((id) => id.includes('packages/evaluation/'))).toEqual([]);
  const [size, before] = [gzipOf(counted), known[name]!.gzip];
  const advice = `${name}: ${size} bytes after gzip, known are ${before}: make it smaller, or run npm run sizes -- --write`;
  expect(size, advice).toBeLessThan(1.1 * before);
});

test('a page that only makes frames of Movie Gen loads no codecs and no other family', async () => {
  const first = await chunksOf(BUNDLES['moviegen: MovieGen, at first']!);
  const modules = first.flatMap(({ moduleIds }) => moduleIds);
  expect(modules.filter((id) => /mediabunny|modern-gif|fast-png|packages\/wan/.test(id))).toEqual([]);
});

test('mediabunny is loaded when the first film is read or written', async () => {
  const first = loadedFirst(await chunks(`export * from 'moviegen';\n`));
  const modules = first.flatMap(({ moduleIds }) => moduleIds);
  expect(modules.some((id) => id.includes('packages/moviegen/'))).toBe(true);
  expect(modules.filter((id) => id.includes('mediabunny'))).toEqual([]);
});
