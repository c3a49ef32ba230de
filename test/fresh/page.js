// A page that makes a video in a worker: what Vite, esbuild and webpack bundle.

const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
worker.addEventListener('message', ({ data }) => document.body.append(data.byteLength));
worker.postMessage('a red circle');
