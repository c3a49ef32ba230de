// The built playground for its tests: serves it, and reads what a person sees on it.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { TINY as SMALL } from '@moviegen/testing/checkpoints';
import type { Frames } from 'moviegen';
import type { Page } from 'playwright-core';
import { afterAll, expect } from 'vitest';
import { type Mount, serve, type TestServer } from './server.ts';

/** The playground, built and served. */
export interface Playground {
  readonly server: TestServer;
  readonly url: string;
  /** The origin of its address. */
  readonly path: string;
  /** The folder of the build. */
  readonly folder: string;
}

/** A static server that has the build under a path which the build does not know. @param mounts what it has besides */
export async function servePlayground(mounts: Readonly<Record<string, Mount>> = {}): Promise<Playground> {
  const outDir = mkdtempSync(join(tmpdir(), 'moviegen-playground-'));
  afterAll(() => rmSync(outDir, { recursive: true, force: true }));
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  const { NODE_ENV, ...env } = process.env; // people do not build with a test's NODE_ENV
  const options = ['--outDir', outDir, '--emptyOutDir', '--logLevel', 'error'];
  await promisify(execFile)('npm', ['run', 'playground:build', '--', ...options], { cwd, env });
  const path = '/some/sub/path/';
  const server = await serve({ ...mounts, [path]: outDir });
  return { server, url: server.origin + path, path, folder: outDir };
}

