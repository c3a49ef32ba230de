// Bundles the page for browsers by Vite, esbuild and webpack, and looks for Node in what they give.

import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { build as esbuild, transformSync } from 'esbuild';
import { build as vite } from 'vite';
import webpack from 'webpack';

const bundlers = {
  vite: (outDir) => vite({ logLevel: 'warn', worker: { format: 'es' }, build: { outDir, target: 'es2022' } }),
  // esbuild leaves a worker's address as it is, so that the worker is an entry of its own.
  esbuild: (outdir) =>
    esbuild({
      entryPoints: ['page.js', 'worker.js'],
      outdir,
      bundle: true,
      splitting: true,
      minify: true,
      format: 'esm',
      platform: 'browser',
      target: 'es2022',
    }),
  // Its own minifier takes most of a minute: esbuild's stands in below.
  webpack: (path) =>
    new Promise((resolve, reject) => {
      const options = { mode: 'production', target: 'web', entry: './page.js', output: { path } };
      const quick = { optimization: { minimize: false }, performance: { hints: false } };
      webpack({ ...options, ...quick }, (error, stats) => {
        if (error || stats.hasErrors() || stats.hasWarnings())
          reject(error ?? new Error(stats.toString('errors-warnings')));
        else resolve();
      });
    }),
};

const modules = builtinModules.join('|');
const node = new RegExp(
  `["'\`]node:|\\b(?:from|import\\(|require\\()\\s*["'\`](?:${modules})["'\`]|\\bprocess\\.(?!env\\.NODE_ENV)|\\bBuffer\\.|__dirname|sparticuz|cli-progress`,
);
for (const [name, bundle] of Object.entries(bundlers)) {
  const folder = `${import.meta.dirname}/out/${name}`;
  const begin = performance.now();
  await bundle(folder);
  const scripts = readdirSync(folder, { recursive: true }).filter((file) => file.endsWith('.js'));
  const codes = scripts.map(
    (file) => transformSync(readFileSync(`${folder}/${file}`, 'utf8'), { minify: true }).code,
  );
  const faults = codes.map((code, i) => [scripts[i], node.exec(code)?.[0]]).filter(([, fault]) => fault);
  if (faults.length > 0) throw new Error(`${name}: Node in a browser's bundle: ${faults.join('; ')}`);
  if (!codes.some((code) => code.includes('@workgroup_size')))
    throw new Error(`${name}: the bundle has no kernels`);
  const seconds = ((performance.now() - begin) / 1000).toFixed(1);
  console.log(`${name}: ${scripts.length} scripts without Node, in ${seconds} s`);
}
