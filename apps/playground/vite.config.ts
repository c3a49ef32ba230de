// Serves and builds the playground from the packages' sources. The build is a static folder with relative addresses,
// which any web server can host under any path.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { checkpoint } from './vite/checkpoint.ts';
import { contentSecurityPolicy } from './vite/contentSecurityPolicy.ts';
import { offline } from './vite/offline.ts';

const root = fileURLToPath(new URL('.', import.meta.url));

export default defineConfig({
  root,
  base: './',
  resolve: { conditions: ['@moviegen/source', 'module', 'browser', 'development|production'] },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    modulePreload: { polyfill: false }, // it would be an inline script
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 2000,
    rolldownOptions: {
      input: { index: `${root}index.html`, serviceWorker: `${root}src/serviceWorker.ts` },
      output: {
        entryFileNames: ({ name }) =>
          name === 'serviceWorker' ? 'serviceWorker.js' : 'assets/[name]-[hash].js',
      },
    },
  },
  plugins: [
    checkpoint(fileURLToPath(new URL('../../models/shapes-world', import.meta.url))),
    contentSecurityPolicy(),
    offline(),
  ],
});
