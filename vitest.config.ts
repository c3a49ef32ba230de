// How the tests run: from source, with a device per file. Tests of the command line start the build.
import { defineConfig } from 'vitest/config';

const source = ['@moviegen/source'];

export default defineConfig({
  resolve: { conditions: source },
  ssr: { resolve: { conditions: source } },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts'],
    // vitest.browser.config.ts, vitest.ffmpeg.config.ts and vitest.postgres.config.ts run these
    exclude: ['test/browser/**', 'test/ffmpeg/**', 'packages/server/test/postgres/**'],
    globalSetup: ['test/build.ts', 'test/cache.ts'],
    pool: 'forks',
    maxWorkers: 2,
    isolate: false,
    execArgv: ['--expose-gc'],
    setupFiles: ['test/collect.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
