// The page of `moviegen compare`, as the built command line serves it: two raters judge 20 pairs by what they see, one of them reloads
// in the middle, and the report equals a computation by hand.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeVideo } from 'moviegen';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { moviegen } from '../cli.ts';
import { launchChromium } from './chromium.ts';
import { openPage, seriousAxeFaults } from './page.ts';

const PAIRS = 20;
const folder = mkdtempSync(join(tmpdir(), 'moviegen-compare-'));
const prompts = Array.from({ length: PAIRS }, (_, k) => `prompt number ${k} of many`);
const [a, b, file, votes] = ['a', 'b', 'prompts.csv', 'votes.jsonl'].map((name) => join(folder, name)) as [
  string,
  string,
  string,
  string,
];
const args = ['compare', a, b, '--prompts', file, '--axes', 'overall', '--votes', votes];
let child: ChildProcess;
let url: string;

beforeAll(async () => {
  for (const side of [a, b]) mkdirSync(side);
  const rows = prompts.map(
    (prompt, k) => `${prompt},${k % 2 === 0 ? 'animal' : '"animal, hand"'},${k < 10 ? 'low' : 'high'}`,
  );
  writeFileSync(file, `prompt,concept,motion_level\n${rows.join('\n')}\n`);
  // A is red, B is blue.
  for (const [side, colour, format] of [
    [a, [200, 0, 0], 'mp4'],
    [b, [0, 0, 200], 'webm'],
  ] as const) {
    const pixels = Array.from({ length: 8 * 32 * 32 }, () => colour).flat();
    const bytes = await encodeVideo(
      { data: Uint8Array.from(pixels), shape: [8, 32, 32, 3], fps: 8 },
      { format },
    );
    for (const [k] of prompts.entries())
      writeFileSync(join(side, `prompt-number-${k}-of-many-${k + 5}.${format}`), bytes);
  }
  url = await start();
});
afterAll(() => {
  child?.kill('SIGINT');
  rmSync(folder, { recursive: true, force: true });
});

async function start(): Promise<string> {
  const program = fileURLToPath(new URL('../../packages/moviegen/bin/moviegen.js', import.meta.url));
  child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  return new Promise((resolve, reject) => {
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      const found = /http:\/\/127\.0\.0\.1:\d+\//.exec(text);
      if (found) resolve(found[0]);
    });
    child.on('exit', (status) => reject(new Error(`moviegen compare ended with ${status}`)));
  });
}

const browser = await launchChromium();

/** Which side shows the red video, as a person sees it, once both are there. */
const redSide = (page: Page): Promise<'left' | 'right'> =>
  page.evaluate(async () => {
    const red = async (id: string): Promise<boolean> => {
      const video = document.getElementById(id) as HTMLVideoElement;
      const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })!;
      for (;;) {
        canvas.drawImage(video, 0, 0, 1, 1);
        const [r, , b] = canvas.getImageData(0, 0, 1, 1).data;
        if (Math.max(r!, b!) > 100 && video.readyState >= 2) return r! > b!;
        await new Promise((resume) => setTimeout(resume, 20)); // not there yet
      }
    };
    const [left, right] = [await red('left'), await red('right')];
    if (left === right) throw new Error('both videos show the same');
    return left ? 'left' : 'right';
  });

const promptOn = async (page: Page): Promise<number> =>
  prompts.indexOf((await page.locator('#prompt').textContent())!);

/** What each rater thinks of each pair. */
const OPINIONS: Readonly<Record<string, (k: number) => 'red' | 'tie' | 'blue'>> = {
  Ada: (k) => (k % 3 === 0 ? 'tie' : 'red'),
  'Ben Ö.': (k) => (k % 4 === 0 ? 'blue' : 'red'),
};

/** Judges the pair on the page. @param how by keys, or by buttons */
async function judge(page: Page, rater: string, how: 'keys' | 'buttons'): Promise<void> {
  const progress = await page.locator('#progress').textContent();
  const opinion = OPINIONS[rater]!(await promptOn(page));
  const red = await redSide(page);
  const side = opinion === 'tie' ? 'tie' : (opinion === 'red') === (red === 'left') ? 'left' : 'right';
  if (how === 'keys') await page.keyboard.press({ left: 'a', tie: 't', right: 'b' }[side]);
  else await page.locator(`#choose-${side}`).click();
  await page.waitForFunction(
    (before) =>
      document.getElementById('progress')!.textContent !== before ||
      !document.getElementById('finished')!.hidden,
    progress,
  );
}

async function begin(rater: string): Promise<Page> {
  const page = await openPage(browser, url);
  await page.getByLabel('Your name').fill(rater);
  await page.keyboard.press('Enter');
  await page.locator('#judging').waitFor();
  return page;
}

