// What npm shows of each package and delivers, and which licences it may bring along. `.ci/pack` looks at the packs themselves.

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { licenceFaults } from './licences.ts';

const folders = readdirSync('packages');
const read = (path: string) => JSON.parse(readFileSync(path, 'utf8'));
const { engines } = read('package.json');
const { version } = read('packages/moviegen/package.json');

describe.each(folders)('packages/%s', (folder) => {
  const description = read(`packages/${folder}/package.json`);

  test('says what it is', () => {
    expect(description).toMatchObject({
      name: folder === 'moviegen' ? 'moviegen' : `@moviegen/${folder}`,
      version,
      description: expect.stringMatching(/^[A-Z].{15,}[^.]$/),
      keywords: expect.arrayContaining([expect.any(String)]),
      license: 'Apache-2.0',
      type: 'module',
      sideEffects: false,
      engines,
    });
    expect(new Set(description.keywords).size).toBe(description.keywords.length);
    // The release writes the repository's address (.ci/release.js): a copy of the repository would have it wrong.
    for (const field of ['repository', 'homepage', 'bugs', 'funding', 'private'])
      expect(description).not.toHaveProperty(field);
    expect(readFileSync(`packages/${folder}/README.md`, 'utf8')).toMatch(
      new RegExp(`^# ${description.name}\n`),
    );
  });

  test('delivers its build with types, and no script that runs when it is installed', () => {
    expect(description.files).toEqual(expect.arrayContaining(['dist', '!dist/.tsbuildinfo', 'LICENSE']));
    expect(Object.keys(description.scripts)).toEqual(['prepack']);
    for (const [entry, target] of Object.entries<Record<string, string>>(description.exports)) {
      if (entry === './page') continue; // a script that a page loads: it exports nothing
      expect(Object.keys(target)).toEqual(['@moviegen/source', 'types', 'default']);
      expect(target.types).toBe(target.default?.replace(/\.js$/, '.d.ts'));
      expect(target['@moviegen/source']).toBe(
        target.default?.replace('/dist/', '/src/').replace(/\.js$/, '.ts'),
      );
    }
  });

  test('names exact versions', () => {
    for (const [name, range] of Object.entries(description.dependencies ?? {})) {
      if (name === '@webgpu/types') continue; // types, which must be the same as a page's own
      expect(`${name} ${range}`).toMatch(/ \d+\.\d+\.\d+$/);
      if (/^(@moviegen\/|moviegen$)/.test(name)) expect(range).toBe(version);
    }
  });
});

test('licences that are not in the list are found; `npm run check` looks at those of all that we use', () => {
  const wrong = (licence: string) => licenceFaults([{ name: 'some', version: '1.0.0', licence }]).length;
  const all = ['MIT', '(MIT OR GPL-3.0-only)', 'MIT AND GPL-3.0-only', 'GPL-3.0-only', 'NOASSERTION'];
  expect(all.map(wrong)).toEqual([0, 0, 1, 1, 1]);
});
