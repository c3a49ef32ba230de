// The models in Chromium against PyTorch's tensors, layer by layer, and the tokenizers against the original library.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { parityLoaders } from '../../packages/moviegen/src/parity/models.ts';
import { launchChromium } from './chromium.ts';
import { OPTIONAL_FILES } from './page.ts';
import { openModule } from './remote.ts';

interface Described {
  readonly folder: string;
  readonly model: string;
  readonly cases: readonly { readonly name: string }[];
}

const root = fileURLToPath(new URL('../../packages/moviegen/fixtures', import.meta.url));
const json = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8'));
const described = readdirSync(root)
  .filter((folder) => existsSync(join(root, folder, 'fixture.json')))
  .map((folder): Described => ({ ...json(`${folder}/fixture.json`), folder }));
const models = described.filter(({ model }) => Object.hasOwn(parityLoaders, model));

const { module } = await openModule<typeof import('./pages/fixtures.ts')>(
  await launchChromium(),
  'fixtures',
  { '/fixtures/': root },
  { expected: [OPTIONAL_FILES] },
);

describe.each(models.map(({ folder, cases }) => [folder, cases] as const))('%s', (folder, cases) => {
  beforeAll(() => module.load(folder));

  test.each(cases.map(({ name }) => name))('%s', async (name) => {
    const { compared, first } = await module.check(name);
    expect(first).toBeUndefined();
    expect(compared).toBeGreaterThan(0);
  });
});

test('every kind of model has a fixture', () => {
  expect(new Set(models.map(({ model }) => model))).toEqual(new Set(Object.keys(parityLoaders)));
});

interface Row {
  readonly text: string;
  readonly ids: readonly number[];
  readonly cut: readonly number[];
}

describe('tokenizer', () => {
  const limit: number = json('tokenizer/fixture.json').cases[0].args.limit;

  test.each(['unigram', 'clip', 'byt5'])('%s', async (name) => {
    const rows: Row[] = json(`tokenizer/${name}.json`);
    const texts = rows.map(({ text }) => text);
    const ids =
      name === 'byt5'
        ? await module.bytes(texts, limit)
        : await module.tokenize(`tokenizer/${name}/tokenizer.json`, texts, limit);
    expect(ids).toEqual(rows.map((row) => [row.ids, row.cut]));
  });

  test('the part of a prompt that each encoder sees', async () => {
    for (const row of json('tokenizer/prompts.json'))
      expect(await module.seen(row.prompt, row.fps, row.strip_quoted)).toEqual({
        prompt: row.prompt_text,
        quoted: row.byt5_text ?? '',
      });
  });
});
