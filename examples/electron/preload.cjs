// Between the two: the renderer can call these three functions of the main process, and nothing else.

const { contextBridge, ipcRenderer } = require('electron');

contextBridge.exposeInMainWorld(
  'bridge',
  Object.fromEntries(
    ['size', 'read', 'save'].map((name) => [
      name,
      (/** @type {unknown[]} */ ...args) => ipcRenderer.invoke(name, ...args),
    ]),
  ),
);