test('two raters, one of whom reloads in the middle', async () => {
  const [ada, ben] = [await begin('Ada'), await begin('Ben Ö.')];
  expect(await seriousAxeFaults(ada)).toEqual([]);
  for (let k = 0; k < 9; k++) await judge(ada, 'Ada', 'keys');
  for (let k = 0; k < 5; k++) await judge(ben, 'Ben Ö.', 'buttons');
  await ada.reload();
  await ada.locator('#judging').waitFor();
  expect(await ada.locator('#progress').textContent()).toBe('(10 of 20)');
  // A vote that was wrong is taken back, and the same pair shown again.
  const pair = await promptOn(ada);
  await ada.keyboard.press('b');
  await ada.getByText('(11 of 20)').waitFor();
  await ada.keyboard.press('u');
  await ada.getByText('(10 of 20)').waitFor();
  expect(await promptOn(ada)).toBe(pair);
  for (let k = 9; k < PAIRS; k++) await judge(ada, 'Ada', k % 2 === 0 ? 'keys' : 'buttons');
  for (let k = 5; k < PAIRS; k++) await judge(ben, 'Ben Ö.', 'keys');
  for (const page of [ada, ben]) {
    await page.getByRole('heading', { name: 'That was all. Thank you.' }).waitFor();
    await page.context().close();
  }

  const { status, stdout, stderr } = await moviegen([...args, '--report', '--json']);
  expect([status, stderr.replace(/compare: .* left out.*\n/g, '')]).toEqual([0, '']);
  const [overall] = JSON.parse(stdout).axes;
  // By hand: both say red (A): A wins; tie and red, or red and blue, or tie and blue: no majority, a tie.
  const verdicts = prompts.map((_, k) => {
    const [one, other] = Object.values(OPINIONS).map((opinion) => opinion(k));
    return one === other ? one : 'none';
  });
  const wins = verdicts.filter((verdict) => verdict === 'red').length; // 20 less 7 thirds, less 5 fourths, 2 of which are both
  expect(wins).toBe(10);
  expect(overall).toMatchObject({
    pairs: 20,
    wins: 10,
    losses: 0,
    ties: 10,
    net: 50,
    votes: 40,
    agreement: 10 / 20,
    short: 20,
  });
  expect(overall.raters.sort()).toEqual(['Ada', 'Ben Ö.']);
  const odd = verdicts.filter((verdict, k) => k % 2 === 1 && verdict === 'red').length;
  expect(overall.byConcept.hand).toMatchObject({ pairs: 10, wins: odd, net: 10 * odd });
  expect(overall.byConcept.animal.pairs).toBe(20);
  const low = verdicts.filter((verdict, k) => k < 10 && verdict === 'red').length;
  expect(overall.byMotion.low).toMatchObject({ pairs: 10, wins: low });
});

test('votes are lines of a file; both videos play, and in step', async () => {
  const lines = readFileSync(votes, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.length).toBe(1 + 2 * PAIRS + 2);
  expect(lines.filter(({ left }) => left === 'A').length).toBeGreaterThan(8);
  expect(lines.filter(({ left }) => left === 'B').length).toBeGreaterThan(8);
  const page = await begin('Cem');
  await page.waitForFunction(() => {
    const [left, right] = ['left', 'right'].map((id) => document.getElementById(id) as HTMLVideoElement);
    return (
      left!.currentTime > 0.3 &&
      right!.currentTime > 0.3 &&
      Math.abs(left!.currentTime - right!.currentTime) < 0.25
    );
  });
  const addresses = await page.evaluate(() =>
    ['left', 'right'].map((id) => (document.getElementById(id) as HTMLVideoElement).src),
  );
  for (const address of addresses)
    expect(new URL(address).pathname).toMatch(/^\/video\/overall\/\d+\/0\/Cem\/(left|right)$/);
  await page.context().close();
});

test('only its own page is answered', async () => {
  const post = (path: string, body: string, type = 'application/json') =>
    fetch(url + path, { method: 'POST', headers: { 'content-type': type }, body });
  expect((await post('vote', '{"rater":"x"', 'application/json')).status).toBe(400);
  expect((await post('next', '{"rater":"x"}', 'text/plain')).status).toBe(400);
  expect((await post('next', '{"rater":7}')).status).toBe(400);
  for (const path of ['video/overall/99/0/x/left', 'video/../../etc/passwd', 'none'])
    expect((await fetch(url + path)).status, path).toBe(400);
  const page = await fetch(url);
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(
    (await fetch(`${url}video/overall/0/0/x/left`, { headers: { range: 'bytes=2-5' } })).headers.get(
      'content-range',
    ),
  ).toMatch(/^bytes 2-5\//);
});

test('votes of other sides are refused', async () => {
  const { status, stderr } = await moviegen([
    'compare',
    b,
    a,
    '--prompts',
    file,
    '--votes',
    votes,
    '--report',
  ]);
  expect([status, stderr]).toEqual([
    2,
    expect.stringMatching(
      /^error: compare: the votes in .* are not of .*; name another file with --votes\n$/,
    ),
  ]);
});
