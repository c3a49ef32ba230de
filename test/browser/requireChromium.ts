// Runs before all browser tests: without a Chromium there is nothing to test, so that the run fails with one line.

import { chromiumPath } from './chromium.ts';

/** Vitest's global setup. */
export default function requireChromium(): void {
  try {
    console.log(`chromium: ${chromiumPath()}`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1); // a thrown error would be lost in the test runner's stack trace
  }
}
