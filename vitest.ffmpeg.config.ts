// How the tests against FFmpeg's own figures run: they need its command line, which `.ci/run` installs.
import { defineConfig } from 'vitest/config';

const source = ['@moviegen/source'];

export default defineConfig({
  resolve: { conditions: source },
  ssr: { resolve: { conditions: source } },
  test: { include: ['test/ffmpeg/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 120_000 },
});
