// node .ci/release.js vVERSION ADDRESS: what a release does before it publishes. The packages must have the tag's version; each
// gets the repository's address, which provenance asks for and which a copy of the repository would have wrong; `out` gets the
// bill of materials and the notes.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

const [tag, address] = process.argv.slice(2);
if (!/^v\d/.test(tag ?? '') || !URL.canParse(address ?? '')) {
  console.error('usage: node .ci/release.js vVERSION ADDRESS, such as v1.2.3 https://example.com/owner/name');
  process.exit(2);
}

const folders = readdirSync('packages').map((name) => `packages/${name}`);
for (const folder of folders) {
  const file = `${folder}/package.json`;
  const description = JSON.parse(readFileSync(file, 'utf8'));
  if (`v${description.version}` !== tag)
    throw new Error(`${file} has version ${description.version}, and the tag is ${tag}`);
  Object.assign(description, {
    homepage: `${address}/tree/${tag}/${folder}#readme`,
    bugs: { url: `${address}/issues` },
    repository: { type: 'git', url: `git+${address}.git`, directory: folder },
  });
  writeFileSync(file, `${JSON.stringify(description, null, 2)}\n`);
}

mkdirSync('out', { recursive: true });
const sbom = [
  'sbom',
  '--sbom-format=spdx',
  '--package-lock-only',
  ...folders.map((folder) => `-w=${folder}`),
];
writeFileSync('out/sbom.spdx.json', execFileSync('npm', sbom, { maxBuffer: 2 ** 26 }));

const [, notes] = readFileSync('CHANGELOG.md', 'utf8').split(`\n## ${tag.slice(1)}\n`);
if (notes === undefined)
  throw new Error(`CHANGELOG.md has no section ${tag.slice(1)}: npm run version writes it`);
writeFileSync('out/notes.md', notes.split('\n## ')[0]);
