// Errors of the command line, on the tiny checkpoint: what it says, and that it leaves nothing behind.

import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serialize } from '@moviegen/safetensors';
import { TINY, taeFile } from '@moviegen/testing/checkpoints';
import { describe, expect, test } from 'vitest';
import { filesIn, folders, moviegen, PROMPT } from './cli.ts';

const fixtures = fileURLToPath(new URL('../packages/moviegen/fixtures', import.meta.url));
const folder = folders();

describe('wrong input: one line, status 2, existing files stay', () => {
  const inputs = folder();
  const file = (name: string, content: string | Uint8Array): string => {
    writeFileSync(join(inputs, name), content);
    return join(inputs, name);
  };
  const latents = (shape: number[]) =>
    serialize({ latents: { dtype: 'F32', shape, data: new Float32Array(shape.reduce((a, b) => a * b)) } });
  const gen = ['generate', PROMPT, '--model', TINY];
  const noModel = ['generate', PROMPT, '--model', '/none']; // outputs are checked before the model

  test.each<[string, string[], string | RegExp]>([
    ['unknown option', [...gen, '--sed', '3'], "error: unknown option '--sed' (Did you mean --seed?)"],
    ['unknown command', ['generat'], "error: unknown command 'generat' (Did you mean generate?)"],
    ['empty prompt', ['generate', ' ', '--model', TINY], 'error: generate: the prompt is empty'],
    [
      'width',
      [...gen, '--width', '40'],
      'error: generate: width must be a multiple of 16, got 40; the nearest are 32 and 48',
    ],
    ['height', [...gen, '--height', '-16'], /height must be an integer of at least 1, got -16$/],
    [
      'no frames',
      [...gen, '--num-frames', '0'],
      'error: generate: numFrames must be an integer of at least 1, got 0',
    ],
    ['no steps', [...gen, '--steps', '0'], 'error: generate: steps must be an integer of at least 1, got 0'],
    ['half a step', [...gen, '--steps', '1.5'], /argument '1\.5' is invalid\. It must be an integer\.$/],
    [
      'seed',
      [...gen, '--seed', '-1'],
      /argument '-1' is invalid\. It must be an integer from 0 to 2\^64 - 1\.$/,
    ],
    ['guidance', [...gen, '-g', 'NaN'], /argument 'NaN' is invalid\. It must be a number\.$/],
    ['fps', [...gen, '--fps', '0'], 'error: generate: fps must be a number above 0, got 0'],
    ['solver', [...gen, '--solver', 'rk4'], /Allowed choices are euler, midpoint, heun, dopri5, unipc\.$/],
    [
      'extension',
      [...gen, '--output', 'a.avi'],
      'error: output: "a.avi" must end in one of .mp4, .webm, .gif',
    ],
    [
      'folder of output',
      [...noModel, '--output', join(file('f', ''), 'a.mp4')],
      /cannot write .*a\.mp4: .*f is not a folder$/,
    ],
    [
      'output is a folder',
      [...noModel, '--output', join(mkdir('d.mp4'))],
      /d\.mp4 is a folder, expected a file$/,
    ],
    [
      'folder of frames',
      [...noModel, '--frames-dir', join(file('g', ''), 'x')],
      /^error: output: cannot write /,
    ],
    [
      'a file system that refuses',
      [...gen, '--output', '/proc/none/a.mp4'],
      /^error: output: cannot write \/proc/,
    ],
    ['no prompts', ['generate', '--prompts', join(inputs, 'none.txt')], /cannot read --prompts .*: ENOENT/],
    ['empty prompts', ['generate', '--prompts', file('e.txt', '\n')], /--prompts .*e\.txt holds no prompt$/],
    [
      'two kinds of prompts',
      [...gen, '--prompts', 'x'],
      'error: generate: give a prompt or --prompts, not both',
    ],
    [
      'several prompts, one file',
      ['generate', '--prompts', file('two.txt', 'a\nb'), '--output', 'a.mp4'],
      'error: generate: --output "a.mp4" is one file, but there are several prompts',
    ],
    ['no model', ['generate', 'x', '--model', '/none'], 'error: checkpoint: there is no folder /none'],
    ['no index', ['generate', 'x', '--model', inputs], /model_index\.json is missing$/],
    [
      'adapter',
      [...gen, '--adapter', 'none such'],
      /^error: device: no adapter is named "none such"; there are: .+/,
    ],
    ['no video', ['encode', join(inputs, 'none.mp4')], /^error: video: there is no file or folder /],
    [
      'text for a video',
      ['encode', file('text.mp4', 'no video'), '--model', TINY],
      /text\.mp4: this is a text file; what is read is mp4/,
    ],
    ['no frames in a folder', ['encode', fixtures], /holds no pictures \(PNG, JPEG, WebP, AVIF, gif\)$/],
    [
      'latents of another shape',
      ['decode', file('s.safetensors', latents([4, 2])), '--model', TINY],
      /got \[4, 2\]$/,
    ],
    [
      'latents of another model',
      ['decode', file('t.safetensors', latents([3, 1, 2, 2])), '--model', TINY],
      /4 channels/,
    ],
    [
      'malformed',
      ['inspect', file('m.safetensors', 'not tensors at all')],
      /^error: safetensors open .*m\.safetensors: /,
    ],
    ['no file', ['inspect', join(inputs, 'none')], /^error: inspect: there is no file none in /],
    [
      'no fixtures',
      ['parity', '--fixtures', inputs],
      /holds no folder with a fixture\.json, and none with cases of Wan$/,
    ],
    ['every', ['judge', '--every', '0'], 'error: judge: every must be an integer of at least 1, got 0'],
    [
      'no folder to average into',
      ['average', TINY, TINY, '-o', '/proc/x/y'],
      /^error: average: cannot write \/proc\/x\/y: ENOENT/,
    ],
    [
      'a file where a folder should be',
      ['quantize', TINY, '--dtype', 'q8', '-o', join(file('x.png', 'x'), 'y')],
      /^error: quantize: cannot write .*y: .*x\.png is not a folder$/,
    ],
    ['tiling', ['judge', '--tiling', '--steps', '3'], 'error: judge: --tiling takes no --steps'],
    ['no lora', ['encode', 'a.png', '--lora', 'x'], "error: unknown option '--lora'"],
    ['no kernel', ['doctor', '--filter', 'nothing'], 'error: doctor: no kernel’s case holds "nothing"'],
  ])('%s', async (_, args, message) => {
    const cwd = folder();
    const old =
      args[0] === 'decode' ? 'out/decoded.mp4' : args[0] === 'encode' ? 'latents.safetensors' : 'a.mp4';
    mkdirSync(join(cwd, 'out'));
    writeFileSync(join(cwd, old), 'before');
    const before = filesIn(cwd);
    const { status, stdout, stderr } = await moviegen([...args, '--quiet'], { cwd });
    const line = stderr.trimEnd().replace("kernel's", 'kernel’s');
    if (typeof message === 'string') expect(line).toBe(message);
    else expect(line).toMatch(message);
    expect(line).not.toContain('\n');
    expect(stdout).toBe('');
    expect(status).toBe(2);
    expect(filesIn(cwd)).toEqual(before);
    expect(readFileSync(join(cwd, old), 'utf8')).toBe('before');
  });

  function mkdir(name: string): string {
    mkdirSync(join(inputs, name));
    return join(inputs, name);
  }

  test('wrong tensors in a checkpoint: all are listed', async () => {
    const cwd = folder();
    cpSync(TINY, join(cwd, 'model'), { recursive: true });
    const bytes = await taeFile((tensors) => {
      delete tensors['encoder.conv_in.bias'];
      tensors['decoder.conv_in.bias'] = { dtype: 'F32', shape: [5], data: new Float32Array(5) };
      tensors['decoder.surplus'] = { dtype: 'F32', shape: [1], data: new Float32Array(1) };
    });
    writeFileSync(join(cwd, 'model/tae/model.safetensors'), bytes);
    const { status, stderr } = await moviegen(['generate', PROMPT, '--model', 'model', '--quiet'], { cwd });
    expect(status).toBe(2);
    expect(stderr).toMatch(/^error: checkpoint: model\/tae: /);
    for (const name of ['encoder.conv_in.bias', 'decoder.conv_in.bias [5], expected', 'decoder.surplus'])
      expect(stderr).toContain(name);
    expect(existsSync(join(cwd, 'out'))).toBe(false);
  });

  test('no adapter at all', async () => {
    const cwd = folder();
    const { status, stderr } = await moviegen(['generate', PROMPT, '--model', TINY, '--quiet'], {
      cwd,
      env: { MOVIEGEN_ADAPTER: 'none such' },
    });
    expect(status).toBe(2);
    expect(stderr).toMatch(/^error: device: no adapter is named "none such"/);
    expect(filesIn(cwd)).toEqual([]);
  });
});
