// The Vulkan drivers of the system, as the Vulkan loader finds them.
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The manifests that the Vulkan loader would find: where there are none, asking only makes Dawn complain. */
export function vulkanDrivers(): string[] {
  const {
    VK_DRIVER_FILES,
    VK_ICD_FILENAMES,
    VK_ADD_DRIVER_FILES,
    XDG_DATA_DIRS,
    XDG_DATA_HOME,
    XDG_CONFIG_DIRS,
    HOME,
  } = process.env;
  const given = VK_DRIVER_FILES || VK_ICD_FILENAMES;
  if (given) return given.split(delimiter);
  const lists = [
    XDG_CONFIG_DIRS || '/etc/xdg',
    '/etc',
    XDG_DATA_DIRS || '/usr/local/share:/usr/share',
    XDG_DATA_HOME,
  ];
  const folders = lists.flatMap((list) => list?.split(delimiter) ?? []);
  if (HOME) folders.push(join(HOME, '.local/share'));
  const found = folders.flatMap((folder) => {
    const icds = join(folder, 'vulkan', 'icd.d');
    const names = existsSync(icds) ? readdirSync(icds) : [];
    return names.filter((name) => name.endsWith('.json')).map((name) => join(icds, name));
  });
  return [...(VK_ADD_DRIVER_FILES?.split(delimiter) ?? []), ...found];
}

/** Environment variables that leave the Vulkan loader, older or newer, one driver. */
export const onlyDriver = (manifest: string): Record<string, string> => ({
  VK_DRIVER_FILES: manifest,
  VK_ICD_FILENAMES: manifest,
  VK_ADD_DRIVER_FILES: '',
});
