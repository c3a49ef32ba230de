// The Chromium that the tests drive. It is the system's, because only a complete Chromium has WebGPU (the headless
// shell that playwright downloads has none). Its adapter is SwiftShader, so that the tests need no GPU.

import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { afterAll } from 'vitest';

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Chromium's path: `CHROMIUM_PATH`, or one of the usual places on Linux. @throws with a message that says what to install */
export function chromiumPath(): string {
  const { CHROMIUM_PATH } = process.env;
  const path = (CHROMIUM_PATH ? [CHROMIUM_PATH] : PATHS).find((candidate) => existsSync(candidate));
  if (path !== undefined) return path;
  const tried = CHROMIUM_PATH
    ? `CHROMIUM_PATH=${CHROMIUM_PATH} is not a file`
    : `none of ${PATHS.join(', ')}`;
  throw new Error(
    `browser tests: no Chromium (${tried}): apt-get install chromium, or set CHROMIUM_PATH to a Chromium or Chrome`,
  );
}

/** Starts a Chromium for this test file and stops it after the file's tests. */
export async function launchChromium(...flags: string[]): Promise<Browser> {
  // `headless: true` would start it in the old mode, without WebGPU.
  const browser = await chromium.launch({
    executablePath: chromiumPath(),
    headless: false,
    args: [...FLAGS, ...flags],
  });
  afterAll(() => browser.close());
  return browser;
}
