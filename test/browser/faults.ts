// What goes wrong in pages without a test looking for it: uncaught errors, errors on the console (also violations of
// the content security policy), crashes, requests to other origins. Each of them fails the test.

import type { Page } from 'playwright-core';

const faults: string[] = [];

/** The faults since the last call. */
export const takeFaults = (): string[] => faults.splice(0);

/**
 * Watches a page for faults.
 * @param origin the only origin that the page may load from
 * @param expected faults that the test provokes
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
