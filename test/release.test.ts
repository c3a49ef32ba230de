// The workflows of GitHub, and what a release does before it publishes, in a copy of the repository's descriptions.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { validateWorkflow } from '@action-validator/core';
import { expect, test } from 'vitest';
import { temporaryFolder } from './cli.ts';

const WORKFLOWS = '.github/workflows';

test.each(readdirSync(WORKFLOWS))('%s is valid, and names actions by their commits', (name) => {
  const text = readFileSync(`${WORKFLOWS}/${name}`, 'utf8');
  expect(validateWorkflow(text).errors).toEqual([]);
  expect(validateWorkflow(text.replace('runs-on:', 'run-on:')).errors).not.toEqual([]);
  const actions = [...text.matchAll(/uses: (.*)/g)].map(([, action]) => action);
  expect(actions.length).toBeGreaterThan(0);
  for (const action of actions) expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  expect(text).toMatch(/^permissions:/m); // else a job may write everything
});

test('a version for all packages out of the changesets, then a release of it', () => {
  const folder = copy();
  const run = (...args: string[]) => execFileSync(process.execPath, args, { cwd: folder, stdio: 'pipe' });
  const read = (file: string) => readFileSync(`${folder}/${file}`, 'utf8');
  writeFileSync(`${folder}/.changeset/a-test.md`, "---\n'@moviegen/dit': minor\n---\n\nSomething is new.\n");
  const packages = readdirSync('packages').map((name) => `packages/${name}/package.json`);
  const { version: before } = JSON.parse(read(packages[0]!));
  const next = before.replace(/\.(\d+)\.\d+$/, (_: string, minor: string) => `.${Number(minor) + 1}.0`);

  run('.ci/version.js');
  for (const file of [...packages, 'apps/playground/package.json']) {
    const { version, dependencies = {} } = JSON.parse(read(file));
    const ours = Object.keys(dependencies).filter((name) => /^(@moviegen\/|moviegen$)/.test(name));
    expect([version, ...ours.map((name) => dependencies[name])]).toEqual([version, ...ours].fill(next));
  }
  expect(read('CHANGELOG.md')).toMatch(new RegExp(`\n\n## ${next}\n\n(.+\n\n?)*Something is new\\.\n`));
  expect(read('CHANGELOG.md')).not.toContain('## Unreleased');
  expect(readdirSync(`${folder}/.changeset`)).toEqual(['config.json']);

  expect(() => run('.ci/release.js', `v${before}`, 'https://github.com/owner/name')).toThrow(
    `has version ${next}, and the tag is v${before}`,
  );
  run('.ci/release.js', `v${next}`, 'https://github.com/owner/name');
  expect(JSON.parse(read('packages/dit/package.json'))).toMatchObject({
    homepage: `https://github.com/owner/name/tree/v${next}/packages/dit#readme`,
    bugs: { url: 'https://github.com/owner/name/issues' },
    repository: { type: 'git', url: 'git+https://github.com/owner/name.git', directory: 'packages/dit' },
  });
  expect(read('out/notes.md')).toContain('Something is new.');
  const bill = JSON.parse(read('out/sbom.spdx.json'));
  const listed = bill.packages.map(({ name }: { name: string }) => name);
  // `npm sbom --omit dev` of the whole repository would leave out what a development dependency needs too, such as mediabunny.
  expect(listed).toEqual(
    expect.arrayContaining(['moviegen', '@moviegen/server', 'mediabunny', 'pg-types', 'sharp']),
  );
  expect(listed).not.toContain('vitest');
});

/** What versions are made of, with the packages that are installed here. */
function copy(): string {
  const folder = temporaryFolder();
  const what = [
    'package*.json',
    '*/*/package.json',
    'bench/package.json',
    '.changeset',
    '.ci',
    'CHANGELOG.md',
  ];
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '--', ...what], {
    encoding: 'utf8',
  });
  for (const file of listed.trim().split('\n')) {
    mkdirSync(dirname(`${folder}/${file}`), { recursive: true });
    cpSync(file, `${folder}/${file}`);
  }
  symlinkSync(resolve('node_modules'), `${folder}/node_modules`);
  return folder;
}
