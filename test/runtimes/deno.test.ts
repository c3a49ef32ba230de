// Deno has a WebGPU of its own, wgpu: every kernel, and a video beside that of Node.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ByteErrors } from '@moviegen/evaluation';
import { unpackSwiftShader } from '@moviegen/tensor/node';
import { TINY } from '@moviegen/testing/checkpoints';
import { testDevice } from '@moviegen/testing/device';
import { decodeVideo, MovieGen } from 'moviegen';
import { expect, test } from 'vitest';
import { PROMPT, temporaryFolder } from '../cli.ts';

const MODEL = fileURLToPath(new URL('../../models/shapes-world', import.meta.url));
const OPTIONS = { steps: 4, numFrames: 8, seed: 5 };
const MINUTES = 60_000;

test('the self-test and a video in Deno', { timeout: 8 * MINUTES }, async () => {
  expect(process.env.MOVIEGEN_TEST_BUILD, 'the build').toBe('done');
  const folder = temporaryFolder();
  const said = JSON.parse(
    await deno(['deno.mjs', MODEL, PROMPT, JSON.stringify(OPTIONS), folder], await swiftShader()),
  );
  console.log(`Deno ${said.deno} on ${said.adapter}: ${said.checks} checks`);
  expect(said.failures).toEqual([]);
  expect(said.checks).toBeGreaterThan(400);

  const movieGen = await MovieGen.fromPretrained(MODEL, { device: await testDevice() });
  const { frames, fps } = await movieGen.generate(PROMPT, OPTIONS);
  movieGen.dispose();
  expect(said.fps).toBe(fps);
  const errors = new ByteErrors();
  errors.add(readFileSync(`${folder}/frames`), frames.data);
  console.log(`${errors.psnr()} dB from the frames of Node`);
  expect(errors.psnr()).toBeGreaterThan(60);
  const video = await decodeVideo(new Uint8Array(readFileSync(`${folder}/video.mp4`)));
  expect(video.shape).toEqual(frames.shape);
});

test('the example of a script, on Dawn', async () => {
  const file = `${temporaryFolder()}/video.mp4`;
  const said = await deno(['../../examples/script/video.js', PROMPT, TINY, file]);
  const { shape } = await decodeVideo(new Uint8Array(readFileSync(file)));
  expect(said.trim().split('\n').at(-1)).toBe(`${file}: ${shape[0]} frames`);
});

/** The environment in which Deno's own WebGPU finds SwiftShader, where nobody has named another adapter. */
async function swiftShader(): Promise<Record<string, string>> {
  const { manifest, loader } = await unpackSwiftShader();
  return { VK_DRIVER_FILES: manifest, VK_ICD_FILENAMES: manifest, LD_LIBRARY_PATH: dirname(loader) };
}

/** What a script says in Deno. */
async function deno(args: readonly string[], environment: Record<string, string> = {}): Promise<string> {
  const program = createRequire(import.meta.url).resolve('deno/bin.cjs');
  const run = ['run', '--allow-all', '--no-lock', '--node-modules-dir=manual', '--quiet'];
  const child = spawn(process.execPath, [program, ...run, ...args], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    env: { ...process.env, ...environment, NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1' },
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (data) => (out += data));
  child.stderr.on('data', (data) => (err += data));
  const status = await new Promise((resolve, reject) => {
    child.on('error', reject).on('close', resolve);
  });
  expect({ status, err }).toEqual({ status: 0, err: '' });
  return out;
}
