// The built page's content security policy, as a meta tag, so that a static server need not be configured. It is left
// out in development, where the bundler's client puts styles into the page.
import type { Plugin } from 'vite';

const POLICY = {
  'default-src': "'none'",
  'script-src': "'self'",
  'worker-src': "'self'",
  'style-src': "'self'",
  'img-src': "'self' blob: data:",
  // A person may name a model of the hub, which sends its files from other hosts, a folder anywhere, or a server (`?server=`).
  'connect-src': "'self' https: http://localhost:* http://127.0.0.1:*",
  'manifest-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
};

/** Puts the policy at the beginning of the head. */
export function contentSecurityPolicy(): Plugin {
  const content = Object.entries(POLICY)
    .map(([name, value]) => `${name} ${value}`)
    .join('; ');
  return {
    name: 'content-security-policy',
    apply: 'build',
    transformIndexHtml: () => [
      { tag: 'meta', attrs: { 'http-equiv': 'Content-Security-Policy', content }, injectTo: 'head-prepend' },
    ],
  };
}
