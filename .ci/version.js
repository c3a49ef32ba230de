// node .ci/version.js (npm run version): makes the next version of the changesets. All packages get the same one, CHANGELOG.md their
// texts, and the lock file follows.

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import getReleasePlan from '@changesets/get-release-plan';

const run = (...command) => execFileSync('npx', command, { stdio: 'inherit' });
const { changesets, releases } = await getReleasePlan(process.cwd());
if (changesets.length === 0) throw new Error('version: no changeset is there: npx changeset writes one');
const version = releases[0].newVersion;

const changes = readFileSync('CHANGELOG.md', 'utf8');
const section = `## ${version}\n\n${changesets.map(({ summary }) => summary).join('\n\n')}\n`;
const first = /^## (?:Unreleased\n)?/m;
writeFileSync(
  'CHANGELOG.md',
  changes.replace(first, (heading) => (heading === '## ' ? `${section}\n## ` : section)),
);
run('changeset', 'version');
execFileSync('npm', [
  'install',
  '--package-lock-only',
  '--ignore-scripts',
  '--no-audit',
  '--no-fund',
  '--prefer-offline',
]);
console.log(`version ${version}: look at CHANGELOG.md, commit, and tag v${version}`);
