// Prompts as shells and editors give them: text files in the usual encodings, standard input, prompts that are too long.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TINY } from '@moviegen/testing/checkpoints';
import { describe, expect, test } from 'vitest';
import { folders, moviegen, PROMPT } from './cli.ts';

const folder = folders();
const few = ['--model', TINY, '--steps', '1', '--num-frames', '1'];
const TEXT = 'a café, a red circle\r\n\r\na blue star ⭐\r\n';

const utf16 = (text: string): Buffer => Buffer.from(`\ufeff${text}`, 'utf16le');
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const last = (stderr: string): string | undefined => stderr.trimEnd().split('\n').at(-1);

/** The prompts that a file gives, or what is said about it. */
async function promptsOf(bytes: Uint8Array | string): Promise<unknown> {
  const cwd = folder();
  writeFileSync(join(cwd, 'p.txt'), bytes);
  const args = ['generate', '-p', 'p.txt', '--json', '-q', ...few];
  const { status, stdout, stderr } = await moviegen(args, { cwd });
  if (status === 0) return JSON.parse(stdout).videos.map(({ prompt }: { prompt: string }) => prompt);
  expect(status).toBe(2);
  return last(stderr);
}

describe('a file of prompts', () => {
  test.each<[string, Uint8Array | string]>([
    ['UTF-8', TEXT],
    ['UTF-8 with a mark', `\ufeff${TEXT}`],
    ['UTF-16, little-endian', utf16(TEXT)],
    ['UTF-16, big-endian', utf16(TEXT).swap16()],
    ['the ends of lines of an old Mac', TEXT.replaceAll('\r\n', '\r')],
    ['two files that were joined, each with a mark', `\ufeff${TEXT.replace(/\r\n\r\n/, '\r\n\ufeff')}`],
  ])('%s', async (_, bytes) => {
    expect(await promptsOf(bytes)).toEqual(['a café, a red circle', 'a blue star ⭐']);
  });

  const wrong = 'error: generate: --prompts p.txt: ';
  test.each<[string, Uint8Array | string, string]>([
    ['Latin-1', latin1('a star\n\na café\n'), `${wrong}line 3 is not UTF-8: save the file as UTF-8`],
    ['Latin-1 in its last line', latin1('a star\né'), `${wrong}line 2 is not UTF-8: save the file as UTF-8`],
    [
      'UTF-16 without a mark',
      utf16('a star\na circle').subarray(2),
      `${wrong}line 1 holds a zero byte, so it is UTF-16 without a mark, or not text: save the file as UTF-8`,
    ],
    [
      'half of a UTF-16 file',
      utf16('a star').subarray(0, -1),
      `${wrong}its mark says UTF-16LE, but it is not: save it as UTF-8`,
    ],
    ['nothing but a mark', '\ufeff\n', 'error: generate: --prompts p.txt holds no prompt'],
  ])('%s is refused', async (_, bytes, message) => {
    expect(await promptsOf(bytes)).toBe(message);
  });
});

test('prompts of standard input', async () => {
  const args = ['generate', '-p', '-', '--json', '-q', ...few];
  const { status, stdout } = await moviegen(args, { cwd: folder(), stdin: 'a star\na circle' });
  expect(status).toBe(0);
  expect(JSON.parse(stdout).videos.map(({ prompt }: { prompt: string }) => prompt)).toEqual([
    'a star',
    'a circle',
  ]);
  const none = await moviegen(args, { cwd: folder(), stdin: '' });
  expect(last(none.stderr)).toBe('error: generate: --prompts of standard input holds no prompt');
  expect(none.status).toBe(2);
});

test('a prompt that is too long: each encoder that drops a part of it is named, in the JSON too', async () => {
  const long = Array.from({ length: 60 }, () => PROMPT).join(' and ');
  const { status, stdout, stderr } = await moviegen(['generate', long, '--json', ...few], { cwd: folder() });
  expect(status).toBe(0);
  const [{ notes }] = JSON.parse(stdout).videos;
  expect(notes.length).toBeGreaterThan(0);
  for (const note of notes) {
    expect(note).toMatch(/^generate: the prompt: (ul2|metaclip) reads \d+ tokens: it dropped \d+ of \d+$/);
    expect(stderr).toContain(`${note}\n`);
  }
  const quiet = await moviegen(['generate', long, '-q', ...few], { cwd: folder() });
  expect(quiet.stderr).not.toContain('dropped');
});
