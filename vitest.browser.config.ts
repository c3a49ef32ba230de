// How the browser tests run: each file drives its own Chromium, one file after the other, because pages that measure
// time would otherwise disturb each other.
import { defineConfig } from 'vitest/config';

const source = ['@moviegen/source'];

export default defineConfig({
  resolve: { conditions: source },
  ssr: { resolve: { conditions: source } },
  test: {
    include: ['test/browser/**/*.test.ts'],
    globalSetup: ['test/browser/requireChromium.ts', 'test/build.ts', 'test/cache.ts'],
    setupFiles: ['test/browser/expectNoFaults.ts'],
    pool: 'forks',
    fileParallelism: false,
    isolate: false,
    testTimeout: 300_000,
    hookTimeout: 600_000, // one hook compiles an op's kernels
  },
});
