// Before all browser tests: without a Chromium there is nothing to test, and the run fails with one line.

import { chromiumPath } from './chromium.ts';

/** Vitest's global setup. */
export default function requireChromium(): void {
  try {
    console.log(`chromium: ${chromiumPath()}`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1); // thrown, the line would drown in the test runner's own stack
  }
}
