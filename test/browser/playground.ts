// The built playground for its tests: where it is served, and what a person sees on it.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Frames } from 'moviegen';
import type { Page } from 'playwright-core';
import { afterAll } from 'vitest';
import { serve, type TestServer } from './server.ts';

/** The playground, built and served. */
export interface Playground {
  readonly server: TestServer;
  readonly url: string;
  /** Of the address. */
  readonly path: string;
  /** Where the build lies. */
  readonly folder: string;
}

/** A static server with the build under a path that nothing told the build of. */
export async function servePlayground(): Promise<Playground> {
  const outDir = mkdtempSync(join(tmpdir(), 'moviegen-playground-'));
  afterAll(() => rmSync(outDir, { recursive: true, force: true }));
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  const { NODE_ENV, ...env } = process.env; // a test's is not what people build with
  const options = ['--outDir', outDir, '--emptyOutDir', '--logLevel', 'error'];
  await promisify(execFile)('npm', ['run', 'playground:build', '--', ...options], { cwd, env });
  const path = '/some/sub/path/';
  const server = await serve({ [path]: outDir });
  return { server, url: server.origin + path, path, folder: outDir };
}

/** Settings that differ from what the form holds. */
export interface Asked {
  readonly prompt: string;
  readonly seed?: number;
  readonly steps?: number;
  readonly width?: number;
  readonly height?: number;
  readonly frames?: number;
}

/** Milliseconds for a video where kernels are still to be compiled and other work has the cores. */
export const PATIENCE = 280_000;

/** Chromium's flag against taking a GPU process for hung that waits for a core. */
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

/** Waits until a video is there. @throws with the page's words where there is a problem instead. */
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

/** Every frame of the video on the stage, as its canvas shows it when the scrubber is there. */
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

/** What a page notes of itself while a video is made: what was seen running, and previews drawn, in order. */
export interface Noted {
  readonly phases: string[];
  readonly steps: number[];
}

/** Begins to note. */
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

/** What was noted. */
export const noted = (page: Page): Promise<Noted> =>
  page.evaluate(() => (globalThis as unknown as { noted: Noted }).noted);

/** An event of Chromium's trace. */
interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds that passed, and microseconds that the thread itself worked. */
  readonly dur?: number;
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/** A task of the page's own thread, in milliseconds: what passed, and what it worked. */
export interface Task {
  readonly passed: number;
  readonly worked: number;
}

/**
 * The tasks of the page's thread while something goes on. Chromium's trace tells the time in which the thread
 * worked; `longtask` entries tell only what passed, which on a busy machine is mostly waiting for a core.
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