/** Puts the tiny checkpoint, with a transformer that can do every job, in the place of the built one. */
export function serveConditioned({ folder }: Playground): void {
  const checkpoint = join(folder, 'checkpoint');
  rmSync(checkpoint, { recursive: true });
  cpSync(SMALL, checkpoint, { recursive: true });
  const transformer = join(checkpoint, 'transformer');
  rmSync(transformer, { recursive: true });
  cpSync(join(SMALL, '../../jobs/transformer'), transformer, { recursive: true });
  const files = readdirSync(checkpoint, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const sumOf = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');
  const lines = files.map((file) => `${sumOf(file)}  ${relative(checkpoint, file).split(sep).join('/')}\n`);
  writeFileSync(join(checkpoint, 'SHA256SUMS'), lines.join(''));
}

/** The tiny checkpoint with a transformer that reads a reference picture, and its image tower. */
export function referenceModel(folder: string): string {
  cpSync(SMALL, folder, { recursive: true });
  rmSync(join(folder, 'transformer'), { recursive: true });
  for (const part of ['transformer', 'image_encoder'])
    cpSync(join(SMALL, '../../reference', part), join(folder, part), { recursive: true });
  const path = join(folder, 'model_index.json');
  const index = JSON.parse(readFileSync(path, 'utf8'));
  writeFileSync(path, JSON.stringify({ ...index, image_encoder: 'image_encoder' }));
  return folder;
}

/** Settings to change in the form. */
export interface Asked {
  readonly prompt: string;
  readonly seed?: number;
  readonly steps?: number;
  readonly width?: number;
  readonly height?: number;
  readonly frames?: number;
}

/** Milliseconds that a video may take if kernels must be compiled and other work uses the cores. */
export const PATIENCE = 280_000;

/** Without this flag, Chromium takes a GPU process that waits for a core for a hung one. */
export const PATIENT = '--disable-gpu-watchdog';

/** The cheapest video there is. */
export const TINY: Asked = {
  prompt: 'a red circle stays still on a white background',
  steps: 2,
  width: 16,
  height: 16,
  frames: 1,
};

/** Fills the form and presses the button. */
export async function generate(page: Page, asked: Asked): Promise<void> {
  for (const [name, value] of Object.entries(asked)) await page.locator(`#${name}`).fill(String(value));
  await page.getByRole('button', { name: 'Generate', exact: true }).click();
}

/** Waits for the video. @throws with the page's words if there is a problem instead */
export async function finished(page: Page): Promise<void> {
  await page.locator('.player, .stage .problem').first().waitFor({ timeout: PATIENCE });
  const problem = page.locator('.stage .problem');
  if (await problem.count()) throw new Error(`the page says: ${await problem.textContent()}`);
}

/** The code of the problem on the stage. */
export async function problemCode(page: Page): Promise<string | null> {
  const problem = page.locator('.stage .problem');
  await problem.waitFor({ timeout: PATIENCE });
  return problem.getAttribute('data-code');
}

/** Every frame of the video on the stage, as its canvas shows it at that position of the scrubber. */
export async function framesOnStage(page: Page): Promise<Frames> {
  const { pixels, shape } = await page.evaluate(async () => {
    const slider = document.querySelector<HTMLInputElement>('.player input')!;
    const canvas = document.querySelector<HTMLCanvasElement>('.stage canvas')!;
    const pixels: number[] = [];
    const count = Number(slider.max) + 1;
    const late = performance.now() + 60_000;
    for (let k = 0; k < count; k++) {
      slider.value = String(k);
      slider.dispatchEvent(new Event('input', { bubbles: true }));
      while (canvas.dataset.frame !== String(k)) {
        if (performance.now() > late) throw new Error(`frame ${canvas.dataset.frame} is shown, not ${k}`);
        await new Promise(requestAnimationFrame);
      }
      const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
      for (let i = 0; i < data.length; i++) if (i % 4 !== 3) pixels.push(data[i]!);
    }
    return { pixels, shape: [count, canvas.height, canvas.width, 3] as const };
  });
  return { data: Uint8Array.from(pixels), shape };
}

/** The PSNR of two videos in dB. */
export function decibels(a: Frames, b: Frames): number {
  expect(a.shape).toEqual(b.shape);
  const squares = a.data.reduce((sum, value, i) => sum + (value - b.data[i]!) ** 2, 0);
  return 10 * Math.log10(255 ** 2 / (squares / b.data.length));
}

/** What a page notes while a video is made: the phases that were running and the previews that were drawn, in order. */
export interface Noted {
  readonly phases: string[];
  readonly steps: number[];
}

/** Starts to take notes. */
export async function note(page: Page): Promise<void> {
  await page.evaluate(() => {
    const noted: Noted = { phases: [], steps: [] };
    Object.assign(globalThis, { noted });
    const look = () => {
      const phase = document.querySelector<HTMLElement>('.phases .running')?.dataset.phase;
      if (phase !== undefined && noted.phases.at(-1) !== phase) noted.phases.push(phase);
      const step = Number(document.querySelector<HTMLElement>('.stage canvas')?.dataset.step ?? 0);
      if (step > 0 && noted.steps.at(-1) !== step) noted.steps.push(step);
    };
    new MutationObserver(look).observe(document.querySelector('.stage')!, {
      subtree: true,
      childList: true,
      attributes: true,
    });
  });
}

/** The notes. */
export const noted = (page: Page): Promise<Noted> =>
  page.evaluate(() => (globalThis as unknown as { noted: Noted }).noted);

/** An event of Chromium's trace. */
interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds that passed, and microseconds for which the thread worked. */
  readonly dur?: number;
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/** A task of the page's thread: milliseconds that passed, and milliseconds for which it worked. */
export interface Task {
  readonly passed: number;
  readonly worked: number;
}

/**
 * The tasks of the page's thread during some work. Chromium's trace tells for how long the thread worked; `longtask`
 * entries tell only how much time passed, which on a busy machine is mostly waiting for a core.
 */
export async function tasksDuring(page: Page, work: () => Promise<void>): Promise<Task[]> {
  const events: TraceEvent[] = [];
  const session = await page.context().newCDPSession(page);
  session.on('Tracing.dataCollected', ({ value }) => events.push(...(value as unknown as TraceEvent[])));
  const complete = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve));
  await session.send('Tracing.start', {
    transferMode: 'ReportEvents',
    traceConfig: { includedCategories: ['toplevel'], recordMode: 'recordAsMuchAsPossible' },
  });
  await work();
  await session.send('Tracing.end');
  await complete;
  await session.detach();
  const key = ({ pid, tid }: TraceEvent): string => `${pid} ${tid}`;
  const mains = new Set(
    events.filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain').map(key),
  );
  return events
    .filter((event) => event.name.endsWith('RunTask') && event.ph === 'X' && mains.has(key(event)))
    .map(({ dur = 0, tdur = 0 }) => ({ passed: dur / 1000, worked: tdur / 1000 }));
}
