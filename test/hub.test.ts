// A user names a model of the hub on the command line. Not here: the cache, tokens and refusals (packages/moviegen/test/hub.test.ts).

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TINY } from '@moviegen/testing/checkpoints';
import { fakeHub } from '@moviegen/testing/hub';
import { afterAll, expect, test } from 'vitest';
import { filesIn, folders, moviegen, PROMPT } from './cli.ts';

const folder = folders();
const hub = await fakeHub({ 'me/tiny': { root: TINY, commit: 'a'.repeat(40), tags: ['v1'] } });
afterAll(() => hub.close());
const home = () => {
  hub.asked.length = 0;
  return { HF_HOME: folder(), HF_ENDPOINT: hub.url };
};
const transfers = () => hub.asked.filter(({ host }) => host === 'cdn').map(({ path }) => path);

test('generate --model ORG/NAME downloads once, and then works without the hub', async () => {
  const [env, cwd] = [home(), folder()];
  const args = ['generate', PROMPT, '--model', 'me/tiny', '--revision', 'v1', '--steps', '1', '-o', 'a.gif'];
  const first = await moviegen(args, { cwd, env });
  expect(first.status, first.stderr).toBe(0);
  expect(first.stderr).toMatch(/^download: 0\.\d MB, \d+\.\d s\nload: 0\.\d MB, /);
  const before = readFileSync(join(cwd, 'a.gif'));
  expect(transfers().length).toBeGreaterThan(5);
  const offline = { ...env, HF_HUB_OFFLINE: '1', HF_ENDPOINT: 'http://127.0.0.1:9' };
  const second = await moviegen(args, { cwd, env: offline });
  expect(second.status, second.stderr).toBe(0);
  expect(second.stderr).not.toContain('download');
  expect(readFileSync(join(cwd, 'a.gif'))).toEqual(before);
});

test('inspect reads headers; quantize and average take a model of the hub', async () => {
  const [env, cwd] = [home(), folder()];
  for (const place of ['me/tiny/tae', 'me/tiny/tae/model.safetensors', 'me/tiny/transformer']) {
    const { status, stdout, stderr } = await moviegen(['inspect', place], { cwd, env });
    expect(status, stderr).toBe(0);
    expect(stdout).toMatch(/\ntotal: \d+ tensors/);
  }
  expect(existsSync(join(env.HF_HOME, 'hub'))).toBe(false);
  const none = await moviegen(['inspect', 'me/tiny/none.safetensors'], { cwd, env });
  expect(none).toMatchObject({
    status: 2,
    stderr: 'error: inspect: there is no file me/tiny/none.safetensors on the hub\n',
  });
  const average = await moviegen(['average', 'me/tiny', TINY, '-o', 'mean'], { cwd, env });
  expect(average.status, average.stderr).toBe(0);
  expect(filesIn(join(cwd, 'mean'))).toEqual(filesIn(TINY));
});

test('processes that download the same model at once do it once, and right', async () => {
  const [env, cwd] = [home(), folder()];
  hub.faults.breaks = { after: 5000, times: 4 };
  const outputs = ['a', 'b', 'c'];
  const runs = outputs.map((name) =>
    moviegen(['quantize', 'me/tiny', '--dtype', 'q8', '-o', name], { cwd, env }),
  );
  for (const { status, stderr } of await Promise.all(runs)) expect(status, stderr).toBe(0);
  const large = filesIn(TINY).filter((path) => transfers().some((asked) => asked.endsWith(path)));
  expect(transfers()).toHaveLength(large.length + 4); // and what broke off
  const blobs = readdirSync(join(env.HF_HOME, 'hub/models--me--tiny/blobs'));
  expect(blobs.filter((name) => name.includes('.'))).toEqual([]);
  for (const name of outputs)
    for (const path of filesIn(join(cwd, 'a')).filter((file) => file.endsWith('.safetensors')))
      expect(readFileSync(join(cwd, name, path)).equals(readFileSync(join(cwd, 'a', path))), path).toBe(true);
});

test('what is not there is one line', async () => {
  const [env, cwd] = [home(), folder()];
  const none = await moviegen(['generate', 'x', '--model', 'me/none', '-o', 'a.gif'], { cwd, env });
  expect(none.status).toBe(2);
  expect(none.stderr).toMatch(
    /^error: hub: there is no folder me\/none here, and 127.0.0.1:\d+ has no such model/m,
  );
  const local = await moviegen(['generate', 'x', '--model', TINY, '--revision', 'v1', '-o', 'a.gif'], {
    cwd,
    env,
  });
  expect(local.stderr).toMatch(/^error: checkpoint: revision is for models of the hub/m);
});
