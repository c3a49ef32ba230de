// Files come out whole or not at all.

import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { InputError } from '../src/errors.ts';
import { Outputs } from '../src/node/outputs.ts';

const root = mkdtempSync(join(tmpdir(), 'moviegen-outputs-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folders = 0;
let folder = root;
beforeEach(() => {
  folder = join(root, String(folders++));
  mkdirSync(folder);
});

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const all = (): string[] => readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();

test('a check makes the folder, and cleaning takes it away if nothing came', async () => {
  const outputs = new Outputs();
  await outputs.check(join(folder, 'a/b/c.mp4'));
  expect(all()).toEqual(['a', 'a/b']);
  outputs.clean();
  expect(all()).toEqual([]);
  await outputs.check(join(folder, 'a/b/c.mp4'));
  await outputs.write([{ path: join(folder, 'a/b/c.mp4'), bytes: bytes('film') }]);
  outputs.clean();
  expect(all()).toEqual(['a', 'a/b', 'a/b/c.mp4']);
  expect(readFileSync(join(folder, 'a/b/c.mp4'), 'utf8')).toBe('film');
});

test('a folder that was there stays', async () => {
  mkdirSync(join(folder, 'a'));
  const outputs = new Outputs();
  await outputs.checkFolder(join(folder, 'a'));
  outputs.clean();
  expect(all()).toEqual(['a']);
});

test('a folder of frames whose frames are read is refused: they would be replaced or removed', async () => {
  const outputs = new Outputs();
  writeFileSync(join(folder, 'frame-0100.png'), 'source');
  linkSync(join(folder, 'frame-0100.png'), join(folder, 'me.png'));
  await outputs.spare(join(folder, 'me.png'));
  await expect(outputs.checkFolder(folder)).rejects.toThrow(
    'frame-0100.png is what is read: name another one',
  );
  await outputs.check(join(folder, 'film.mp4'));
  expect(all()).toEqual(['frame-0100.png', 'me.png']);
});

test('an address is no output', async () => {
  const outputs = new Outputs();
  for (const address of ['file:///tmp/a.mp4', 'file:a.mp4', 'https://example.org/a.mp4']) {
    await expect(outputs.check(address)).rejects.toThrow(`output: ${address} is an address`);
    await expect(outputs.checkFolder(address)).rejects.toThrow('is an address');
  }
});

test('of several files all are written or none; what was there stays', async () => {
  const outputs = new Outputs();
  writeFileSync(join(folder, 'one'), 'before');
  const files = [
    { path: join(folder, 'one'), bytes: bytes('after') },
    { path: join(folder, 'none/two'), bytes: bytes('after') },
  ];
  await expect(outputs.write(files)).rejects.toThrow(InputError);
  expect(all()).toEqual(['one']);
  expect(readFileSync(join(folder, 'one'), 'utf8')).toBe('before');
});

test('an abort leaves nothing', async () => {
  const outputs = new Outputs();
  const signal = AbortSignal.abort(new Error('enough'));
  await expect(outputs.write([{ path: join(folder, 'x'), bytes: bytes('x') }], signal)).rejects.toThrow(
    'enough',
  );
  outputs.clean();
  expect(all()).toEqual([]);
});

test('frames replace those of a longer video, and nothing else', async () => {
  const outputs = new Outputs();
  for (const name of ['frame-0000.png', 'frame-0007.png', 'frame-x.png', 'note.txt'])
    writeFileSync(join(folder, name), 'before');
  await outputs.writeFrames(folder, [bytes('a'), bytes('b')]);
  expect(all()).toEqual(['frame-0000.png', 'frame-0001.png', 'frame-x.png', 'note.txt']);
  expect(readFileSync(join(folder, 'frame-0000.png'), 'utf8')).toBe('a');
});

test('says why a place cannot be written', async () => {
  const outputs = new Outputs();
  writeFileSync(join(folder, 'file'), '');
  const path = join(folder, 'file/x.mp4');
  const message = `output: cannot write ${path}: ${join(folder, 'file')} is not a folder`;
  await expect(outputs.check(path)).rejects.toThrow(new InputError(message));
  await expect(outputs.check(folder)).rejects.toThrow(`output: ${folder} is a folder, expected a file`);
  expect(existsSync(path)).toBe(false);
});
