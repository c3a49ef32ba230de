// The example of docs/serving: valid by the schema of the Compose specification (Apache-2.0, github.com/compose-spec), and
// its commands take the options that it gives.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import Ajv from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { Command } from 'commander';
import { Run } from 'moviegen/cli';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { addCommands } from '../src/cli.ts';

const read = (path: string) => readFile(fileURLToPath(new URL(path, import.meta.url)), 'utf8');
const compose = parse(await read('../../../docs/serving/compose.yaml'), { merge: true });

it('is valid', async () => {
  const schema = JSON.parse(await read('schemas/compose-spec.json'));
  const ajv = new Ajv.default({ strict: false, allErrors: true });
  formats.default(ajv);
  const isValid = ajv.compile({ ...schema, $schema: undefined });
  expect([isValid(compose), isValid.errors]).toEqual([true, null]);
  expect(isValid({ services: { a: { imagee: 'x' } } })).toBe(false);
});

it('calls commands with options that they have', async () => {
  for (const { command } of Object.values<{ command?: string[] }>(compose.services)) {
    if (command === undefined) continue;
    const program = new Command().exitOverride();
    addCommands(program, new Run(AbortSignal.abort()));
    for (const one of program.commands) one.action(() => {}).exitOverride();
    await expect(program.parseAsync(command, { from: 'user' })).resolves.toBeDefined();
  }
});
