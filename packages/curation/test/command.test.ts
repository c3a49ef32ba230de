// Wrong input of `moviegen curate`: what it says, before anything is read.

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { InputError } from 'moviegen';
import { Run } from 'moviegen/cli';
import { afterAll, describe, expect, test } from 'vitest';
import { addCommands } from '../src/cli.ts';

const root = mkdtempSync(join(tmpdir(), 'moviegen-command-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const out = join(root, 'm.jsonl');
const clips = import.meta.dirname;
const curate = (output: string, ...args: string[]) => ['curate', clips, '-o', output, ...args];

describe('wrong input: one line', () => {
  test.each<[string, string[], string | RegExp]>([
    ['no folder', ['curate', '/none', '-o', out], 'curate: there is no folder /none'],
    ['no videos', ['curate', import.meta.dirname, '-o', out], /holds no videos \(mp4, mov, webm, mkv\)$/],
    ['stage', curate(out, '--stage', '4'), 'curate: --stage must be 1, 2 or 3, got 4'],
    [
      'range',
      curate(out, '--clip', '16-4'),
      /^curate: expected two numbers with a dash between, the smaller one first, like 4-16, got 16-4$/,
    ],
    ['share', curate(out, '--people', '60'), 'curate: --people must be a share from 0 to 1, got 60'],
    [
      'size without export',
      curate(out, '--size', '32x32'),
      'curate: --size and --fps are of exported clips: give --export FOLDER',
    ],
    [
      'odd size',
      curate(out, '--export', 'x', '--size', '33x32'),
      'curate: --size must be WIDTHxHEIGHT of even numbers, like 768x432, got 33x32',
    ],
    [
      'export into the videos',
      curate(out, '--export', join(clips, 'kept')),
      /^curate: --export .* lies in .*: the next run would read the clips as videos$/,
    ],
    [
      'keep without a model',
      curate(out, '--keep', '5'),
      'curate: --keep and --clusters balance concepts: give --image-model DIR',
    ],
    [
      'caption',
      curate(out, '--caption', 'program'),
      /^curate: --caption "program" must be a program and its arguments, one of which is \{frames\}/,
    ],
    ['output', curate('/proc/none/m.jsonl'), /^output: cannot write \/proc\/none\/m\.jsonl: /],
    ['jobs', curate(out, '--jobs', '0'), 'curate: --jobs must be at least 1, got 0'],
  ])('%s', async (_, args, message) => {
    const program = new Command('moviegen').exitOverride().configureOutput({ writeErr: () => {} });
    const run = new Run(new AbortController().signal);
    addCommands(program, run);
    const failed = await program.parseAsync(args, { from: 'user' }).then(
      () => undefined,
      (error: Error) => error,
    );
    run.close();
    expect(failed).toBeInstanceOf(InputError);
    if (typeof message === 'string') expect(failed!.message).toBe(message);
    else expect(failed!.message).toMatch(message);
    expect(existsSync(out)).toBe(false);
  });
});
