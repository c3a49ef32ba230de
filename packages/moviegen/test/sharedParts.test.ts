// Checkpoints that share models with the checkpoint beside them: in a folder, at an address, on the hub, and where a new checkpoint
// is written of one.

import { cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { served, TINY } from '@moviegen/testing/checkpoints';
import { testDevice } from '@moviegen/testing/device';
import { fakeHub } from '@moviegen/testing/hub';
import { averageCheckpoints, quantizeCheckpoint } from 'moviegen/node';
import { afterAll, expect, test, vi } from 'vitest';
import { MovieGen, neededFiles, planGeneration } from '../src/index.ts';

const device = await testDevice();
const root = mkdtempSync(join(tmpdir(), 'moviegen-shared-'));
const server = await served(root);
afterAll(() => {
  server.close();
  rmSync(root, { recursive: true });
});

const SHARED = ['tae', 'text_encoder_ul2'];
const [base, sharing, whole] = ['base', 'sharing', 'whole'].map((name) => join(root, name)) as [
  string,
  string,
  string,
];
cpSync(TINY, whole, { recursive: true });
cpSync(TINY, sharing, { recursive: true });
for (const name of SHARED) {
  cpSync(join(TINY, name), join(base, name), { recursive: true });
  rmSync(join(sharing, name), { recursive: true });
}
const index = JSON.parse(readFileSync(join(TINY, 'model_index.json'), 'utf8'));
index.tae = '../base/tae';
index.text_encoders = { ...index.text_encoders, ul2: '../base/text_encoder_ul2' };
writeFileSync(join(sharing, 'model_index.json'), JSON.stringify(index));
const wrong = `${'0'.repeat(64)}  ../base/tae/model.safetensors\n`;

const OPTIONS = { seed: 5, steps: 2, numFrames: 1 };
async function framesOf(source: string): Promise<Uint8Array> {
  const model = await MovieGen.fromPretrained(source, { device });
  try {
    return (await model.generate('a red circle', OPTIONS)).frames.data;
  } finally {
    model.dispose();
  }
}

test('the video is that of the whole checkpoint, from a folder and from an address', async () => {
  const right = await framesOf(whole);
  expect(await framesOf(sharing)).toEqual(right);
  expect(await framesOf(`${server.url}/sharing`)).toEqual(right);
  const needed = (await neededFiles(`${server.url}/sharing`)).map(({ path }) => path);
  expect(needed).toContain('../base/tae/model.safetensors');
  expect(needed).toContain('transformer/config.json');
});

test('in a folder of a model of the hub', async () => {
  const hub = await fakeHub({ 'me/tiny': { root, commit: '0'.repeat(40) } });
  vi.stubEnv('HF_ENDPOINT', hub.url);
  vi.stubEnv('HF_HOME', join(root, 'home'));
  try {
    expect((await planGeneration('me/tiny/sharing')).problems).toEqual([]);
  } finally {
    vi.unstubAllEnvs();
    hub.close();
  }
});

test('a list of checksums holds for what is shared, and what is not there is named', async () => {
  writeFileSync(join(sharing, 'SHA256SUMS'), wrong);
  await expect(framesOf(sharing)).rejects.toThrow(
    /base\/tae\/model.safetensors is not the file that SHA256SUMS lists/,
  );
  rmSync(join(sharing, 'SHA256SUMS'));
  renameSync(join(base, 'tae'), join(base, 'away'));
  await expect(framesOf(sharing)).rejects.toThrow(/base\/tae\/config.json is missing/);
  renameSync(join(base, 'away'), join(base, 'tae'));
});

/** All files below a folder with their bytes, the JSON of its index apart from its form. */
const contents = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => [
      path.slice(folder.length),
      path.endsWith('model_index.json')
        ? JSON.parse(readFileSync(path, 'utf8'))
        : readFileSync(path).toString('base64'),
    ]);

test.each([
  ['quantize', (from: string, to: string) => quantizeCheckpoint(from, to, { format: 'q8' })],
  ['average', (from: string, to: string) => averageCheckpoints([from, from], to)],
])('%s writes a whole checkpoint', async (name, write) => {
  const [one, other] = [`${name}-sharing`, `${name}-whole`].map((to) => join(root, to));
  const before = contents(root);
  await write(sharing, one!);
  await write(whole, other!);
  expect(contents(one!)).toEqual(contents(other!));
  for (const made of [one!, other!]) rmSync(made, { recursive: true });
  expect(contents(root)).toEqual(before);
});
