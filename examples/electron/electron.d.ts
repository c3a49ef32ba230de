// The part of Electron that this example uses. Its own package downloads the program when it is installed, which this repository
// does not do: with Electron installed, delete this file.

declare module 'electron' {
  export const app: {
    whenReady(): Promise<void>;
    on(event: 'window-all-closed', listener: () => void): void;
    quit(): void;
  };
  export class BrowserWindow {
    constructor(options: {
      webPreferences: { preload: string; sandbox: boolean; contextIsolation: boolean };
    });
    loadFile(path: string): Promise<void>;
  }
  export const contextBridge: { exposeInMainWorld(name: string, api: unknown): void };
  export const dialog: {
    showSaveDialog(options: { defaultPath: string }): Promise<{ canceled: boolean; filePath: string }>;
  };
  export const ipcMain: {
    // biome-ignore lint/suspicious/noExplicitAny: Electron's own type
    handle(channel: string, listener: (event: unknown, ...args: any[]) => Promise<unknown>): void;
  };
  export const ipcRenderer: { invoke(channel: string, ...args: unknown[]): Promise<unknown> };
}
