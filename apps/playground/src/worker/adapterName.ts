// What the page calls an adapter.
import type { DeviceDescription } from 'moviegen';

type Names = Pick<DeviceDescription['adapter'], 'vendor' | 'architecture' | 'device' | 'description'>;

/** The plainest of the texts with which an adapter describes itself; where it has none, as in Firefox, the browser. */
export function adapterName(
  { vendor, architecture, device, description }: Names,
  userAgent = navigator.userAgent,
): string {
  const name = description || device || `${vendor} ${architecture}`.trim();
  if (name !== '') return name;
  const [, browser = 'this browser', version = ''] =
    /(Firefox|Edg|Chrome|Safari)\/(\d+)/.exec(userAgent) ?? [];
  return `the unnamed adapter of ${`${browser} ${version}`.trim()}`;
}
