// How the tests run that need a PostgreSQL of the system: apt-get install postgresql.
import { defineConfig, mergeConfig } from 'vitest/config';
import config from './vitest.config.ts';

const { test, ...rest } = config;

export default mergeConfig(
  rest,
  defineConfig({ test: { ...test, include: ['packages/server/test/postgres/*.test.ts'], exclude: [] } }),
);
