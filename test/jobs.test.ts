// The command line's jobs beyond text to video, on small seeded checkpoints: what comes out, what is said, what is refused, and
// that the source stays as it was.

import {
  cpSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TINY } from '@moviegen/testing/checkpoints';
import { decodeVideo } from 'moviegen';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { filesIn, folders, moviegen } from './cli.ts';

const fixtures = fileURLToPath(new URL('../packages/moviegen/fixtures', import.meta.url));
const films = fileURLToPath(new URL('../packages/moviegen/test/media', import.meta.url));
const folder = folders();
const models = folder();

const conditioned = join(models, 'conditioned');
cpSync(TINY, conditioned, { recursive: true });
rmSync(join(conditioned, 'transformer'), { recursive: true });
cpSync(join(fixtures, 'jobs/transformer'), join(conditioned, 'transformer'), { recursive: true });
rmSync(join(conditioned, 'SHA256SUMS'), { force: true });

/** The same with weights that cannot be loaded. */
const unloadable = join(models, 'unloadable');
cpSync(conditioned, unloadable, { recursive: true });
for (const name of readdirSync(join(unloadable, 'transformer')))
  if (name.endsWith('.safetensors')) writeFileSync(join(unloadable, 'transformer', name), 'nothing');

const referring = join(models, 'referring');
cpSync(conditioned, referring, { recursive: true });
for (const name of ['transformer', 'image_encoder']) {
  rmSync(join(referring, name), { recursive: true, force: true });
  cpSync(join(fixtures, 'reference', name), join(referring, name), { recursive: true });
}
const index = JSON.parse(readFileSync(join(referring, 'model_index.json'), 'utf8'));
writeFileSync(
  join(referring, 'model_index.json'),
  JSON.stringify({ ...index, image_encoder: 'image_encoder' }),
);

const upsampler = join(models, 'upsampler');
mkdirSync(join(upsampler, 'vae'), { recursive: true });
cpSync(join(fixtures, 'jobs/upsampler'), join(upsampler, 'transformer'), { recursive: true });
for (const name of ['config.json', 'diffusion_pytorch_model.safetensors'])
  cpSync(join(fixtures, 'autoencoder-kl-4', name), join(upsampler, 'vae', name));
writeFileSync(
  join(upsampler, 'model_index.json'),
  JSON.stringify({
    _class_name: 'MovieGenUpsamplerPipeline',
    sampler: { steps: 1 },
    window: { frames: 3, overlap: 1 },
  }),
);

const film = join(films, 'steady.mp4');
const picture = join(films, 'turned.jpg');
const shapeOf = async (path: string) => (await decodeVideo(new Uint8Array(readFileSync(path)))).shape;
const quick = ['--model', conditioned, '--steps', '1', '--json'];
const SIZE = ['--width', '32', '--height', '16'];

test('inspect says what a checkpoint can do', async () => {
  const plain = await moviegen(['inspect', TINY]);
  expect(plain.stdout).toContain('jobs: text to video, video to video\n');
  const more = await moviegen(['inspect', conditioned, '--json']);
  expect(JSON.parse(more.stdout)).toMatchObject({
    kind: 'Movie Gen',
    generation: { defaults: { sampler: { steps: 4 }, video: { numFrames: 9 } }, multiple: [16, 16] },
    jobs: ['text', 'video', 'image', 'lastImage', 'mask', 'extend', 'edit'],
    tasks: ['add', 'recolour'],
  });
  const pictured = await moviegen(['inspect', referring]);
  expect(pictured.stdout).toContain('extending, editing, video of a reference\n');
  const larger = await moviegen(['inspect', upsampler]);
  expect(larger.stdout).toContain('jobs: upscaling\n');
});

