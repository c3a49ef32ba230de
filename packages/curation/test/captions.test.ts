// Captions: files beside videos, and a user's command, which gets its frames without a shell between.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLIP_OPTIONS, THRESHOLDS } from '@moviegen/curation';
import { Outputs, readVideo } from 'moviegen/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commandWords, sideCaption } from '../src/node/captions.ts';
import { curate } from '../src/node/curate.ts';
import { exportClips } from '../src/node/export.ts';
import { FPS, pan, writeScene } from './scenes.ts';

const root = mkdtempSync(join(tmpdir(), 'moviegen-captions-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A name that a shell would run. */
const EVIL = '$(touch pwned); `touch pwned`.mp4';

beforeAll(async () => {
  for (const [i, name] of ['one.mp4', 'two.mp4', EVIL].entries())
    await writeScene(root, name, { view: pan(300 + i) });
  writeFileSync(join(root, 'one.txt'), ' a red\n  river \n');
  writeFileSync(join(root, 'two.json'), JSON.stringify({ caption: 'two people' }));
  writeFileSync(join(root, 'broken.json'), '{');
  // Says how many pictures it was given, and the size of the first.
  writeFileSync(
    join(root, 'caption.mjs'),
    `import { readFileSync, appendFileSync } from 'node:fs';
const [log, word, ...frames] = process.argv.slice(2);
appendFileSync(log, frames.length + '\\n');
const png = readFileSync(frames[0]);
console.log(word, frames.length, png.readUInt32BE(16) + 'x' + png.readUInt32BE(20));`,
  );
});

const log = join(root, 'log.txt');
const program = `"${process.execPath}" '${join(root, 'caption.mjs')}' ${log} "$HOME; ls" {frames}`;
const options = (caption: string | undefined, name = 'manifest.jsonl') => ({
  folder: root,
  output: join(root, 'out', name),
  clips: CLIP_OPTIONS,
  limits: { ...THRESHOLDS, motion: 0.5 },
  shares: {},
  caption,
  outputs: new Outputs(),
  signal: new AbortController().signal,
});

test('files beside videos', async () => {
  expect(await sideCaption(join(root, 'one.mp4'))).toBe('a red river');
  expect(await sideCaption(join(root, 'two.mp4'))).toBe('two people');
  expect(await sideCaption(join(root, EVIL))).toBe(undefined);
  await expect(sideCaption(join(root, 'broken.mp4'))).rejects.toThrow(/broken\.json is not JSON/);
});

test('words of a command', () => {
  expect(commandWords(`python3 "my script.py" '{x}' {frames} --n 3`)).toEqual([
    'python3',
    'my script.py',
    '{x}',
    '{frames}',
    '--n',
    '3',
  ]);
  for (const wrong of ['', 'program', '{frames}', 'program frames={frames}'])
    expect(() => commandWords(wrong)).toThrow(
      /must be a program and its arguments, one of which is \{frames\}/,
    );
});

describe('a command', () => {
  test('captions what has no caption, once, and no shell sees anything', async () => {
    const { lines, notes } = await curate(options(program));
    const captions = Object.fromEntries(lines.map(({ file, caption }) => [file.slice(3), caption]));
    expect(captions[EVIL]).toMatch(/^FPS-6\. .*\$HOME; ls 8 48x32$/);
    expect(captions['one.mp4']).toMatch(/a red river$/);
    expect(existsSync('pwned')).toBe(false);
    expect(notes).toEqual(['concepts: left out, since they need an image model (--image-model)']);
    await curate(options(program));
    expect(readFileSync(log, 'utf8')).toBe('8\n'); // the second run knew
  });

  test('that fails leaves its clip without a caption; one that is not there ends the run', async () => {
    const failing = `"${process.execPath}" -e "console.error('no GPU'); process.exit(3)" {frames}`;
    const { lines, notes } = await curate(options(failing));
    expect(lines.find(({ file }) => file.endsWith(EVIL))!.caption).toBe(undefined);
    expect(notes.join('\n')).toContain(
      `${lines.find(({ file }) => file.endsWith(EVIL))!.file}: no caption: the caption command ended with 3: no GPU`,
    );
    await expect(curate(options('/none/program {frames}'))).rejects.toThrow(
      /^curate: cannot start --caption \/none\/program: /,
    );
  });
});

test('with an image model concepts are balanced, and embeddings are known the next time', async () => {
  let embedded = 0;
  const embedder = {
    name: 'mean colour',
    embed: async ({ data }: { data: Uint8Array }) => {
      embedded++;
      const mean = [0, 1, 2].map(
        (c) => data.filter((_, i) => i % 3 === c).reduce((sum, value) => sum + value, 0) / (data.length / 3),
      );
      return [mean];
    },
  };
  const { notes, funnel } = await curate({ ...options(undefined), embedder, total: 1, clusters: 2 });
  expect(embedded).toBe(3 * 4);
  expect(notes.join()).toMatch(/concepts: \d clusters of /);
  expect(funnel.at(-1)!.left).toBeLessThan(3);
  await curate({ ...options(undefined), embedder });
  expect(embedded).toBe(3 * 4);
});

test('export: kept clips at a size and rate, with captions and a manifest of their own', async () => {
  const { lines, paths } = await curate(options(undefined));
  const kept = lines.flatMap((line, i) =>
    line.kept ? [{ line: { ...line, start: 1, end: 3 }, path: paths[i]! }] : [],
  );
  const folder = join(root, 'exported');
  const own = {
    folder,
    size: { width: 24, height: 24 },
    fps: 4,
    signal: new AbortController().signal,
    outputs: new Outputs(),
  };
  let told = 0;
  const written = await exportClips(kept, { ...own, onClip: () => told++ });
  expect([written.length, told]).toEqual([3, 3]);
  const one = written.find(({ file }) => file.startsWith('one'))!;
  expect(one).toMatchObject({
    file: 'one-1000-24x24-4.mp4',
    start: 0,
    end: 2,
    video: { width: 24, height: 24, fps: 4, frames: 8 },
  });
  const video = await readVideo(join(folder, one.file));
  expect([video.shape, video.fps]).toEqual([[8, 24, 24, 3], 4]);
  expect(readFileSync(join(folder, 'one-1000-24x24-4.txt'), 'utf8')).toBe(
    `${one.caption!.replace('FPS-4. ', '')}\n`,
  );
  // Frame k is what is shown at 1 + k / 4 s: of a source of 6 a second frames 6, 7, 9, 10, ...; scaled by 3/4, the middle.
  const source = await readVideo(join(root, 'one.mp4'));
  const at = (k: number) => {
    const shown = Math.floor((1 + k / 4) * FPS + 1e-6);
    return source.data[((shown * 32 + 16) * 48 + 24) * 3 + 1]!;
  };
  for (const k of [0, 1, 2, 5])
    expect(Math.abs(video.data[((k * 24 + 12) * 24 + 12) * 3 + 1]! - at(k))).toBeLessThan(14);
  const lines2 = readFileSync(join(folder, 'manifest.jsonl'), 'utf8').trim().split('\n');
  expect(lines2.length).toBe(3);
});
