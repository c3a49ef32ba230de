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

/** A static server with the build under a path that nothing told the build of. */
export async function servePlayground(): Promise<{ server: TestServer; url: string; path: string }> {
  const outDir = mkdtempSync(join(tmpdir(), 'moviegen-playground-'));
  afterAll(() => rmSync(outDir, { recursive: true, force: true }));
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  const { NODE_ENV, ...env } = process.env; // a test's is not what people build with
  const options = ['--outDir', outDir, '--emptyOutDir', '--logLevel', 'error'];
  await promisify(execFile)('npm', ['run', 'playground:build', '--', ...options], { cwd, env });
  const path = '/some/sub/path/';
  const server = await serve({ [path]: outDir });
  return { server, url: server.origin + path, path };
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

/** The cheapest video there is. */
export const TINY: Asked = {
  ...{ prompt: 'a red circle stays still on a white background', steps: 2, width: 16, height: 16, frames: 1 },
};

/** Fills the form and presses the button. */
export async function generate(page: Page, asked: Asked): Promise<void> {
  for (const [name, value] of Object.entries(asked)) await page.locator(`#${name}`).fill(String(value));
  await page.getByRole('button', { name: 'Generate', exact: true }).click();
}

/** Waits until a video is there. @throws with the page's words where there is a problem instead. */
export async function finished(page: Page): Promise<void> {
  await page.locator('.player, .stage .problem').first().waitFor({ timeout: 110_000 });
  const problem = page.locator('.stage .problem');
  if (await problem.count()) throw new Error(`the page says: ${await problem.textContent()}`);
}

/** The code of the problem on the stage. */
export async function problemCode(page: Page): Promise<string | null> {
  const problem = page.locator('.stage .problem');
  await problem.waitFor({ timeout: 110_000 });
  return problem.getAttribute('data-code');
}

/** Every frame of the video on the stage, as its canvas shows it when the scrubber is there. */
export async function framesOnStage(page: Page): Promise<Frames> {
  const { pixels, shape } = await page.evaluate(async () => {
    const slider = document.querySelector<HTMLInputElement>('.player input')!;
    const canvas = document.querySelector<HTMLCanvasElement>('.stage canvas')!;
    const pixels: number[] = [];
    const count = Number(slider.max) + 1;
    for (let k = 0; k < count; k++) {
      slider.value = String(k);
      slider.dispatchEvent(new Event('input', { bubbles: true }));
      while (canvas.dataset.frame !== String(k)) await new Promise(requestAnimationFrame);
      const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
      for (let i = 0; i < data.length; i++) if (i % 4 !== 3) pixels.push(data[i]!);
    }
    return { pixels, shape: [count, canvas.height, canvas.width, 3] as const };
  });
  return { data: Uint8Array.from(pixels), shape };
}

/** What a page notes of itself while a video is made. */
export interface Noted {
  /** Phases that were seen running, and steps whose preview was drawn, in order. */
  readonly phases: string[];
  readonly steps: number[];
  /** Milliseconds of tasks longer than 50. */
  readonly longTasks: number[];
}

/** Begins to note. */
export async function note(page: Page): Promise<void> {
  await page.evaluate(() => {
    const noted: Noted = { phases: [], steps: [], longTasks: [] };
    Object.assign(globalThis, { noted });
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) noted.longTasks.push(duration);
    }).observe({ type: 'longtask' });
    const look = () => {
      const phase = document.querySelector<HTMLElement>('.phases .running')?.dataset.phase;
      if (phase !== undefined && noted.phases.at(-1) !== phase) noted.phases.push(phase);
      const step = Number(document.querySelector<HTMLElement>('.stage canvas')?.dataset.step ?? 0);
      if (step > 0 && noted.steps.at(-1) !== step) noted.steps.push(step);
    };
    new MutationObserver(look).observe(document.querySelector('.stage')!, {
      ...{ subtree: true, childList: true, attributes: true },
    });
  });
}

/** What was noted. */
export const noted = (page: Page): Promise<Noted> =>
  page.evaluate(() => (globalThis as unknown as { noted: Noted }).noted);
