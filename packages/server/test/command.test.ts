// The commands as people call them: a server with the checkpoint that we ship makes a real video; wrong options are answered
// with one line.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeVideo } from 'moviegen';
import OpenAI from 'openai';
import { expect, it } from 'vitest';
import { modelsOf } from '../src/options.ts';
import { dataFolder, ended } from './support/server.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const program = join(root, 'packages/moviegen/bin/moviegen.js');

const fails = (...args: string[]): Promise<{ status: unknown; text: string }> =>
  new Promise((done) => {
    execFile(
      process.execPath,
      [program, ...args],
      { cwd: root, env: { ...process.env, NODE_OPTIONS: '' } },
      (error, _, text) => done({ status: error?.code ?? 0, text: text.trim() }),
    );
  });

/** The first line that a program prints. */
const firstLine = (child: ChildProcess): Promise<string> =>
  new Promise((done, fail) => {
    let text = '';
    child.stdout!.on('data', (more: Buffer) => {
      text += more;
      if (text.includes('\n')) done(text.split('\n')[0]!);
    });
    child.once('exit', (status) => fail(new Error(`it ended with ${status}`)));
  });

/** The command, and its end. */
function started(args: readonly string[]) {
  const child = spawn(process.execPath, [program, ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  const gone = new Promise((done) => child.once('exit', done));
  return { child, gone };
}

it('serve makes a video of the shipped checkpoint, shows previews, and ends at a signal', async () => {
  const data = await dataFolder();
  const args = ['serve', '--model', 'shapes=models/shapes-world', '--data', data, '--port', '0', '-q'];
  const { child, gone } = started(args);
  try {
    const [url, name] = (await firstLine(child)).split('  ');
    expect(name).toBe('shapes');
    const client = new OpenAI({ apiKey: 'none', baseURL: url!, maxRetries: 0 });
    const refused = await client.videos.create({ prompt: 'x', size: '720x1280' }).catch((error) => error);
    expect(refused).toBeInstanceOf(OpenAI.BadRequestError);
    const fields = {
      prompt: 'a red circle moves right on a black background',
      steps: 4,
      num_frames: 8,
      seed: 1,
    };
    const video = await client.videos.create(fields as OpenAI.Videos.VideoCreateParams);
    const events = await (await fetch(`${url}/videos/${video.id}/events`)).text();
    expect(events).toMatch('"status":"completed"');
    expect(await ended(client, video.id)).toMatchObject({ progress: 100, seconds: '0.5', size: '64x64' });
    const file = await (await client.videos.downloadContent(video.id)).arrayBuffer();
    const { shape, fps } = await decodeVideo(new Uint8Array(file));
    expect([shape, fps]).toEqual([[8, 64, 64, 3], 16]);
  } finally {
    child.kill('SIGTERM');
  }
  expect(await gone).toBe(0);
  await rm(data, { recursive: true });
});

it('serve hands models and a tokenizer that are named one by one to its workers', async () => {
  const wan = join(root, 'packages/wan/fixtures/t2v');
  const data = await dataFolder();
  const model = join(data, 'model');
  for (const part of ['model_index.json', 'scheduler', 'text_encoder'])
    await cp(join(wan, part), join(model, part), { recursive: true });
  const parts = ['--transformer', join(wan, 'transformer'), '--vae', join(wan, 'vae')];
  const tokenizer = ['--tokenizer', join(wan, 'tokenizer')];
  const args = ['serve', '--model', model, ...parts, ...tokenizer, '--data', data, '--port', '0', '-q'];
  const { child, gone } = started(args);
  try {
    const [url] = (await firstLine(child)).split('  ');
    const { data: models } = await (await fetch(`${url}/models`)).json();
    expect(models).toMatchObject([{ id: 'model', size: '832x480' }]);
  } finally {
    child.kill('SIGTERM');
    await gone;
  }
  await rm(data, { recursive: true });
});

it('single models without a checkpoint are a model, called like the first of them', () => {
  const byDefault = () => 'models/shapes-world';
  const transformer = 'files/wan-1.3B-Q4_K_M.gguf';
  const found = modelsOf({ transformer, vae: 'vae' }, byDefault);
  expect(found).toMatchObject([{ name: 'wan-1.3B-Q4_K_M', source: { transformer, vae: 'vae' } }]);
  const wan = [{ name: 'wan', source: 'wan' }];
  expect(modelsOf({ model: wan, transformer }, byDefault)).toBe(wan);
  expect(modelsOf({}, byDefault)).toEqual([{ name: 'shapes-world', source: 'models/shapes-world' }]);
});

it('answers wrong options with one line', async () => {
  const data = await dataFolder();
  await writeFile(join(data, 'keys'), '\n');
  const cases: [string[], RegExp][] = [
    [['serve', '--port', '99999'], /at most 65535/],
    [['serve', '--host', '0.0.0.0'], /give --api-key-file/],
    [['serve', '--workers', '0'], /needs --database/],
    [['serve', '--api-key-file', join(data, 'keys')], /holds no key/],
    [['serve', '--database', 'mysql://x'], /postgres:\/\//],
    [
      ['serve', '--database', 'postgres://127.0.0.1:1/x', '--workers', '0', '--data', data],
      /the database cannot be reached/,
    ],
    [['serve', '--keep', 'long'], /length of time/],
    [['serve', '--model', 'a=x', '--model', 'a=y'], /two models called a/],
    [['worker'], /give --database/],
  ];
  const answers = await Promise.all(cases.map(([args]) => fails(...args)));
  for (const [k, { status, text }] of answers.entries()) {
    expect(text, cases[k]![0].join(' ')).toMatch(cases[k]![1]);
    expect(text.split('\n').length).toBe(1);
    expect([1, 2]).toContain(status);
  }
  await rm(data, { recursive: true });
});