describe('a command per job', () => {
  test.each([
    ['a video to start from', ['generate', 'a star', '--video', film, '--strength', '0.5'], [9, 16, 32, 3]],
    ['a first frame', ['generate', 'a star', '--image', picture, ...SIZE], [9, 16, 32, 3]],
    ['a last frame', ['generate', 'a star', '--last-image', picture, ...SIZE], [9, 16, 32, 3]],
    ['a mask', ['generate', 'a star', '--video', film, '--mask', picture], [9, 16, 32, 3]],
    ['an edit', ['edit', film, 'a', 'star', '--task', 'add', '--num-frames', '9'], [9, 16, 32, 3]],
    ['what follows', ['extend', film, 'a star', '--num-frames', '20', '--fps', '12'], [20, 16, 32, 3]],
    ['both at once', ['generate', 'a star', '--upscale', '2', '--upsampler', upsampler], [9, 32, 64, 3]],
  ])('%s', async (_, args, shape) => {
    const output = join(folder(), 'made.mp4');
    const { status, stdout, stderr } = await moviegen([...args, ...quick, '-o', output]);
    expect(`${stderr}${status}`).toMatch(/0$/);
    expect(await shapeOf(output)).toEqual(shape);
    const said = JSON.parse(stdout);
    expect((said.videos?.[0] ?? said).path).toBe(output);
  });

  test('upscale', async () => {
    const output = join(folder(), 'large.mp4');
    const args = [
      'upscale',
      film,
      '--model',
      upsampler,
      '--scale',
      '1.25',
      '-o',
      output,
      '--tile',
      '64',
      '--tile-overlap',
      '16',
    ];
    const { status, stderr } = await moviegen(args);
    expect(`${stderr}${status}`).toMatch(/windows/);
    const [T, H, W] = await shapeOf(film);
    expect(await shapeOf(output)).toEqual([T, Math.round(H * 1.25), Math.round(W * 1.25), 3]);
  });
});

describe('a reference picture', () => {
  const made = () => join(folder(), 'made.mp4');
  const named = ['--model', referring, '--steps', '1', '--json'];

  test.each([
    [
      'generate',
      ['generate', 'a star', '--reference-guidance-scale', '2', '--image', picture, ...SIZE],
      [9, 16, 32, 3],
    ],
    ['extend', ['extend', film, 'a star', '--num-frames', '20', '--fps', '12'], [20, 16, 32, 3]],
  ])('%s', async (_, args, shape) => {
    const output = made();
    const alpha = join(folder(), 'alpha.png');
    await sharp({ create: { width: 20, height: 28, channels: 4, background: '#f008' } }).toFile(alpha);
    const { status, stdout, stderr } = await moviegen([
      ...args,
      '--reference',
      alpha,
      ...named,
      '-o',
      output,
    ]);
    expect(`${stderr}${status}`).toMatch(/0$/);
    expect(await shapeOf(output)).toEqual(shape);
    const said = JSON.parse(stdout);
    expect((said.videos?.[0] ?? said).notes.join()).toContain('black');
  });

  test('is refused by a checkpoint that reads none, and never overwritten', async () => {
    const none = await moviegen(['generate', 'a', '--reference', picture, ...quick, '-o', made()]);
    expect(none.stderr).toContain(
      'error: generate: this checkpoint has not learnt video of a reference; it can do text to video',
    );
    expect(none.status).toBe(2);
    for (const args of [
      ['generate', 'a star'],
      ['edit', film, 'a star'],
    ]) {
      const own = join(folder(), 'own.png');
      cpSync(picture, own);
      const { stderr } = await moviegen([...args, '--reference', own, '--model', '/none', '-o', own]);
      expect(stderr).toContain('is what is read: name another one');
    }
    const { stderr } = await moviegen([
      'edit',
      film,
      'a',
      '--reference',
      '/none.png',
      ...named,
      '-o',
      made(),
    ]);
    expect(stderr).toBe('error: video: there is no file or folder /none.png\n');
  });

  test('plan and quantize know its tower', async () => {
    const args = ['plan', 'reference', referring, '--no-adapter', '--json'];
    const { stdout, stderr } = await moviegen(args);
    const weights: { readonly part: string; readonly parameters: number }[] = JSON.parse(stdout).weights;
    expect(stderr).toBe('');
    expect(weights.find(({ part }) => part === 'vision')?.parameters).toBe(19_104);
    const output = join(folder(), 'q8');
    await moviegen(['quantize', referring, '-o', output, '--dtype', 'q8']);
    const tower = await moviegen(['inspect', join(output, 'image_encoder'), '--json']);
    const types: { readonly dtype: string; readonly tensors: number }[] = JSON.parse(tower.stdout).byDtype;
    expect(types.map(({ dtype }) => dtype).sort()).toEqual(['F16', 'I8']);
    const args2 = ['generate', 'a star', '--reference', picture, '--model', output, '--steps', '1', ...SIZE];
    expect((await moviegen([...args2, '-o', made()])).status).toBe(0);
  });
});

