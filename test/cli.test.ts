// The command line on the tiny checkpoint: what it writes, what it says, and how it ends.

import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serialize } from '@moviegen/safetensors';
import { decodeVideo } from 'moviegen';
import { readVideo } from 'moviegen/node';
import { describe, expect, test } from 'vitest';
import { TINY, taeFile } from '../packages/moviegen/test/checkpoints.ts';
import { filesIn, moviegen, temporaryFolder } from './cli.ts';

const PROMPT = 'a small red circle moves right on a black background';
const fixtures = fileURLToPath(new URL('../packages/moviegen/fixtures', import.meta.url));
const root = temporaryFolder();
let folders = 0;

/** A new folder of its own for a test. */
function folder(): string {
  const path = join(root, String(folders++));
  mkdirSync(path);
  return path;
}

describe('generate', () => {
  test('writes an mp4 of the prompt and the seed, and says where, on what and how long', async () => {
    const cwd = folder();
    const { status, stdout, stderr } = await moviegen(['generate', PROMPT, '--seed', '3', '--model', TINY], {
      cwd,
    });
    const done = stderr.split('\n').filter((line) => !/\/s, \d+ s left$/.test(line)); // a slow machine tells more
    expect(done.join('\n')).toMatch(
      /^load: .*\ntext: .*\ncompile: .*\nsample: 4 .*\ndecode: 9 .*\nwrite: .*\n$/,
    );
    const path = 'out/a-small-red-circle-moves-right-on-a-black-background-3.mp4';
    expect(stdout).toContain(`${path}  32x16, 9 frames at 12 a second, seed 3\n`);
    expect(stdout).toMatch(/\nadapter: .+\nload [\d.]+ s, text .*, total [\d.]+ s\n$/);
    expect(status).toBe(0);
    expect(filesIn(cwd)).toEqual(['out', path]);
    const video = await decodeVideo(new Uint8Array(readFileSync(join(cwd, path))));
    expect(video).toMatchObject({ shape: [9, 16, 32, 3], fps: 12 });
  });

  test('a prompt of letters that take three bytes each, whose name is cut', async () => {
    const cwd = folder();
    const prompt = '红色的圆形在黑色背景上向右移动'.repeat(6);
    const { status, stderr } = await moviegen(
      ['generate', prompt, '--model', TINY, '--quiet', '--steps', '1'],
      { cwd },
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const [, path] = filesIn(cwd);
    expect(path).toMatch(/^out\/红.*-0\.mp4$/u);
    expect(Buffer.byteLength(path!)).toBeLessThan(100);
    const long = await moviegen(['generate', prompt, '--model', '/none', '-o', `${'长'.repeat(90)}.gif`], {
      cwd,
    });
    expect(long.stderr).toMatch(/^error: output: the name 长+\.gif has more than 255 bytes\n$/u);
  });

  test('goes on without a reader of its progress', async () => {
    const cwd = folder();
    const args = ['generate', PROMPT, '--model', TINY, '-o', 'a.mp4'];
    const { status } = await moviegen(args, { cwd, close: 'stderr' });
    expect(status).toBe(0);
    expect(filesIn(cwd)).toEqual(['a.mp4']);
  });

  test('takes the checkpoint’s own example without a prompt; writes frames beside a webm, as JSON says', async () => {
    const cwd = folder();
    const args = [
      '--output',
      'a/b.webm',
      '--frames-dir',
      'frames',
      '--json',
      '--num-frames',
      '10',
      '--steps',
      '2',
    ];
    mkdirSync(join(cwd, 'frames'));
    for (const name of ['frame-0099.png', 'mine.png']) writeFileSync(join(cwd, 'frames', name), 'before');
    const { status, stdout, stderr } = await moviegen(['generate', '--model', TINY, ...args], { cwd });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    const { videos, adapter, seconds } = JSON.parse(stdout);
    const size = { width: 32, height: 16, numFrames: 10, fps: 12 };
    expect(videos).toEqual([{ prompt: PROMPT, seed: 0, path: 'a/b.webm', framesDir: 'frames', ...size }]);
    expect(adapter.name).not.toBe('');
    expect(Object.keys(seconds)).toEqual(['load', 'text', 'compile', 'sample', 'decode', 'write', 'total']);
    const frames = Array.from({ length: 10 }, (_, k) => `frames/frame-000${k}.png`);
    expect(filesIn(cwd)).toEqual(['a', 'a/b.webm', 'frames', ...frames, 'frames/mine.png']);
    expect((await readVideo(join(cwd, 'a/b.webm'))).shape).toEqual([10, 16, 32, 3]);
  });

  test('makes a video of each line of a file, and gives the same bytes again', async () => {
    const cwd = folder();
    writeFileSync(join(cwd, 'prompts.txt'), 'one star\r\n\n  \nTwo “stars”, é!\n');
    const common = ['generate', '--prompts', 'prompts.txt', '--model', TINY, '--seed', '7', '--quiet'];
    const first = await moviegen([...common, '-o', 'x', '--format', 'gif', '--frames-dir', 'f'], { cwd });
    expect(first).toMatchObject({ status: 0, stderr: '' });
    const made = filesIn(cwd).filter((path) => path.endsWith('.gif'));
    expect(made).toEqual(['x/one-star-7.gif', 'x/two-stars-e-8.gif']);
    expect(existsSync(join(cwd, 'f/two-stars-e-8/frame-0008.png'))).toBe(true);
    const bytes = made.map((path) => readFileSync(join(cwd, path)));
    await moviegen([...common, '-o', 'x', '--format', 'gif', '--batch', '1'], { cwd });
    for (const [i, path] of made.entries())
      expect(readFileSync(join(cwd, path)).equals(bytes[i]!)).toBe(true);
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends at %s within a step, with status %d and no partial file', async (signal, expected) => {
    const cwd = folder();
    writeFileSync(join(cwd, 'old.mp4'), 'before');
    const args = [
      '--schedule',
      'linear',
      '--steps',
      '100000',
      '--output',
      'old.mp4',
      '--frames-dir',
      'new/frames',
    ];
    const { status, stdout, stderr } = await moviegen(['generate', PROMPT, '--model', TINY, ...args], {
      cwd,
      stop: { after: 'sample: step', signal },
    });
    expect(stderr.trimEnd().split('\n').at(-1)).toBe(`stopped by ${signal}`);
    expect(stdout).toBe('');
    expect(status).toBe(expected);
    expect(filesIn(cwd)).toEqual(['old.mp4']);
    expect(readFileSync(join(cwd, 'old.mp4'), 'utf8')).toBe('before');
  });
});

test('encode and decode: frames to latents and back to a file', async () => {
  const cwd = folder();
  await moviegen(['generate', PROMPT, '--model', TINY, '-o', 'a.gif', '--frames-dir', 'frames'], { cwd });
  const encoded = await moviegen(
    ['encode', 'frames', '-o', 'z.safetensors', '--fps', '12', '--model', TINY],
    { cwd },
  );
  expect(encoded.stdout).toContain('z.safetensors  latents [4, 2, 2, 4] of 9 frames, 32x16\n');
  const decoded = await moviegen(['decode', 'z.safetensors', '-o', 'b.mp4', '--model', TINY, '--json'], {
    cwd,
  });
  expect(JSON.parse(decoded.stdout)).toMatchObject({
    path: 'b.mp4',
    numFrames: 9,
    width: 32,
    height: 16,
    fps: 12,
  });
  expect(await readVideo(join(cwd, 'b.mp4'))).toMatchObject({ shape: [9, 16, 32, 3], fps: 12 });
  const again = await moviegen(['encode', 'b.mp4', '-o', 'y.safetensors', '--model', TINY], { cwd });
  expect(again.status).toBe(0);
  expect(filesIn(cwd).filter((path) => path.endsWith('.safetensors'))).toEqual([
    'y.safetensors',
    'z.safetensors',
  ]);
});

test('inspect lists tensors of a file, of an index and of a folder', async () => {
  const [file, index, whole] = await Promise.all([
    moviegen(['inspect', join(TINY, 'tae/model.safetensors')]),
    moviegen(['inspect', join(TINY, 'transformer/model.safetensors.index.json'), '--json']),
    moviegen(['inspect', join(TINY, 'transformer'), '--json']),
  ]);
  expect(file.stdout).toMatch(/encoder\.conv_in\.weight +F16 +\[4, 3, 3, 3\]/);
  expect(JSON.parse(index.stdout)).toEqual(JSON.parse(whole.stdout));
  expect(JSON.parse(whole.stdout).tensors.length).toBeGreaterThan(40);
});

test('doctor describes the adapter and checks kernels on it', async () => {
  const { status, stdout } = await moviegen(['doctor', '--filter', 'softmax', '--json']);
  const { adapter, limits, features, ops, failures, checks } = JSON.parse(stdout);
  expect(status).toBe(0);
  expect(ops).toEqual({ softmax: 'ok' });
  expect(failures).toEqual([]);
  expect(checks).toBeGreaterThan(1);
  expect(adapter.name).not.toBe('');
  expect(limits.maxBufferSize).toBeGreaterThan(0);
  expect(Array.isArray(features)).toBe(true);
  const said = await moviegen(['doctor', '--filter', 'softmax', '--quiet']);
  expect(said.stdout).toMatch(/^name .*\n[\s\S]*limits\n[\s\S]*softmax +[\d.]+ %\nall \d+ checks passed\n$/);
});

test('parity agrees with the reference, and names the first tensor that does not', async () => {
  const flow = join(fixtures, 'flow');
  const agreeing = await moviegen(['parity', '--fixtures', flow, '--json']);
  expect(agreeing.status).toBe(0);
  expect(JSON.parse(agreeing.stdout).reports.length).toBeGreaterThan(0);
  const copy = join(folder(), 'mine');
  cpSync(join(fixtures, 'philox'), copy, { recursive: true });
  const strict = await moviegen(['parity', '--fixtures', flow, '--bound', '0']);
  expect(strict.status).toBe(1);
  expect(strict.stdout).toMatch(/ is the first to differ, by \S+ of its largest value, most at \[/);
  expect((await moviegen(['parity', '--fixtures', copy])).status).toBe(0);
});

describe('wrong input: one line, status 2, what was there stays', () => {
  const inputs = folder();
  const file = (name: string, content: string | Uint8Array): string => {
    writeFileSync(join(inputs, name), content);
    return join(inputs, name);
  };
  const latents = (shape: number[]) =>
    serialize({ latents: { dtype: 'F32', shape, data: new Float32Array(shape.reduce((a, b) => a * b)) } });
  const gen = ['generate', PROMPT, '--model', TINY];
  const noModel = ['generate', PROMPT, '--model', '/none']; // outputs are looked at before the model

  test.each<[string, string[], string | RegExp]>([
    ['unknown option', [...gen, '--sed', '3'], "error: unknown option '--sed' (Did you mean --seed?)"],
    ['unknown command', ['generat'], "error: unknown command 'generat' (Did you mean generate?)"],
    ['empty prompt', ['generate', ' ', '--model', TINY], 'error: generate: the prompt is empty'],
    ['width', [...gen, '--width', '40'], 'error: generate: width must be a multiple of 16, got 40'],
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
    ['solver', [...gen, '--solver', 'rk4'], /Allowed choices are euler, midpoint, heun, dopri5\.$/],
    [
      'extension',
      [...gen, '--output', 'a.avi'],
      'error: output: "a.avi" must end in one of .mp4, .webm, .gif',
    ],
    [
      'folder of output',
      [...noModel, '--output', join(file('f', ''), 'a.mp4')],
      /cannot write .*a\.mp4: .*f is no folder$/,
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
    ['text for a video', ['encode', file('text.mp4', 'no video'), '--model', TINY], /text\.mp4: not a video/],
    ['no frames in a folder', ['encode', fixtures], /holds no PNG frames$/],
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
    ['no file', ['inspect', join(inputs, 'none')], /^error: safetensors open .*: there is no such file/],
    ['no fixtures', ['parity', '--fixtures', inputs], /holds no folder with a fixture\.json$/],
    ['world', ['judge', '--world', 'oceans'], /Allowed choices are shapes, scenes\.$/],
    ['every', ['judge', '--every', '0'], 'error: judge: every must be an integer of at least 1, got 0'],
    [
      'no folder to average into',
      ['average', TINY, TINY, '-o', '/proc/x/y'],
      /^error: average: cannot write \/proc\/x\/y: ENOENT/,
    ],
    [
      'a file where a folder should be',
      ['quantize', TINY, '--dtype', 'q8', '-o', join(file('x.png', 'x'), 'y')],
      /^error: quantize: cannot write .*y: .*x\.png is no folder$/,
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

  test('a checkpoint whose tensors are wrong: all are listed', async () => {
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

test('a quantised checkpoint makes videos; types are checked before the model is loaded', async () => {
  const cwd = folder();
  const quantize = await moviegen(['quantize', TINY, '--dtype', 'q8', '-o', 'small', '--quiet'], { cwd });
  expect(quantize.stderr).toBe('');
  expect(quantize.stdout).toMatch(
    /^small {2}21 weights in q8, \d+ tensors of these models as they were; 0\.\d MB/,
  );
  const args = [
    'generate',
    PROMPT,
    '--model',
    'small',
    '--steps',
    '1',
    '--num-frames',
    '1',
    '-o',
    'a.gif',
    '-q',
  ];
  expect(await moviegen(args, { cwd })).toMatchObject({ status: 0, stderr: '' });
  expect(filesIn(cwd)).toContain('a.gif');
  const again = await moviegen(['quantize', 'small', '--dtype', 'q4', '-o', 'smaller', '-q'], { cwd });
  expect(again.status).toBe(2);
  expect(again.stderr).toMatch(/^error: quantize: small\/transformer is quantised already .*\n$/);
  const wrong = await moviegen([...args, '--dtype', 'dit=q3'], { cwd });
  expect(wrong.stderr).toMatch(
    /^error: option '--dtype <type>' argument 'dit=q3' is invalid. dtype: unknown type/,
  );
  const tae = await moviegen([...args, '--dtype', 'dit=q8,tae=q8'], { cwd });
  expect(tae).toMatchObject({ status: 2, stdout: '' });
  expect(tae.stderr).toMatch(/^error: dtype: tae=q8: .*: choose f32 or f16\n$/);
});

const COMMANDS = [
  'generate',
  'gallery',
  'encode',
  'decode',
  'inspect',
  'doctor',
  'parity',
  'judge',
  'quantize',
];

test('help names every command', async () => {
  const { status, stdout } = await moviegen([]);
  expect(status).toBe(0);
  for (const command of COMMANDS) expect(stdout).toContain(`\n  ${command} `);
});

test.each(COMMANDS)('help of %s', async (command) => {
  const { status, stdout, stderr } = await moviegen([command, '--help']);
  expect(stderr).toBe('');
  expect(status).toBe(0);
  expect(stdout).toContain(`Usage: moviegen ${command} `);
});
