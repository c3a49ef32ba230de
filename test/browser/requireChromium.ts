// Before all browser tests: without a Chromium there is nothing to test, and the run fails.

import { chromiumPath } from './chromium.ts';

/** Vitest's global setup. */
export default function requireChromium(): void {
  console.log(`chromium: ${chromiumPath()}`);
}
