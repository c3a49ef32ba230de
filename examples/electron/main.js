// The main process: a window, and files for it. electron . CHECKPOINT

import { fileURLToPath } from 'node:url';
import { app, BrowserWindow, dialog, ipcMain } from 'electron';
import { mainFiles } from './files.js';

const path = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));
const files = mainFiles(process.argv.at(-1) ?? '', async () => {
  const { canceled, filePath } = await dialog.showSaveDialog({ defaultPath: 'video.mp4' });
  return canceled ? undefined : filePath;
});
for (const [name, act] of Object.entries(files))
  ipcMain.handle(name, (_event, ...args) =>
    /** @type {(...args: unknown[]) => Promise<unknown>} */ (act)(...args),
  );

app.on('window-all-closed', () => app.quit());
await app.whenReady();
const window = new BrowserWindow({
  webPreferences: { preload: path('preload.cjs'), sandbox: true, contextIsolation: true },
});
await window.loadFile(path('dist/index.html'));
