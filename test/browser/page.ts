// Opens a page as a person does, watches it for faults, and asks an accessibility checker about it.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { AxeResults, RunOptions } from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { watchFaults } from './faults.ts';

/** How a page is opened, in addition to the options of playwright's contexts (`viewport`, `colorScheme`, ...). */
export interface OpenPageOptions extends BrowserContextOptions {
  /** Faults that the test provokes, such as the console's error about a file that is missing on purpose. */
  readonly expected?: readonly RegExp[];
}

/** The console's error about files that a checkpoint may lack: they are requested and not found. */
export const OPTIONAL_FILES = /status of 404 .*\/(SHA256SUMS|[\w.]+\.(safetensors|json))\)$/;

/**
 * Opens an address in a new profile (its storage is empty at first, and lasts as long as `page.context()`).
 * Faults in the page fail the present test.
 */
export async function openPage(
  browser: Browser,
  url: string,
  { expected = [], ...options }: OpenPageOptions = {},
): Promise<Page> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(120_000); // a slow machine is not a fault
  const page = await context.newPage();
  watchFaults(page, new URL(url).origin, expected);
  await page.goto(url);
  return page;
}

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/**
 * What axe-core finds serious or critical on the page as it is now: one line per fault, with its elements.
 * It is injected in spite of any content security policy.
 */
export async function seriousAxeFaults(page: Page, options: RunOptions = {}): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(await readFile(axe, 'utf8'));
  const results = await page.evaluate(
    (given) =>
      (globalThis as unknown as { axe: { run(at: Document, how: RunOptions): Promise<AxeResults> } }).axe.run(
        document,
        given,
      ),
    options,
  );
  return results.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, impact, help, nodes }) => {
      const where = nodes.map(({ html, failureSummary }) => `${html} ${failureSummary ?? ''}`).join('; ');
      return `${id} (${impact}): ${help}: ${where}`;
    });
}