describe('the source is never overwritten', () => {
  test.each(['itself', 'dots', 'symbolic link', 'hard link', 'folder behind a link'])('%s', async (how) => {
    const root = folder();
    const source = join(root, 'in.mp4');
    cpSync(film, source);
    const spellings: Record<string, () => string> = {
      itself: () => source,
      dots: () => join(root, 'x', '..', '.', 'in.mp4').replace(/in\.mp4$/, './in.mp4'),
      'symbolic link': () => {
        symlinkSync(source, join(root, 'link.mp4'));
        return join(root, 'link.mp4');
      },
      'hard link': () => {
        linkSync(source, join(root, 'hard.mp4'));
        return join(root, 'hard.mp4');
      },
      'folder behind a link': () => {
        symlinkSync(root, join(root, 'again'));
        return join(root, 'again', 'in.mp4');
      },
    };
    const output = spellings[how]!();
    const { status, stderr } = await moviegen(['edit', source, 'a star', '--model', '/none', '-o', output]);
    expect(stderr).toMatch(/^error: output: .* is what is read: name another one, it stays as it is\n$/);
    expect(status).toBe(2);
    expect(readFileSync(source)).toEqual(readFileSync(film));
  });
});

describe('refused in one line, before anything is computed', () => {
  test.each([
    [
      ['generate', 'a star', '--image', picture, '--model', TINY],
      /^error: generate: this checkpoint has not learnt image to video; it can do text to video, video to video\n$/,
    ],
    [['edit', film, 'a star', '--model', TINY], /^error: edit: this checkpoint has not learnt editing/],
    [
      ['edit', film, 'a star', '--model', conditioned, '--task', 'x'],
      /unknown task "x", expected one of add, recolour\n$/,
    ],
    [
      ['edit', film, 'a star', '--model', unloadable, '--task', 'x'],
      /^error: edit: unknown task "x", expected one of add, recolour\n$/,
    ],
    [['generate', 'a star', '--upsampler', '/none', '--model', TINY], /--upsampler is for --upscale\n$/],
    [['upscale', film, '--model', TINY], /this is not an upsampler\n$/],
    [['judge', '--job', 'upscale', '--model', TINY], /this is not an upsampler\n$/],
    [
      ['judge', '--job', 'reference', '--model', TINY],
      /error: judge: this checkpoint has not learnt video of a reference; it can do text to video, video to video\n$/,
    ],
    [
      ['upscale', film, '--model', upsampler, '--scale', '0.5'],
      /scale must be a number of at least 1, got 0\.5\n$/,
    ],
    [['extend', film, 'a star', '--model', conditioned], /required option '--num-frames <n>' not specified/],
    [['generate', 'a star', '--model', upsampler], /this is an upsampler: MovieGenUpsampler loads it/],
  ])('%#', async (args, message) => {
    const cwd = folder();
    const { status, stderr } = await moviegen(args, { cwd });
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
    expect(filesIn(cwd)).toEqual([]);
  });
});

const LONG = ['--steps', '5000', '--schedule', 'linear'];
const BY_JOB: readonly (readonly [string, readonly string[], string])[] = [
  ['a prompt', ['generate', 'a star', '--model', conditioned], 'compile'],
  ['a first frame', ['generate', 'a star', '--model', conditioned, '--image', picture, ...SIZE], 'compile'],
  ['a video', ['generate', 'a star', '--model', conditioned, '--video', film], 'compile'],
  ['a reference', ['generate', 'a star', '--model', referring, '--reference', picture, ...SIZE], 'compile'],
  ['an edit', ['edit', film, 'a star', '--model', conditioned, '--num-frames', '9'], 'compile'],
  ['what follows', ['extend', film, 'a star', '--model', conditioned, '--num-frames', '40'], 'compile'],
  ['upscaling', ['upscale', film, '--model', upsampler], 'upscale: '],
];

describe('stops within a step by Ctrl-C, and leaves no file', () => {
  test.each(BY_JOB)('%s', async (_, args, after) => {
    const cwd = folder();
    const stop = { after, signal: 'SIGINT' } as const;
    const { status, stderr } = await moviegen([...args, ...LONG, '-o', 'made.mp4'], { cwd, stop });
    expect(stderr.trimEnd().split('\n').at(-1)).toBe('stopped by SIGINT');
    expect(stderr).not.toMatch(/^ {4}at /m);
    expect(status).toBe(130);
    expect(filesIn(cwd)).toEqual([]);
  });

  test('both at once, while it is upscaled', async () => {
    const cwd = folder();
    const args = ['generate', 'a star', '--model', conditioned, '--steps', '1', '-o', 'made.mp4'];
    const larger = ['--upscale', '8', '--upsampler', upsampler];
    const stop = { after: 'upscale: ', signal: 'SIGINT' } as const;
    const { status } = await moviegen([...args, ...larger], { cwd, stop });
    expect(status).toBe(130);
    expect(filesIn(cwd)).toEqual([]);
  });
});
