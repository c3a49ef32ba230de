// What went wrong in pages while a test looked elsewhere: errors that nobody caught, errors on the console (a
// violated content security policy is one), crashes, requests to other origins. Any of them fails the test.

import type { Page } from 'playwright-core';

const faults: string[] = [];

/** The faults since the last call. */
export const takeFaults = (): string[] => faults.splice(0);

/**
 * Watches a page for faults.
 * @param origin where everything that it loads must come from
 * @param expected faults that belong to the test
 */
export function watchFaults(page: Page, origin: string, expected: readonly RegExp[]): void {
  const tell = (fault: string): void => {
    if (!expected.some((pattern) => pattern.test(fault))) faults.push(fault);
  };
  page.on('pageerror', (error) => tell(`uncaught: ${error.stack ?? error.message}`));
  page.on('crash', () => tell('the page crashed'));
  page.on('console', (message) => {
    if (message.type() === 'error') tell(`console: ${message.text()} (${message.location().url})`);
  });
  page.context().on('request', (request) => {
    const url = new URL(request.url());
    if (/^(https?|wss?):$/.test(url.protocol) && url.origin !== origin)
      tell(`another origin: ${request.method()} ${url.href}`);
  });
}
