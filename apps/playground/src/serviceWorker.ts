// Keeps the page's own files, so that it opens without a network. The build fills in their list. All files of a new
// version are fetched before it takes over. The checkpoint's files are left to the page, which keeps them itself.

const FILES: readonly string[] = JSON.parse('__FILES__');
const VERSION = '__VERSION__';

/** The parts of a service worker's scope that are used here, which the DOM's types lack. */
interface Scope {
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: 'install' | 'activate', listener: (event: Lasting) => void): void;
  addEventListener(type: 'fetch', listener: (event: Fetching) => void): void;
}
interface Lasting {
  waitUntil(work: Promise<unknown>): void;
}
interface Fetching {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

const scope = globalThis as unknown as Scope;
const base = scope.registration.scope;
const PREFIX = `moviegen ${base} `; // several pages may share an origin
const NAME = PREFIX + VERSION;
const addresses = new Set(FILES.map((name) => new URL(name, base).href));
const index = new URL('index.html', base).href;

scope.addEventListener('install', (event) => {
  event.waitUntil(
    (async () => {
      const cache = await caches.open(NAME);
      await cache.addAll([...addresses].map((address) => new Request(address, { cache: 'reload' })));
      await scope.skipWaiting();
    })(),
  );
});

scope.addEventListener('activate', (event) => {
  event.waitUntil(
    (async () => {
      const old = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== NAME);
      await Promise.all(old.map((name) => caches.delete(name)));
      await scope.clients.claim();
    })(),
  );
});

scope.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET') return;
  const url = new URL(request.url);
  url.hash = '';
  url.search = '';
  const address = url.href === base ? index : url.href;
  if (!addresses.has(address)) return;
  event.respondWith((async () => (await (await caches.open(NAME)).match(address)) ?? fetch(request))());
});
